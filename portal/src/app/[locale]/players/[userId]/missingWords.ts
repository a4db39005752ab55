import type { Words } from '@/lib/i18n';
import type { NextRank } from '@/lib/shapes';

/** "120 points, 3 days and 1 recommendation", or nothing when all is there. */
export function missingWords(
  words: Pick<Words, 't' | 'amount' | 'list'>,
  { points, days, recommendations }: NextRank['missing'],
): string {
  const { t, amount, list } = words;
  const parts: string[] = [];
  if (points > 0n)
    parts.push(
      t('player.next.leadPoints', { points: amount(points), count: Number(points) / 100 }),
    );
  if (days > 0) parts.push(t('player.next.leadDays', { count: days }));
  if (recommendations > 0)
    parts.push(t('player.next.leadRecommendations', { count: recommendations }));
  return list(parts);
}
