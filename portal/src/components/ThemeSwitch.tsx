'use client';

import type { FormEvent } from 'react';

interface Props {
  id: string;
  label: string;
  choices: { value: string; name: string }[];
}

const YEAR = 31_536_000; // seconds

/** A form that works without script. With script the theme changes at once. */
export function ThemeSwitch({ id, label, choices }: Props) {
  function onSubmit(event: FormEvent<HTMLFormElement>) {
    const button = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement | null;
    if (!button) return;
    event.preventDefault();
    // biome-ignore lint/suspicious/noDocumentCookie: the CookieStore is missing in Firefox
    document.cookie = `theme=${button.value};path=/;max-age=${YEAR};samesite=lax`;
    document.documentElement.dataset['theme'] = button.value;
    document.getElementById(id)?.hidePopover();
  }
  return (
    <form
      id={id}
      popover="auto"
      className="menu"
      action="/api/theme"
      method="post"
      onSubmit={onSubmit}
      aria-label={label}
    >
      {choices.map(({ value, name }) => (
        <button key={value} className="menu-item" type="submit" name="theme" value={value}>
          {name}
        </button>
      ))}
    </form>
  );
}
