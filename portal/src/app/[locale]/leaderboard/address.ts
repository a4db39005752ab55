/** What the leaderboard's address says, and addresses of other views of it. */
import type { Measure } from '@/lib/shapes';

export interface View {
  by: Measure;
  /** `all`, `week`, `month`, `season`, or a key such as `2026-W48`. */
  period: string;
  rank: string | null;
  after: string | null;
  /** Cursors of the pages between the first one and this one, for the way back. */
  trail: string[];
  /** A player's id: the list shows their neighbours. */
  around: string | null;
}

export type SearchParams = Record<string, string | string[] | undefined>;

const LONGEST_TRAIL = 20;
const CURSOR = /^[\w.:=-]{1,80}$/;

export function readView(params: SearchParams): View {
  const by = one(params, 'by');
  const after = one(params, 'after');
  const around = one(params, 'around');
  return {
    by: by === 'kos' || by === 'wos' ? by : 'points',
    period: one(params, 'period').slice(0, 20) || 'all',
    rank: one(params, 'rank').slice(0, 80) || null,
    after: CURSOR.test(after) ? after : null,
    trail: one(params, 'trail')
      .split('~')
      .filter((cursor) => CURSOR.test(cursor))
      .slice(-LONGEST_TRAIL),
    around: /^[1-9]\d{0,18}$/.test(around) ? around : null,
  };
}

/** The address without its defaults, which keeps one address for one view. */
export function addressOf(view: Partial<View>): string {
  const params = new URLSearchParams();
  if (view.by && view.by !== 'points') params.set('by', view.by);
  if (view.period && view.period !== 'all') params.set('period', view.period);
  if (view.rank) params.set('rank', view.rank);
  if (view.after) params.set('after', view.after);
  if (view.after && view.trail?.length) params.set('trail', view.trail.join('~'));
  if (view.around) params.set('around', view.around);
  const query = params.toString();
  return query ? `/leaderboard?${query}` : '/leaderboard';
}

/** The first page of the view with some of its choices changed. */
export function choose(view: View, change: Partial<View>): string {
  return addressOf({ ...view, after: null, trail: [], around: null, ...change });
}

export function nextPage(view: View, next: string | null): string | null {
  if (!next) return null;
  const trail = view.after ? [...view.trail, view.after].slice(-LONGEST_TRAIL) : [];
  return addressOf({ ...view, after: next, trail });
}

export function previousPage(view: View): string | null {
  if (!view.after) return null;
  return addressOf({ ...view, after: view.trail.at(-1) ?? null, trail: view.trail.slice(0, -1) });
}

function one(params: SearchParams, name: string): string {
  const value = params[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
