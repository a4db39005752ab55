import { inflateSync } from 'node:zlib';

/** Characters for which a WOFF font holds a glyph. Formats: W3C WOFF 1.0; OpenType `cmap`, subtables 4 and 12. */
export function coverage(woff: Buffer): (codePoint: number) => boolean {
  const ranges = subtables(table(woff, 'cmap')).flatMap(rangesOf);
  return (codePoint) => ranges.some(([first, last]) => first <= codePoint && codePoint <= last);
}

type Range = readonly [first: number, last: number];

function table(woff: Buffer, name: string): Buffer {
  if (woff.toString('latin1', 0, 4) !== 'wOFF') throw new TypeError('The font is no WOFF file.');
  for (let index = 0; index < woff.readUInt16BE(12); index += 1) {
    const entry = 44 + 20 * index;
    if (woff.toString('latin1', entry, entry + 4) !== name) continue;
    const [offset, packed, length] = [4, 8, 12].map((at) => woff.readUInt32BE(entry + at));
    const bytes = woff.subarray(offset, (offset ?? 0) + (packed ?? 0));
    return packed === length ? bytes : inflateSync(bytes);
  }
  throw new TypeError(`The font has no ${name} table.`);
}

function subtables(cmap: Buffer): Buffer[] {
  const count = cmap.readUInt16BE(2);
  return Array.from({ length: count }, (_, index) =>
    cmap.subarray(cmap.readUInt32BE(4 + 8 * index + 4)),
  );
}

function rangesOf(subtable: Buffer): Range[] {
  const format = subtable.readUInt16BE(0);
  if (format === 12) return groups(subtable);
  return format === 4 ? segments(subtable) : [];
}

function groups(subtable: Buffer): Range[] {
  return Array.from({ length: subtable.readUInt32BE(12) }, (_, index) => [
    subtable.readUInt32BE(16 + 12 * index),
    subtable.readUInt32BE(20 + 12 * index),
  ]);
}

function segments(subtable: Buffer): Range[] {
  const size = subtable.readUInt16BE(6);
  return Array.from({ length: size / 2 }, (_, index) => segment(subtable, size, 2 * index)).filter(
    ([first]) => first !== 0xffff,
  );
}

function segment(subtable: Buffer, size: number, at: number): Range {
  // The end codes come first, then two bytes of padding, then the start codes.
  return [subtable.readUInt16BE(16 + size + at), subtable.readUInt16BE(14 + at)];
}
