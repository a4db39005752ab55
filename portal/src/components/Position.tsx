import type { Words } from '@/lib/i18n';

interface Props {
  words: Words;
  position: number;
  tied: boolean;
}

const MEDALS = ['gold', 'silver', 'bronze'] as const;

/** A position in a list. The first three wear a medal, and shared positions say so. */
export function Position({ words, position, tied }: Props) {
  const medal = MEDALS[position - 1];
  return (
    <span className={medal ? `position medal medal-${medal}` : 'position'}>
      {tied && <span title={words.t('common.tied')}>=</span>}
      {words.number(position)}
      {tied && <span className="sr-only">{` ${words.t('common.tied')}`}</span>}
      {medal && <span className="sr-only">{` ${words.t(`common.medal.${medal}`)}`}</span>}
    </span>
  );
}
