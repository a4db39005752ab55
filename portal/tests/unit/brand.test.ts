import assert from 'node:assert/strict';
import { test } from 'node:test';

import { brandStyle } from '../../src/lib/brand.ts';
import { type Brand, parseBrand } from '../../src/lib/brandFile.ts';

const plain: Brand = parseBrand('{"name": "Storm", "tagline": "Rise"}');

test('a short brand file is enough', () => {
  assert.deepEqual([plain.logo, plain.colours, plain.footer], [null, null, []]);
  assert.equal(brandStyle(plain), '');
});

test('text on the accent colour can be read in both themes', () => {
  const colours = { light: '#3b46c4', dark: '#a3acff' };
  assert.equal(
    brandStyle({ ...plain, colours }),
    'html:root{--accent:light-dark(#3b46c4,#a3acff);--on-accent:light-dark(#ffffff,#101214);}',
  );
});
