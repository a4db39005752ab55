import { formatAmount, ratio } from '../amounts.ts';
import { formats, type Translate } from '../i18n.ts';
import type { Player } from '../shapes.ts';

const longest = 20;

/** Texts and measures of a player's card. */
export interface CardTexts {
  name: string;
  username: string;
  initial: string;
  rank: string;
  position: string;
  points: string;
  better: string;
  next: string;
  when: string;
  /** Share of the way to the next rank, 0 to 1; null if it is not known. */
  progress: number | null;
  /** Text for people who cannot see the picture. */
  alternative: string;
}

export function cardTexts(
  player: Player,
  t: Translate,
  locale: string,
  covers: (text: string) => boolean,
): CardTexts {
  const drawable = (text: string) => [...text].map((one) => (covers(one) ? one : '?')).join('');
  const shown = player.displayName || player.username;
  const name = shorten(covers(shown) && shown.trim() ? shown : drawable(player.username));
  const points = formatAmount(player.points, locale);
  const values = { name, points, rank: player.rank, position: player.position };
  return {
    name,
    username: `@${shorten(drawable(player.username))}`,
    initial: initialOf(name, locale, covers),
    rank: covers(player.rank) ? shorten(player.rank) : '',
    position: t('card.position', { position: player.position, total: player.total }),
    points: t('card.points', { points }),
    better:
      player.percentile === null ? '' : t('card.better', { percent: String(player.percentile) }),
    ...nextTexts(player, t, locale, covers),
    alternative: t('card.alternative', values),
  };
}

function nextTexts(
  player: Player,
  t: Translate,
  locale: string,
  covers: (text: string) => boolean,
): Pick<CardTexts, 'next' | 'when' | 'progress'> {
  const { nextRank } = player;
  if (nextRank === undefined) return { next: '', when: '', progress: null };
  if (nextRank === null) return { next: t('card.top'), when: '', progress: 1 };
  const rank = covers(nextRank.name) ? shorten(nextRank.name) : t('card.nextRank');
  const missing = nextRank.missing.points;
  return {
    next:
      missing > 0n
        ? t('card.missing', { points: formatAmount(missing, locale), rank })
        : t('card.reached', { rank }),
    when: nextRank.expectedAt
      ? t('card.expected', { day: formats(locale).day(nextRank.expectedAt) })
      : '',
    progress: ratio(nextRank.have.points, nextRank.minPoints),
  };
}

/** The first letter, in upper case if that can be drawn. */
function initialOf(name: string, locale: string, covers: (text: string) => boolean): string {
  const first = [...name][0] ?? '?';
  const upper = first.toLocaleUpperCase(locale);
  return covers(upper) ? upper : first;
}

function shorten(text: string): string {
  const characters = [...text];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : text;
}
