/** The brand file: name, colours, logo, texts and links of the community (docs/portal.md). */

export const LANGUAGES = ['en', 'de', 'es', 'pt-BR'] as const;
export type Language = (typeof LANGUAGES)[number];

/** A text for all languages, or one for each with at least `en`. */
export type BrandText = string | ({ en: string } & Partial<Record<Language, string>>);

export interface BrandLink {
  text: BrandText;
  url: string;
}

export interface Colours {
  light: string;
  dark: string;
}

export interface Brand {
  name: string;
  tagline: BrandText;
  /** Name of an SVG, PNG or WebP file beside the brand file. */
  logo: string | null;
  /** Accent colours of the light and of the dark theme, `#rrggbb`. Null: those of the stylesheet. */
  colours: Colours | null;
  links: { roblox: string | null; discord: string | null };
  footer: BrandLink[];
  /** Who runs the community, for the legal pages. */
  operator: string | null;
  /** An e-mail address, or an address that begins with https://. */
  contact: string | null;
  /** Paragraphs that replace those of the pages about and terms. */
  about: BrandText[] | null;
  terms: BrandText[] | null;
}

export class BrandError extends Error {}

type Fields = Record<string, unknown>;
const KEYS = 'name tagline logo colours links footer operator contact about terms'.split(' ');
const LOGO = /^[\w-][\w.-]*\.(svg|png|webp)$/;
const LONGEST = 4000;
// The lightest background of the dark theme and the darkest of the light theme.
const BACKGROUNDS = { light: '#f1f3f9', dark: '#1d2130' };
const LEAST_CONTRAST = 4.5; // WCAG 2.2, 1.4.3

/** Read a brand file's text. Throws BrandError, which names the wrong field. */
export function parseBrand(text: string): Brand {
  const fields = fieldsOf(parsed(text), '', KEYS);
  const links = fieldsOf(fields['links'] ?? {}, 'links', ['roblox', 'discord']);
  return {
    name: line(fields['name'], 'name'),
    tagline: localText(fields['tagline'], 'tagline'),
    logo: orNull(fields['logo'], 'logo', logo),
    colours: orNull(fields['colours'], 'colours', colours),
    links: {
      roblox: orNull(links['roblox'], 'links.roblox', address),
      discord: orNull(links['discord'], 'links.discord', address),
    },
    footer: list(fields['footer'] ?? [], 'footer', link),
    operator: orNull(fields['operator'], 'operator', line),
    contact: orNull(fields['contact'], 'contact', contact),
    about: orNull(fields['about'], 'about', paragraphs),
    terms: orNull(fields['terms'], 'terms', paragraphs),
  };
}

export function inLanguage(text: BrandText, language: string): string {
  return typeof text === 'string' ? text : (text[language as Language] ?? text.en);
}

/** The community's links for the footer, in a language. */
export function linksOf({ links, footer }: Brand, language: string) {
  const known = [
    { text: 'Discord', url: links.discord },
    { text: 'Roblox', url: links.roblox },
    ...footer,
  ];
  return known.flatMap(({ text, url }) =>
    url === null ? [] : [{ name: inLanguage(text, language), href: url }],
  );
}

/** Return WCAG's contrast of two `#rrggbb` colours, 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const channel = (start: number) => {
    const value = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BrandError(`it is not JSON: ${(error as Error).message}`);
  }
}

function fieldsOf(value: unknown, name: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BrandError(`${name || 'the file'} must be an object`);
  const unknown = Object.keys(value).find((key) => key !== '$schema' && !known.includes(key));
  if (unknown !== undefined)
    throw new BrandError(
      `${name ? `${name}.` : ''}${unknown} is unknown; known are ${known.join(', ')}`,
    );
  return value as Fields;
}

function orNull<T>(
  value: unknown,
  name: string,
  read: (value: unknown, name: string) => T,
): T | null {
  return value === null || value === undefined ? null : read(value, name);
}

function list<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T[] {
  if (!Array.isArray(value)) throw new BrandError(`${name} must be a list`);
  return value.map((item, index) => read(item, `${name}[${index}]`));
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > LONGEST)
    throw new BrandError(`${name} must be a text of 1 to ${LONGEST} characters`);
  return value;
}

function line(value: unknown, name: string): string {
  const found = text(value, name);
  if (found.length > 60 || /[\r\n]/.test(found))
    throw new BrandError(`${name} must be one line of at most 60 characters`);
  return found;
}

function localText(value: unknown, name: string): BrandText {
  if (typeof value === 'string') return text(value, name);
  const fields = fieldsOf(value, name, LANGUAGES);
  for (const [language, translated] of Object.entries(fields))
    text(translated, `${name}.${language}`);
  return { ...(fields as Partial<Record<Language, string>>), en: text(fields['en'], `${name}.en`) };
}

function paragraphs(value: unknown, name: string): BrandText[] {
  return list(value, name, localText);
}

function link(value: unknown, name: string): BrandLink {
  const fields = fieldsOf(value, name, ['text', 'url']);
  return {
    text: localText(fields['text'], `${name}.text`),
    url: address(fields['url'], `${name}.url`),
  };
}

function address(value: unknown, name: string): string {
  const found = text(value, name);
  if (!URL.canParse(found) || new URL(found).protocol !== 'https:')
    throw new BrandError(`${name} must be an address that begins with https://`);
  return found;
}

function contact(value: unknown, name: string): string {
  const found = text(value, name);
  return /^[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+$/.test(found) ? found : address(found, name);
}

function logo(value: unknown, name: string): string {
  const found = text(value, name);
  if (!LOGO.test(found))
    throw new BrandError(`${name} must name an .svg, .png or .webp file beside it`);
  return found;
}

function colours(value: unknown, name: string): Colours {
  const fields = fieldsOf(value, name, ['light', 'dark']);
  return { light: accent(fields['light'], 'light'), dark: accent(fields['dark'], 'dark') };
}

function accent(value: unknown, theme: keyof Colours): string {
  if (typeof value !== 'string' || !/^#[0-9a-f]{6}$/i.test(value))
    throw new BrandError(`colours.${theme} must be a colour such as #3b46c4`);
  const found = contrast(value, BACKGROUNDS[theme]);
  if (found >= LEAST_CONTRAST) return value.toLowerCase();
  const advice = theme === 'light' ? 'a darker one' : 'a lighter one';
  throw new BrandError(
    `colours.${theme} cannot be read on its background (contrast ${found.toFixed(1)}, at least ${LEAST_CONTRAST}); choose ${advice}`,
  );
}
