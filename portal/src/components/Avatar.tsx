import { avatarAddress } from '@/lib/avatars';
import type { PlayerRef } from '@/lib/shapes';

const HUES = 12n;
const SIZES = { small: 28, medium: 40, large: 72 } as const;

interface Props {
  player: Pick<PlayerRef, 'userId' | 'displayName'>;
  size?: keyof typeof SIZES;
}

/**
 * Decoration beside a name: screen readers hear the name alone. The initials stand on a colour made
 * from the id, below the picture where there is one.
 */
export function Avatar({ player, size = 'medium' }: Props) {
  const edge = SIZES[size];
  const hue = BigInt(player.userId) % HUES;
  const address = avatarAddress(player.userId);
  return (
    <span className={`avatar avatar-${size} hue-${hue}`} aria-hidden="true">
      {initials(player.displayName)}
      {address && <img src={address} alt="" width={edge} height={edge} loading="lazy" />}
    </span>
  );
}

/** The first letters of the first two words. */
export function initials(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return (words.length > 0 ? words : [name]).slice(0, 2).map(first).join('').toUpperCase();
}

function first(word: string): string {
  return [...new Intl.Segmenter().segment(word)][0]?.segment ?? '';
}
