import Link from 'next/link';
import { Pager } from '@/components/Pager';
import { path, type Words } from '@/lib/i18n';
import { eventName } from '@/lib/policyWords';
import type { HistoryEntry, Page, PublicPolicy } from '@/lib/shapes';
import { isCapped } from './capped';

interface Props {
  words: Words;
  userId: string;
  entries: Page<HistoryEntry>;
  policy: PublicPolicy | null;
  /** Whether this is a later page of the history. */
  older: boolean;
}

/** Every entry that gave points, with its cause. */
export function History({ words, userId, entries, policy, older }: Props) {
  const { t, locale } = words;
  const { items, next } = entries;
  const here = path(locale, `/players/${userId}`);
  return (
    <section className="card" id="history" aria-labelledby="history-title">
      <div className="card-head">
        <h2 id="history-title">{t('player.history.title')}</h2>
        <Link className="link" href={path(locale, '/policy')} prefetch={false}>
          {t('common.pages.policy')}
        </Link>
      </div>
      {items.length === 0 && <p className="text-muted">{t('player.history.empty')}</p>}
      <ul className="list">
        {items.map((entry) => (
          <Entry key={entry.id} words={words} entry={entry} capped={isCapped(entry, policy)} />
        ))}
      </ul>
      <Pager
        label={t('player.history.pager')}
        previous={older ? { href: `${here}#history`, words: t('player.history.newest') } : null}
        next={
          next
            ? {
                href: `${here}?${new URLSearchParams({ history: next })}#history`,
                words: t('player.history.older'),
              }
            : null
        }
      />
    </section>
  );
}

function Entry({ words, entry, capped }: { words: Words; entry: HistoryEntry; capped: boolean }) {
  const { t } = words;
  const cause = eventName(entry.type, t);
  return (
    <li>
      <span className="list-main">
        <span className="font-semibold">
          {entry.magnitude === 1
            ? cause
            : t('player.history.entry', { cause, count: entry.magnitude })}
        </span>
        <span className="list-detail block">
          {entry.experience !== 'console' && (
            <>
              <bdi>{entry.experienceName}</bdi>
              {' · '}
            </>
          )}
          <time dateTime={entry.occurredAt}>{words.dateTime(entry.occurredAt)}</time>
        </span>
        {capped && <span className="list-detail block">{t('player.history.capped')}</span>}
      </span>
      <span className={entry.awarded > 0n ? 'list-amount text-good' : 'list-amount'}>
        {entry.awarded > 0n && '+'}
        {words.amount(entry.awarded)}
      </span>
    </li>
  );
}
