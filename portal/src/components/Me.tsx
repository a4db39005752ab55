'use client';

import Link from 'next/link';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Icon } from './Icon';

const KEY = 'grps.me';
const CHANGED = 'grps:me';

/** The id that this visitor marked as their own. Only this portal is asked with it, and keeps it nowhere. */
function useMe(): string | null {
  return useSyncExternalStore(listen, read, () => null);
}

function listen(changed: () => void): () => void {
  window.addEventListener('storage', changed);
  window.addEventListener(CHANGED, changed);
  return () => {
    window.removeEventListener('storage', changed);
    window.removeEventListener(CHANGED, changed);
  };
}

function read(): string | null {
  try {
    const id = localStorage.getItem(KEY) ?? '';
    return /^[1-9]\d{0,18}$/.test(id) ? id : null;
  } catch {
    return null; // storage is switched off
  }
}

function write(id: string | null): void {
  try {
    if (id) localStorage.setItem(KEY, id);
    else localStorage.removeItem(KEY);
  } catch {
    return; // storage is switched off
  }
  window.dispatchEvent(new Event(CHANGED));
}

/** Leads to the visitor's own page, or to the search while none is known. */
export function MeLink(props: { players: string; search: string; mine: string; find: string }) {
  const me = useMe();
  const label = me ? props.mine : props.find;
  return (
    <Link
      className="icon-button"
      href={me ? `${props.players}/${me}` : props.search}
      prefetch={false}
      aria-label={label}
      title={label}
    >
      <Icon name="person" />
    </Link>
  );
}

/** Marks a page as the visitor's own. Keeps its place before script runs. */
export function MeButton({
  userId,
  mark,
  marked,
}: {
  userId: string;
  mark: string;
  marked: string;
}) {
  const me = useMe();
  const [ready, setReady] = useState(false);
  useEffect(() => setReady(true), []);
  const own = me === userId;
  return (
    <button
      type="button"
      className={ready ? 'button me-button' : 'button me-button invisible'}
      title={own ? marked : mark}
      aria-pressed={own}
      onClick={() => write(own ? null : userId)}
    >
      <Icon name={own ? 'check' : 'person'} />
      <span>{own ? marked : mark}</span>
    </button>
  );
}

interface MyLineProps {
  locale: string;
  /** The list around a player, without the id. */
  around: string;
  jump: string;
}

/**
 * Marks the visitor's own line in the list, which then stays in view. When the page does not
 * hold it, a bar at the bottom says where they stand.
 */
export function MyLine({ locale, around, jump }: MyLineProps) {
  const me = useMe();
  const [summary, setSummary] = useState('');
  useEffect(() => {
    setSummary('');
    if (!me) return;
    const row = document.querySelector(`.board a[href$="/players/${me}"]`)?.closest('tr');
    if (row) {
      row.setAttribute('aria-current', 'true');
      return () => row.removeAttribute('aria-current');
    }
    const controller = new AbortController();
    standingOf(me, locale, controller.signal).then(
      (found) => setSummary(found?.summary ?? ''),
      () => undefined,
    );
    return () => controller.abort();
  }, [me, locale]);
  if (!summary) return null;
  return (
    <p className="my-line">
      <span>{summary}</span>
      <Link className="button" href={`${around}${me}`} prefetch={false}>
        {jump}
      </Link>
    </p>
  );
}

/** Marks the visitor's own rank in the list of ranks. */
export function MyRank({ locale }: { locale: string }) {
  const me = useMe();
  useEffect(() => {
    if (!me) return;
    const controller = new AbortController();
    let row: Element | null = null;
    const mark = (answer: Standing | null) => {
      if (answer) row = document.querySelector(`[data-rank="${CSS.escape(answer.rankSlug)}"]`);
      row?.setAttribute('aria-current', 'true');
    };
    standingOf(me, locale, controller.signal).then(mark, () => undefined);
    return () => {
      controller.abort();
      row?.removeAttribute('aria-current');
    };
  }, [me, locale]);
  return null;
}

interface Standing {
  summary: string;
  rankSlug: string;
}

async function standingOf(id: string, locale: string, signal: AbortSignal) {
  const answer = await fetch(`/api/me/${id}?${new URLSearchParams({ locale })}`, { signal });
  return answer.ok ? ((await answer.json()) as Standing) : null;
}
