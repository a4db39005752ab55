import type { Words } from '@/lib/i18n';

/** The name of a period from its key: `2026-W48`, `2026-11` or `2026-S4`. */
export function periodName(words: Pick<Words, 't' | 'monthOfYear'>, key: string): string {
  const [, year = '', kind = '', number = ''] = /^(\d{4})-([WS]?)(\d{1,2})$/.exec(key) ?? [];
  if (kind === 'W') return words.t('common.period.week', { week: String(Number(number)), year });
  if (kind === 'S') return words.t('common.period.season', { season: number, year });
  return year ? words.monthOfYear(`${key}-01`) : key;
}

/** The last day of a period, which ends before `endsOn`. */
export function lastDay(endsOn: string): string {
  const day = new Date(`${endsOn}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - 1);
  return day.toISOString().slice(0, 10);
}
