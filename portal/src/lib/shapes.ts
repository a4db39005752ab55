/** Answers of the readers, the same for every source. Amounts are whole hundredths, ids text, times ISO 8601 in UTC. */

export type Amount = bigint;
export type Source = 'database' | 'api' | 'snapshot';
export type Measure = 'points' | 'kos' | 'wos';
export type PeriodKind = 'week' | 'month' | 'season';

export interface Answer<T> {
  value: T;
  from: Source;
  /** When the value was true. */
  asOf: string;
  /** Whether it comes from a snapshot because no source answered. */
  stale: boolean;
}

export interface PlayerRef {
  userId: string;
  username: string;
  /** The username for a player without a display name. */
  displayName: string;
  rank: string;
  rankSlug: string;
}

export interface Line extends PlayerRef {
  position: number;
  tied: boolean;
  points: Amount;
  /** What the list is ordered by. */
  amount: Amount;
  kos: number;
  wos: number;
  /** Positions gained in about 7 days. */
  change: number | null;
  /** Points of the last 14 UTC days, oldest first. */
  spark: Amount[];
  lastSyncedAt: string;
}

export interface Period {
  kind: PeriodKind;
  key: string;
  startsOn: string;
  /** The first day after the period. */
  endsOn: string;
  closedAt: string | null;
  players: number;
}

export interface LeaderboardQuery {
  by: Measure;
  /** `all`, `week`, `month`, `season`, or a key such as `2026-W48`. */
  period: string;
  rank: string | null;
  after: string | null;
  limit: number;
}

export interface Leaderboard {
  players: Line[];
  total: number | null;
  by: Measure;
  period: Period | null;
  next: string | null;
}

export interface Around {
  players: Line[];
}

export interface Records {
  kos: Line[];
  wos: Line[];
  bestDay: { player: PlayerRef; amount: Amount; day: string }[];
  bestWeek: { player: PlayerRef; amount: Amount; week: string }[];
  longestStreak: { player: PlayerRef; days: number; endedOn: string }[];
  fastest: { player: PlayerRef; rank: string; rankSlug: string; seconds: number }[];
}

export interface NextRank {
  name: string;
  slug: string;
  minPoints: Amount;
  minTimeDays: number;
  requiredRecommendations: number;
  privileged: boolean;
  have: { points: Amount; days: number; recommendations: number };
  missing: { points: Amount; days: number; recommendations: number };
  timeMetAt: string;
  expectedAt: string | null;
}

export interface Player extends PlayerRef {
  points: Amount;
  level: string;
  rankSince: string;
  joinedAt: string;
  position: number;
  total: number;
  percentile: number | null;
  change: number | null;
  kos: number;
  wos: number;
  /** Points a day over the last 14 UTC days. */
  pace: Amount;
  streak: { current: number; longest: number };
  bestDay: { day: string; amount: Amount } | null;
  bestWeek: { week: string; amount: Amount } | null;
  experiences: { experience: string; name: string; points: Amount }[];
  recommendations: number;
  /** `undefined`: the answer came from the database, which holds no rules. `null`: no next rank. */
  nextRank: NextRank | null | undefined;
  lastSyncedAt: string;
}

export interface Day {
  day: string;
  awarded: Amount;
  kos: number;
  wos: number;
  balance: Amount | null;
}

export interface HistoryEntry {
  id: string;
  experience: string;
  experienceName: string;
  type: string;
  magnitude: number;
  awarded: Amount;
  occurredAt: string;
}

export interface Promotion {
  id: string;
  player: PlayerRef;
  rank: string;
  rankSlug: string;
  fromRank: string;
  fromRankSlug: string;
  promotedAt: string;
}

export interface Rank {
  name: string;
  slug: string;
  level: string;
  position: number;
  role: number;
  minPoints: Amount;
  minTimeDays: number;
  requiredRecommendations: number;
  privileged: boolean;
  onLadder: boolean;
  retired: boolean;
  description: string;
  colour: string | null;
  players: number;
}

/** A time in which events are worth more. Null: for all events, or in all games. */
export interface Multiplier {
  name: string;
  startsAt: string;
  endsAt: string;
  factor: Amount;
  events: string[] | null;
  experiences: string[] | null;
}

export interface PublicPolicy {
  number: number;
  version: string;
  activatedAt: string;
  dailyCap: Amount;
  weeklyCap: Amount;
  multipliers: Multiplier[];
  events: {
    type: string;
    weight: Amount | null;
    weightByLevel: Record<string, Amount>;
    counter: string | null;
    cooldownSeconds: number | null;
    shortestSeconds: number | null;
    recommends: boolean;
  }[];
}

/** What a player attended, or hosted. */
export interface PlayerEvent {
  id: string;
  title: string;
  experience: string;
  startedAt: string;
  hosted: boolean;
}

/** What runs or is planned. The host is null if no list shows them. */
export interface UpcomingEvent {
  id: string;
  title: string;
  description: string;
  experience: string;
  startsAt: string;
  minutes: number;
  running: boolean;
  host: { userId: string; displayName: string } | null;
}

export interface PolicyChange {
  number: number;
  version: string;
  activatedAt: string;
  changes: { kind: string; subject: string; before: string | null; after: string | null }[];
}

export interface Stats {
  players: number;
  pointsToday: Amount;
  pointsWeek: Amount;
  promotionsWeek: number;
  activeToday: number;
}

export interface Found extends PlayerRef {
  points: Amount;
  matched: 'username' | 'displayName' | 'formerName' | 'userId';
  matchedText: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

/*
Readers, one module each below lib/read/ (every one takes `ask: Ask`, the request's id and deadline, from `lib/ask.ts: currentAsk()`):
  leaderboard.ts  leaderboard(ask, query): Answer<Leaderboard | null>      around(ask, userId, span): Answer<Around | null>
  player.ts       player(ask, userId): Answer<Player | null>   series(ask, userId, days): Answer<Day[] | null>
                  history(ask, userId, after, limit): Answer<Page<HistoryEntry> | null>
  promotions.ts   promotions(ask, after, limit): Answer<Page<Promotion>>   ofPlayer(ask, userId): Answer<Promotion[] | null>
  ranks.ts        ranks(ask): Answer<Rank[]>
  records.ts      records(ask, limit): Answer<Records>
  search.ts       search(ask, text, after, limit): Answer<Page<Found> & { suggestions: string[] }>
  policy.ts       policy(ask): Answer<PublicPolicy>   changes(ask, after, limit): Answer<Page<PolicyChange>>
  events.ts       ofPlayer(ask, userId): Answer<PlayerEvent[] | null>   upcoming(ask): Answer<UpcomingEvent[]>
  stats.ts        stats(ask): Answer<Stats>
  periods.ts      periods(ask, kind, after, limit): Answer<Page<Period>>
*/
