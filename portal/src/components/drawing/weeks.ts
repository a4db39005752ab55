/** The calendar of days: weeks as columns from Monday to Sunday, in UTC. */

export interface CalendarDay {
  day: string;
  amount: bigint;
}

export interface Cell extends CalendarDay {
  week: number;
  /** 0 is Monday. */
  weekday: number;
  /** 0 without points, then 1 to 4 by quartile of the days with points. */
  level: 0 | 1 | 2 | 3 | 4;
}

export interface MonthLabel {
  /** The first day of the month. */
  day: string;
  week: number;
}

export function cells(days: CalendarDay[]): Cell[] {
  const limits = quartiles(days.map(({ amount }) => amount).filter((amount) => amount > 0n));
  const first = days[0];
  if (!first) return [];
  const offset = weekday(first.day);
  return days.map((day, index) => ({
    ...day,
    week: Math.floor((index + offset) / 7),
    weekday: (index + offset) % 7,
    level: levelOf(day.amount, limits),
  }));
}

export interface WeekTotal {
  /** The first day of the week in the calendar. */
  day: string;
  activeDays: number;
  amount: bigint;
}

/** Each week's days with points and their sum, oldest first. */
export function weekTotals(all: Cell[]): WeekTotal[] {
  const totals: WeekTotal[] = [];
  for (const { week, day, amount } of all) {
    const total = totals[week] ?? { day, activeDays: 0, amount: 0n };
    totals[week] = {
      day: total.day,
      activeDays: total.activeDays + (amount > 0n ? 1 : 0),
      amount: total.amount + (amount > 0n ? amount : 0n),
    };
  }
  return totals;
}

/** The months that begin inside the calendar, each above the week of its first day. */
export function monthLabels(all: Cell[]): MonthLabel[] {
  return all.filter(({ day }) => day.endsWith('-01')).map(({ day, week }) => ({ day, week }));
}

function weekday(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
}

function quartiles(amounts: bigint[]): bigint[] {
  const sorted = amounts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return [1, 2, 3].map((part) => sorted[Math.ceil((sorted.length * part) / 4) - 1] ?? 0n);
}

function levelOf(amount: bigint, limits: bigint[]): Cell['level'] {
  if (amount <= 0n) return 0;
  return (1 + limits.filter((limit) => amount > limit).length) as Cell['level'];
}
