/** Ids and cursors of addresses: checked here, so that no source sees anything else. */

const id = '[1-9]\\d{0,18}';
const patterns = {
  amount: new RegExp(`^(\\d{1,12}(?:\\.\\d{1,2})?):(${id})$`),
  time: new RegExp(`^(\\d{1,16}):(${id})$`),
};
const largest = 2n ** 63n - 1n;

export function isUserId(text: string): boolean {
  return new RegExp(`^${id}$`).test(text) && BigInt(text) <= largest;
}

/** Whether a text can be the slug of a rank. */
export function isSlug(text: string): boolean {
  return /^[a-z0-9-]{1,90}$/.test(text);
}

/** The cursor if it is one, or null: then the list starts at its beginning. */
export function checked(kind: keyof typeof patterns, after: string | null): string | null {
  return parts(kind, after) ? after : null;
}

/** Both parts of a cursor: an amount or microseconds since 1970, and the id of the last row. */
export function parts(
  kind: keyof typeof patterns,
  after: string | null,
): { value: string; id: bigint } | null {
  const match = patterns[kind].exec(after ?? '');
  const [, value, row] = match ?? [];
  if (value === undefined || row === undefined || BigInt(row) > largest) return null;
  return { value, id: BigInt(row) };
}
