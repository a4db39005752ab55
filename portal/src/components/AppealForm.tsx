'use client';

import { useActionState, useEffect, useRef } from 'react';
import { Turnstile } from './Turnstile';

export interface AppealState {
  typed: { userId: string; code: string; text: string };
  problems: { field: string | null; words: string }[];
  /** Counts the attempts: each needs a new token of Turnstile. */
  attempt: number;
}

export interface AppealWords {
  userId: string;
  userIdHint: string;
  code: string;
  codeHint: string;
  text: string;
  textHint: string;
  website: string;
  robotNote: string;
  noScript: string;
  send: string;
  sending: string;
  problems: string;
}

interface Props {
  action: (state: AppealState, form: FormData) => Promise<AppealState>;
  words: AppealWords;
  siteKey: string;
  nonce: string;
  language: string;
  longest: number;
}

const EMPTY: AppealState = { typed: { userId: '', code: '', text: '' }, problems: [], attempt: 0 };

/** The form keeps what was typed when something is wrong with it, also without script. */
export function AppealForm({ action, words, siteKey, nonce, language, longest }: Props) {
  const [state, send, sending] = useActionState(action, EMPTY);
  const { typed } = state;
  return (
    <form action={send} className="appeal" key={state.attempt} noValidate>
      <Problems state={state} title={words.problems} />
      <Field name="userId" label={words.userId} hint={words.userIdHint} state={state}>
        {(props) => (
          <input {...props} inputMode="numeric" maxLength={19} defaultValue={typed.userId} />
        )}
      </Field>
      <Field name="code" label={words.code} hint={words.codeHint} state={state}>
        {(props) => (
          <input {...props} maxLength={40} autoCapitalize="characters" defaultValue={typed.code} />
        )}
      </Field>
      <Field name="text" label={words.text} hint={words.textHint} state={state}>
        {(props) => <textarea {...props} rows={8} maxLength={longest} defaultValue={typed.text} />}
      </Field>
      <p className="appeal-website" aria-hidden="true">
        <label>
          {words.website}
          <input name="website" tabIndex={-1} autoComplete="off" />
        </label>
      </p>
      <Turnstile siteKey={siteKey} nonce={nonce} language={language} />
      <p className="appeal-hint">{words.robotNote}</p>
      <noscript>
        <p className="appeal-problem">{words.noScript}</p>
      </noscript>
      <button type="submit" className="button button-primary" disabled={sending}>
        {sending ? words.sending : words.send}
      </button>
    </form>
  );
}

function Problems({ state, title }: { state: AppealState; title: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (state.attempt > 0) box.current?.focus();
  }, [state.attempt]);
  if (state.problems.length === 0) return null;
  return (
    <div ref={box} role="alert" tabIndex={-1} className="appeal-problems">
      <p>{title}</p>
      <ul>
        {state.problems.map(({ field, words }) => (
          <li key={words}>
            {field && field !== 'robot' ? <a href={`#${field}`}>{words}</a> : words}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface FieldProps {
  name: 'userId' | 'code' | 'text';
  label: string;
  hint: string;
  state: AppealState;
  children: (props: InputProps) => React.ReactNode;
}

interface InputProps {
  id: string;
  name: string;
  className: string;
  required: true;
  autoComplete: 'off';
  spellCheck: boolean;
  'aria-describedby': string;
  'aria-invalid': true | undefined;
}

function Field({ name, label, hint, state, children }: FieldProps) {
  const wrong = state.problems.some((problem) => problem.field === name);
  return (
    <div className="appeal-field">
      <label htmlFor={name}>{label}</label>
      <p id={`${name}-hint`} className="appeal-hint">
        {hint}
      </p>
      {children({
        id: name,
        name,
        className: 'field',
        required: true,
        autoComplete: 'off',
        spellCheck: name === 'text',
        'aria-describedby': `${name}-hint`,
        'aria-invalid': wrong || undefined,
      })}
    </div>
  );
}
