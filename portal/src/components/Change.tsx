import type { Words } from '@/lib/i18n';

interface Props {
  words: Words;
  /** Positions gained in about 7 days. */
  change: number | null;
}

/** An arrow and a number to look at, words to listen to. Falling is drawn in grey, never in red. */
export function Change({ words, change }: Props) {
  if (change === null) return <span className="sr-only">{words.t('common.change.unknown')}</span>;
  if (change === 0) {
    return (
      <span className="change">
        <span aria-hidden="true">–</span>
        <span className="sr-only">{words.t('common.change.same')}</span>
      </span>
    );
  }
  const direction = change > 0 ? 'up' : 'down';
  const count = Math.abs(change);
  return (
    <span className={`change change-${direction}`}>
      <span aria-hidden="true">{words.number(count)}</span>
      <span className="sr-only">{words.t(`common.change.${direction}`, { count })}</span>
    </span>
  );
}
