import type { Amount } from './shapes.ts';

/** Turn decimal text or a JSON number with at most two decimals into hundredths. */
export function parseAmount(given: string | number): Amount {
  const text = typeof given === 'number' ? fixed(given) : given;
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const decimals = (match?.[3] ?? '').replace(/0+$/, '');
  if (!match || decimals.length > 2) throw new RangeError(`No amount: ${text.slice(0, 40)}`);
  const hundredths = BigInt(`${match[2]}${decimals.padEnd(2, '0')}`);
  return match[1] ? -hundredths : hundredths;
}

function fixed(given: number): string {
  if (!Number.isFinite(given) || Math.abs(given) >= 1e15)
    throw new RangeError(`No amount: ${given}`);
  return given.toFixed(2);
}

/** Write an amount as plain decimal text, with two decimals: `1234.50`. */
export function decimalText(amount: Amount): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(3, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Write an amount in a reader's language, with decimals only where it has some. */
export function formatAmount(amount: Amount, locale: string): string {
  const format = amount % 100n === 0n ? whole(locale) : decimal(locale);
  // Text keeps every digit; a number would round above 2^53.
  return format.format(decimalText(amount) as Intl.StringNumericLiteral);
}

const whole = keptByLocale(0);
const decimal = keptByLocale(2);

/** Formats by locale, made once: a page writes many amounts, and a format is slow to make. */
function keptByLocale(digits: number): (locale: string) => Intl.NumberFormat {
  const kept = new Map<string, Intl.NumberFormat>();
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return (locale) => {
    const format = kept.get(locale) ?? new Intl.NumberFormat(locale, options);
    kept.set(locale, format);
    return format;
  };
}

/** Share of `part` in `whole` between 0 and 1, for bars. */
export function ratio(part: Amount, whole: Amount): number {
  if (whole <= 0n) return 1;
  const share = Number((part * 10_000n) / whole) / 10_000;
  return Math.min(1, Math.max(0, share));
}
