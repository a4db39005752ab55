import type { HistoryEntry, PublicPolicy } from '@/lib/shapes';

/**
 * Whether a limit of the day or week made an entry smaller. Only said of entries that the
 * present rules judged, and of events whose points do not depend on anybody's rank.
 */
export function isCapped(entry: HistoryEntry, policy: PublicPolicy | null): boolean {
  if (!policy || entry.occurredAt < policy.activatedAt) return false;
  const weight = policy.events.find(({ type }) => type === entry.type)?.weight ?? null;
  return weight !== null && entry.awarded > 0n && entry.awarded < weight * BigInt(entry.magnitude);
}
