/** The form for a second look at a case: what was typed, and what is wrong with it. */
import type { MessageKey } from './i18n.ts';

export const SHORTEST_TEXT = 20;
export const LONGEST_TEXT = 2000;
const LEAST_TIME_MS = 3000; // nobody reads and fills the form in less
const LONGEST_TOKEN = 2048; // Cloudflare's limit
const USER_ID = /^[1-9]\d{0,18}$/;
const LARGEST_ID = 2n ** 63n - 1n;
const CODE = /^[BCDFGHJKMNPQRSTVWXYZ]{12}$/; // the letters of Django's case codes

export type Field = 'userId' | 'code' | 'text' | 'robot';
export interface Problem {
  /** Null if it is about the form as a whole. */
  field: Field | null;
  key: MessageKey;
  values?: Record<string, string | number>;
}

export interface Typed {
  userId: string;
  code: string;
  text: string;
}

export interface CheckedForm {
  typed: Typed;
  /** Turnstile's token, not spent yet. */
  token: string;
  problems: Problem[];
}

/** Check a sent form. `shownAt` and `now` are in milliseconds. */
export function checkForm(form: FormData, shownAt: number, now: number): CheckedForm {
  const typed = {
    userId: field(form, 'userId'),
    code: field(form, 'code'),
    text: field(form, 'text'),
  };
  const token = field(form, 'cf-turnstile-response');
  const problems = [
    userIdProblem(typed.userId),
    codeProblem(typed.code),
    textProblem(typed.text),
    robotProblem(token, field(form, 'website')),
    timeProblem(now - shownAt),
  ].filter((problem) => problem !== null);
  return { typed, token, problems };
}

/** The code in the form that Django stores. */
export function plainCode(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, '');
}

function field(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.replaceAll('\r\n', '\n').trim() : '';
}

function userIdProblem(userId: string): Problem | null {
  if (USER_ID.test(userId) && BigInt(userId) <= LARGEST_ID) return null;
  return { field: 'userId', key: 'appeal.errors.userId' };
}

function codeProblem(code: string): Problem | null {
  return CODE.test(plainCode(code)) ? null : { field: 'code', key: 'appeal.errors.code' };
}

function textProblem(text: string): Problem | null {
  const count = [...text].length;
  if (count >= SHORTEST_TEXT && count <= LONGEST_TEXT && !text.includes('\0')) return null;
  const values = { least: SHORTEST_TEXT, most: LONGEST_TEXT, count };
  return { field: 'text', key: 'appeal.errors.text', values };
}

function robotProblem(token: string, honeypot: string): Problem | null {
  if (token !== '' && token.length <= LONGEST_TOKEN && honeypot === '') return null;
  return { field: 'robot', key: 'appeal.errors.robot' };
}

function timeProblem(elapsed: number): Problem | null {
  return elapsed >= LEAST_TIME_MS ? null : { field: null, key: 'appeal.errors.tooFast' };
}
