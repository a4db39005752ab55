import type { Words } from '@/lib/i18n';
import type { Answer } from '@/lib/shapes';
import { Icon } from './Icon';

interface Props {
  words: Words;
  /** The page's answers: the oldest decides. */
  answers: (Pick<Answer<unknown>, 'asOf' | 'stale'> | null)[];
}

/** Says how old the figures are when no source answered. Nothing while they are fresh. */
export function StaleNote({ words, answers }: Props) {
  const stale = answers.filter((answer) => answer?.stale).map((answer) => answer?.asOf ?? '');
  const oldest = stale.sort()[0];
  if (!oldest) return null;
  return (
    <p className="stale" role="status">
      <Icon name="clock" />
      <span>
        {words.t.rich('common.stale', {
          time: <time dateTime={oldest}>{words.dateTime(oldest)}</time>,
        })}
      </span>
    </p>
  );
}
