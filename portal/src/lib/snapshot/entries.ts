/** Entries of the snapshot as text, and the players in them. */

/** An entry of another version is as good as none. */
const version = 1;

interface Entry {
  key: string;
  asOf: string;
  value: unknown;
}

export function encode(entry: Entry): string {
  return JSON.stringify({ version, ...entry }, (_, value) =>
    typeof value === 'bigint' ? { hundredths: value.toString() } : value,
  );
}

/** Read an entry, or return null if it is torn or of another version. */
export function decode(text: string): Entry | null {
  try {
    const entry = JSON.parse(text, (_, value) => revive(value)) as Entry & { version: number };
    return entry.version === version ? entry : null;
  } catch {
    return null;
  }
}

function revive(value: unknown): unknown {
  const hundredths = isRecord(value) ? value['hundredths'] : undefined;
  return typeof hundredths === 'string' ? BigInt(hundredths) : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The ids of all players anywhere in an answer. */
export function* playersIn(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const each of value) yield* playersIn(each);
  else if (isRecord(value)) {
    if (typeof value['userId'] === 'string') yield value['userId'];
    for (const each of Object.values(value)) yield* playersIn(each);
  }
}

/** The answer without the list items that name one of these players. */
export function without(value: unknown, userIds: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) {
    const kept = value.filter((item) => !owners(item).some((id) => userIds.has(id)));
    return kept.map((item) => without(item, userIds));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, without(each, userIds)]),
  );
}

/** The players whom an item of a list is about: itself, or its field `player`. */
function owners(item: unknown): string[] {
  if (!isRecord(item)) return [];
  return [item['userId'], isRecord(item['player']) ? item['player']['userId'] : null].filter(
    (id) => typeof id === 'string',
  );
}

/** Whether a question is about one of these players: its key has `player:<id>` in it. */
export function namesPlayer(key: string, userIds: ReadonlySet<string>): boolean {
  const id = /\bplayer:(\d+)/.exec(key)?.[1];
  return id !== undefined && userIds.has(id);
}
