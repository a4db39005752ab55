import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import shipped from '../../brand.json' with { type: 'json' };
import { type Brand, BrandError, contrast, parseBrand } from './brandFile.ts';
import { settings } from './settings.ts';

const LARGEST_LOGO = 512 * 1024;

let current: Brand | undefined;

/** The community's brand. Throws BrandError, which names the file and the wrong field. */
export function brand(): Brand {
  current ??= read(settings().brandFile);
  return current;
}

/** The logo's bytes and media type, or null without a logo. */
export function logo(): { bytes: Uint8Array<ArrayBuffer>; type: string } | null {
  const { brandFile } = settings();
  const name = brand().logo;
  if (name === null || brandFile === null) return null;
  const bytes = new Uint8Array(bytesOf(join(dirname(brandFile), name)));
  if (bytes.length > LARGEST_LOGO)
    throw new BrandError(`${name} is larger than ${LARGEST_LOGO} bytes`);
  return {
    bytes,
    type: name.endsWith('.svg') ? 'image/svg+xml' : `image/${name.split('.').at(-1)}`,
  };
}

/** Stylesheet with the brand's colours; empty if it has none of its own. */
export function brandStyle({ colours }: Brand): string {
  if (colours === null) return '';
  const onAccent = [textOn(colours.light), textOn(colours.dark)];
  return [
    'html:root{',
    `--accent:light-dark(${colours.light},${colours.dark});`,
    `--on-accent:light-dark(${onAccent.join()});`,
    '}',
  ].join('');
}

function textOn(background: string): string {
  return contrast(background, '#ffffff') >= 4.5 ? '#ffffff' : '#101214';
}

function read(file: string | null): Brand {
  try {
    return parseBrand(file === null ? JSON.stringify(shipped) : bytesOf(file).toString('utf8'));
  } catch (error) {
    if (error instanceof BrandError)
      throw new BrandError(`The brand file ${file ?? ''}: ${error.message}.`);
    throw error;
  }
}

function bytesOf(file: string): Buffer {
  try {
    // The path is known at run time only: the build must not trace it.
    return readFileSync(/* turbopackIgnore: true */ file);
  } catch (error) {
    throw new BrandError(`it cannot be read: ${(error as Error).message}`);
  }
}
