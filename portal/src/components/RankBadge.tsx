import type { Rank } from '@/lib/shapes';

export interface RankLook {
  tier: number;
  colour: string | null;
}

interface Props {
  rank: string;
  /** From 0 to 7 up the ladder, for the badge's colour. See `looksOf`. */
  tier?: number | undefined;
  /** The rank's own colour from the policy, `#rrggbb`. */
  colour?: string | null | undefined;
  size?: 'small' | 'large';
}

/** An insignia and the rank's name. The layout holds the shapes: see `InsigniaShapes`. */
export function RankBadge({ rank, tier = 0, colour, size = 'small' }: Props) {
  return (
    <span className={size === 'large' ? 'rank rank-large' : 'rank'}>
      <svg
        className={colour ? 'insignia' : `insignia tier-${tier}`}
        {...(colour && { fill: colour })}
        aria-hidden="true"
      >
        <use href={`#insignia-${stripesOf(rank)}`} />
      </svg>
      {rank}
    </span>
  );
}

const SHIELD = 'M10 .5 18 3v7.5c0 4.5-3.5 7.5-8 9-4.5-1.5-8-4.5-8-9V3z';
const STAR = 'M10 5.2l1.5 3.1 3.4.5-2.5 2.4.6 3.4-3-1.6-3 1.6.6-3.4L5.1 8.8l3.4-.5z';
const STRIPES = [
  'M5.5 11.5 10 7.5l4.5 4',
  'M5.5 9.5 10 5.5l4.5 4M5.5 14 10 10l4.5 4',
  'M5.5 8 10 4l4.5 4M5.5 11.5 10 7.5l4.5 4M5.5 15 10 11l4.5 4',
];

/** The shapes that every insignia refers to, once a page: a star, or one to three stripes. */
export function InsigniaShapes() {
  return (
    <svg className="shapes" aria-hidden="true">
      <symbol id="insignia-0" viewBox="0 0 20 20">
        <path d={SHIELD} />
        <path className="insignia-star" d={STAR} />
      </symbol>
      {STRIPES.map((stripes, index) => (
        <symbol key={stripes} id={`insignia-${index + 1}`} viewBox="0 0 20 20">
          <path d={SHIELD} />
          <path className="insignia-stripes" d={stripes} />
        </symbol>
      ))}
    </svg>
  );
}

/** "Captain II" has two stripes; a rank without a numeral has a star. */
export function stripesOf(rank: string): number {
  return / (I{1,3})$/.exec(rank)?.[1]?.length ?? 0;
}

/** Spreads the ladder's ranks over the eight badge colours. `index` counts from the lowest rank. */
export function tierOf(index: number, count: number): number {
  return Math.min(7, Math.floor((index * 8) / Math.max(count, 1)));
}

/** How the insignia of each rank looks, by slug. */
export function looksOf(ranks: Rank[]): Map<string, RankLook> {
  const ladder = ladderOf(ranks);
  const tiers = new Map(ladder.map(({ slug }, index) => [slug, tierOf(index, ladder.length)]));
  return new Map(ranks.map(({ slug, colour }) => [slug, { tier: tiers.get(slug) ?? 0, colour }]));
}

/** The ranks that players climb, from the lowest. */
export function ladderOf(ranks: Rank[]): Rank[] {
  return ranks
    .filter(({ onLadder, retired }) => onLadder && !retired)
    .sort((a, b) => a.position - b.position);
}
