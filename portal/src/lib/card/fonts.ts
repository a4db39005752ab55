import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { coverage } from './coverage.ts';

const family = 'Noto Sans';
const scripts = ['latin', 'latin-ext', 'cyrillic', 'cyrillic-ext', 'greek', 'vietnamese'];
const weights = [400, 700] as const;

export interface CardFonts {
  fonts: { name: string; data: Buffer; weight: (typeof weights)[number] }[];
  /** Whether every character of a text can be drawn. */
  covers(text: string): boolean;
}

let loading: Promise<CardFonts> | undefined;

/** Fonts of the card. `next/og` asks Google for each character that they lack, so it must get no other. */
export function cardFonts(): Promise<CardFonts> {
  loading ??= load();
  return loading;
}

async function load(): Promise<CardFonts> {
  const folder = join(
    /* turbopackIgnore: true */ process.cwd(),
    'node_modules/@fontsource/noto-sans/files',
  );
  const fonts = await Promise.all(
    weights.flatMap((weight) =>
      scripts.map(async (script) => {
        const file = join(folder, `noto-sans-${script}-${weight}-normal.woff`);
        return { name: family, data: await readFile(/* turbopackIgnore: true */ file), weight };
      }),
    ),
  );
  const bold = fonts.filter((font) => font.weight === 700).map((font) => coverage(font.data));
  const regular = fonts.filter((font) => font.weight === 400).map((font) => coverage(font.data));
  const both = (point: number) => [bold, regular].every((set) => set.some((has) => has(point)));
  return { fonts, covers: (text) => [...text].every((one) => both(one.codePointAt(0) ?? 0)) };
}
