/** Words and formats of each language. `en.json` is the reference: a test compares the others. */
import { createElement, Fragment, type ReactNode } from 'react';
import de from '../messages/de.json' with { type: 'json' };
import en from '../messages/en.json' with { type: 'json' };
import es from '../messages/es.json' with { type: 'json' };
import ptBR from '../messages/pt-BR.json' with { type: 'json' };
import { formatAmount } from './amounts.ts';
import type { Amount } from './shapes.ts';

export const locales = ['en', 'de', 'es', 'pt-BR'] as const;
export type Locale = (typeof locales)[number];

type Plural = { other: string };
type Keys<T> = {
  [K in keyof T & string]: T[K] extends string | Plural ? K : `${K}.${Keys<T[K]>}`;
}[keyof T & string];
export type MessageKey = Keys<typeof en>;
type Message = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);

const catalogs: Record<Locale, object> = { en, de, es, 'pt-BR': ptBR };

export function isLocale(text: string): text is Locale {
  return (locales as readonly string[]).includes(text);
}

/** Address of a page in a language: English has no prefix. */
export function path(locale: string, href: string): string {
  if (locale === 'en') return href;
  return href === '/' ? `/${locale}` : `/${locale}${href}`;
}

/** Addresses of a page in every language, for `Metadata.alternates`. */
export function alternates(locale: string, href: string) {
  const languages = Object.fromEntries(locales.map((each) => [each, path(each, href)]));
  return { canonical: path(locale, href), languages: { ...languages, 'x-default': href } };
}

export interface Translate {
  /** The text of a key. `{name}` is replaced by `values.name`; `count` chooses the plural form. */
  (key: MessageKey, values?: Record<string, string | number>): string;
  /** The same with elements as values, such as links. */
  rich(key: MessageKey, values: Record<string, ReactNode>): ReactNode;
}

export function translator(locale: string): Translate {
  const known = isLocale(locale) ? locale : 'en';
  const plural = new Intl.PluralRules(known);
  const number = new Intl.NumberFormat(known);
  const parts = (key: MessageKey, values: Record<string, ReactNode>): ReactNode[] => {
    const message = find(catalogs[known], key) ?? find(en, key) ?? key;
    const form = plural.select(Number(values['count'] ?? 0));
    const text = typeof message === 'string' ? message : (message[form] ?? message.other);
    return text.split(/(\{\w+\})/).map((part) => {
      const value = part.startsWith('{') ? (values[part.slice(1, -1)] ?? part) : part;
      return typeof value === 'number' ? number.format(value) : value;
    });
  };
  const t = (key: MessageKey, values = {}) => parts(key, values).join('');
  return Object.assign(t, {
    rich: (key: MessageKey, values: Record<string, ReactNode>) =>
      createElement(Fragment, null, ...parts(key, values)),
  });
}

function find(catalog: object, key: string): Message | undefined {
  return key.split('.').reduce<unknown>(child, catalog) as Message | undefined;
}

function child(node: unknown, name: string): unknown {
  return typeof node === 'object' && node !== null && Object.hasOwn(node, name)
    ? (node as Record<string, unknown>)[name]
    : undefined;
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** Numbers and times in a language. Days and times are UTC, as the caps are. */
export function formats(locale: string) {
  const utc = { timeZone: 'UTC' } as const;
  const number = new Intl.NumberFormat(locale);
  const day = new Intl.DateTimeFormat(locale, { ...utc, dateStyle: 'medium' });
  const date = new Intl.DateTimeFormat(locale, { ...utc, day: 'numeric', month: 'long' });
  const month = new Intl.DateTimeFormat(locale, { ...utc, month: 'short' });
  const monthOfYear = new Intl.DateTimeFormat(locale, { ...utc, month: 'long', year: 'numeric' });
  const weekday = new Intl.DateTimeFormat(locale, { ...utc, weekday: 'short' });
  const time = new Intl.DateTimeFormat(locale, { ...utc, timeStyle: 'short' });
  const both = new Intl.DateTimeFormat(locale, { ...utc, dateStyle: 'medium', timeStyle: 'short' });
  const list = new Intl.ListFormat(locale, { type: 'conjunction' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  return {
    number: (value: number) => number.format(value),
    amount: (value: Amount) => formatAmount(value, locale),
    /** `2026-12-09` or a time: "9 Dec 2026". */
    day: (iso: string) => day.format(new Date(iso)),
    /** "a, b and c". */
    list: (items: string[]) => list.format(items),
    /** "9 December", without the year. */
    date: (iso: string) => date.format(new Date(iso)),
    /** "November 2026". */
    monthOfYear: (iso: string) => monthOfYear.format(new Date(iso)),
    /** "Dec". */
    month: (iso: string) => month.format(new Date(iso)),
    /** "Mon". 0 is Monday. */
    weekday: (index: number) => weekday.format(new Date(Date.UTC(2024, 0, 1 + index))),
    /** "12:03". */
    time: (iso: string) => time.format(new Date(iso)),
    /** "9 Dec 2026, 12:03". Say UTC beside it. */
    dateTime: (iso: string) => both.format(new Date(iso)),
    /** "3 days ago", "in 2 weeks". */
    relative(iso: string, now: Date = new Date()) {
      const seconds = (Date.parse(iso) - now.getTime()) / 1000;
      const [unit, size] = units.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
      return relative.format(Math.trunc(seconds / size), unit);
    },
  };
}

export interface Words extends ReturnType<typeof formats> {
  locale: string;
  t: Translate;
}

const kept = new Map<Locale, Words>();

/** Everything a component needs to write in a language, made once: formats are slow to make. */
export function wordsOf(locale: string): Words {
  const known = isLocale(locale) ? locale : 'en';
  const words = kept.get(known) ?? {
    locale: known,
    t: translator(known),
    ...formats(known),
  };
  kept.set(known, words);
  return words;
}
