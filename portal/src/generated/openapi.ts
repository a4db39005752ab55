interface Problem { type: string; title: string; status: number; detail: string; requestId: string }
interface Ref { userId: number; userIdString: string; username: string; displayName: string; rank: string; rankSlug: string }
interface Line extends Ref { position: number; tied: boolean; points: number; amount: number; kos: number; wos: number; change: number | null; spark: number[]; lastSyncedAt: string }
interface PeriodOut { kind: 'week' | 'month' | 'season'; key: string; startsOn: string; endsOn: string; closedAt: string | null; players: number }
interface PromotionOut { id: string; player: Ref; rank: string; rankSlug: string; fromRank: string; fromRankSlug: string; promotedAt: string }
type Get<R, Q = never, P = never> = {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  get: { parameters: { query?: Q; header?: never; path: P; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { 'application/json': R } }; 404: { headers: { [name: string]: unknown }; content: { 'application/problem+json': Problem } } } };
};
type GetList<R, Q = never> = {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  get: { parameters: { query?: Q; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { 'application/json': R } }; 404: { headers: { [name: string]: unknown }; content: { 'application/problem+json': Problem } } } };
};
type ById = { userId: number };
type Page = { limit?: number; after?: string };
export interface paths {
  '/appeals': {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { 'application/json': { userId: number; case: string; text: string; 'cf-turnstile-response'?: string } } }; responses: { 201: { headers: { [name: string]: unknown }; content: { 'application/json': { token: string; status: string } } }; 400: { headers: { [name: string]: unknown }; content: { 'application/problem+json': Problem } } } };
  };
  '/appeals/{token}': Get<{ status: string; kind: string; answer: string; openedAt: string; decidedAt: string | null }, never, { token: string }>;
  '/leaderboard/top': GetList<{ players: Line[]; total: number | null; by: 'points' | 'kos' | 'wos'; period: PeriodOut | null; asOf: string; lastSyncedAt: string | null; next: string | null }, Page & { by?: 'points' | 'kos' | 'wos'; period?: string; rank?: string }>;
  '/leaderboard/records': GetList<{ kos: Line[]; wos: Line[]; bestDay: { player: Ref; amount: number; day: string }[]; bestWeek: { player: Ref; amount: number; week: string }[]; longestStreak: { player: Ref; days: number; endedOn: string }[]; fastest: { player: Ref; rank: string; rankSlug: string; seconds: number }[]; asOf: string }, { limit?: number }>;
  '/leaderboard/around/{userId}': Get<{ players: Line[]; asOf: string }, { span?: number }, ById>;
  '/periods': GetList<{ periods: PeriodOut[]; next: string | null }, Page & { kind: 'week' | 'month' | 'season' }>;
  '/players': GetList<{ players: (Ref & { points: number; matched: 'username' | 'displayName' | 'formerName' | 'userId'; matchedText: string })[]; suggestions: string[]; next: string | null }, Page & { search: string }>;
  '/players/{userId}': Get<Ref & { points: number; level: string; rankSince: string; joinedAt: string; position: number; total: number; percentile: number | null; change: number | null; kos: number; wos: number; pace: number; streak: { current: number; longest: number }; bestDay: { day: string; amount: number } | null; bestWeek: { week: string; amount: number } | null; experiences: { experience: string; name: string; points: number }[]; recommendations: number; nextRank: null | { name: string; slug: string; minPoints: number; minTimeDays: number; requiredRecommendations: number; privileged: boolean; have: { points: number; days: number; recommendations: number }; missing: { points: number; days: number; recommendations: number }; timeMetAt: string; expectedAt: string | null }; lastSyncedAt: string; asOf: string }, never, ById>;
  '/players/{userId}/series': Get<{ days: { day: string; awarded: number; kos: number; wos: number; balance: number | null }[]; asOf: string }, { days?: number }, ById>;
  '/players/{userId}/history': Get<{ entries: { id: string; experience: string; experienceName: string; type: string; magnitude: number; awarded: number; occurredAt: string }[]; next: string | null }, Page, ById>;
  '/players/{userId}/promotions': Get<{ promotions: PromotionOut[] }, never, ById>;
  '/promotions': GetList<{ promotions: PromotionOut[]; next: string | null }, Page>;
  '/ranks': GetList<{ policyVersion: string; ranks: { name: string; slug: string; level: string; position: number; role: number; minPoints: number; minTimeDays: number; requiredRecommendations: number; privileged: boolean; onLadder: boolean; retired: boolean; description: string; colour: string | null; players: number }[]; asOf: string }>;
  '/policy': GetList<{ number: number; version: string; activatedAt: string; dailyCap: number; weeklyCap: number; events: { type: string; weight: number | null; weightByLevel: { [level: string]: number }; counter: string | null; cooldownSeconds: number | null; shortestSeconds: number | null; recommends: boolean }[] }>;
  '/policy/changes': GetList<{ changes: { number: number; version: string; activatedAt: string; changes: { kind: string; subject: string; before: string | null; after: string | null }[] }[]; next: string | null }, Page>;
  '/stats': GetList<{ players: number; pointsToday: number; pointsWeek: number; promotionsWeek: number; activeToday: number; asOf: string }>;
}
