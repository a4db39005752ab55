'use client';

import { useRouter } from 'next/navigation';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { Icon } from './Icon';

export interface Suggestion {
  href: string;
  name: string;
  detail: string;
}

export interface Suggestions {
  /** How many there are, in words. */
  status: string;
  players: Suggestion[];
}

interface Props {
  /** Where the form goes without script, and with the Enter key. */
  action: string;
  locale: string;
  label: string;
  button: string;
  /** A large field with a visible label, for the middle of a page. */
  large?: boolean;
  value?: string;
}

const NONE: Suggestions = { status: '', players: [] };
const PAUSE = 150; // milliseconds without a key before the server is asked

/** A plain form that becomes a combobox (ARIA 1.2) once somebody uses it with script. */
export function Search({ action, locale, label, button, large = false, value = '' }: Props) {
  const router = useRouter();
  // One of each kind may stand on a page.
  const id = large ? 'find-' : 'search-';
  const [text, setText] = useState<string | null>(null);
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const found = useSuggestions(text ?? '', locale);
  const shown = open && found.players.length > 0;
  const go = (href: string) => {
    setOpen(false);
    router.push(href);
  };

  function onKeyDown(event: KeyboardEvent) {
    const chosen = shown ? found.players[active] : undefined;
    if (event.key === 'Escape') setOpen(false);
    else if (event.key === 'Enter' && chosen) go(chosen.href);
    else if (shown && (event.key === 'ArrowDown' || event.key === 'ArrowUp'))
      setActive(step(active, event.key === 'ArrowDown' ? 1 : -1, found.players.length));
    else return;
    event.preventDefault();
  }

  return (
    <search className={large ? 'search search-large' : 'search'}>
      <form action={action} method="get" onBlur={(event) => leaves(event) && setOpen(false)}>
        <label htmlFor={`${id}q`} className={large ? 'search-label' : 'sr-only'}>
          {label}
        </label>
        <div className="search-field">
          <input
            id={`${id}q`}
            name="q"
            type="search"
            required
            maxLength={50}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={large ? undefined : label}
            defaultValue={value}
            onChange={(event) => {
              setText(event.target.value);
              setActive(-1);
              setOpen(true);
            }}
            onKeyDown={onKeyDown}
            {...(text !== null && combobox(id, shown, active))}
          />
          <button type="submit" aria-label={button}>
            <Icon name="search" />
            {large && <span aria-hidden="true">{button}</span>}
          </button>
          <div
            id={`${id}list`}
            role="listbox"
            aria-label={label}
            className="suggestions"
            hidden={!shown}
          >
            {found.players.map((player, index) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field listens to the keys
              <div
                key={player.href}
                id={`${id}option${index}`}
                role="option"
                aria-selected={index === active}
                className="suggestion"
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => go(player.href)}
              >
                <bdi>{player.name}</bdi>
                <span>{player.detail}</span>
              </div>
            ))}
          </div>
        </div>
        <p role="status" className="sr-only">
          {open ? found.status : ''}
        </p>
      </form>
    </search>
  );
}

function combobox(id: string, shown: boolean, active: number) {
  return {
    role: 'combobox',
    'aria-autocomplete': 'list' as const,
    'aria-expanded': shown,
    'aria-controls': `${id}list`,
    ...(shown && active >= 0 && { 'aria-activedescendant': `${id}option${active}` }),
  };
}

/** The option after or before the active one; -1 is the field itself. */
function step(active: number, by: number, count: number): number {
  return ((active + 1 + by + count + 1) % (count + 1)) - 1;
}

function leaves(event: React.FocusEvent): boolean {
  return !event.currentTarget.contains(event.relatedTarget);
}

/** Asks the portal itself after a pause, and forgets answers that a later key made old. */
function useSuggestions(text: string, locale: string): Suggestions {
  const [found, setFound] = useState(NONE);
  const query = text.trim();
  useEffect(() => {
    if (!query) {
      setFound(NONE);
      return;
    }
    const controller = new AbortController();
    const timer = setTimeout(() => {
      suggestions(query, locale, controller.signal).then(setFound, () => undefined);
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query, locale]);
  return found;
}

async function suggestions(q: string, locale: string, signal: AbortSignal): Promise<Suggestions> {
  const answer = await fetch(`/api/search?${new URLSearchParams({ q, locale })}`, { signal });
  return answer.ok ? ((await answer.json()) as Suggestions) : NONE;
}
