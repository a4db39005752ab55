import type { PlayerRef } from '@/lib/shapes';

const HUES = 12n;
const SIZES = { small: 28, medium: 40, large: 72 } as const;

interface Props {
  player: Pick<PlayerRef, 'userId' | 'displayName'>;
  size?: keyof typeof SIZES;
  /** A picture on this origin. Without one, the initials stand on a colour made from the id. */
  src?: string | null;
}

/** Decoration beside a name: screen readers hear the name alone. */
export function Avatar({ player, size = 'medium', src = null }: Props) {
  const edge = SIZES[size];
  if (src) {
    return <img className={`avatar avatar-${size}`} src={src} alt="" width={edge} height={edge} />;
  }
  const hue = BigInt(player.userId) % HUES;
  return (
    <span className={`avatar avatar-${size} hue-${hue}`} aria-hidden="true">
      {initials(player.displayName)}
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
