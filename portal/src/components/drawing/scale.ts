/** Scales of the charts. Charts draw in a box of `WIDTH` units that stretches, and of real pixels in height. */

export const WIDTH = 1000;

export interface Scale {
  low: number;
  high: number;
  height: number;
}

export interface Threshold {
  name: string;
  value: number;
}

export interface PlacedThreshold extends Threshold {
  y: number;
}

/** A scale that holds all values with some air, also when they are all equal. */
export function scaleOf(values: number[], height: number): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = Math.max((high - low) * 0.12, high * 0.01, 1);
  return { low: Math.max(0, low - air), high: high + air, height };
}

/** The distance from the top in pixels. */
export function y(value: number, scale: Scale): number {
  return round(scale.height * (1 - (value - scale.low) / (scale.high - scale.low)));
}

/** The SVG path of a line through the values. A `null` leaves a gap. */
export function linePath(values: (number | null)[], scale: Scale): string {
  let pen = 'M';
  const parts: string[] = [];
  values.forEach((value, index) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    parts.push(`${pen}${x(index, values.length)} ${y(value, scale)}`);
    pen = 'L';
  });
  return parts.join('');
}

/** The line's path, closed along the bottom. */
export function areaPath(values: (number | null)[], scale: Scale): string {
  const first = values.findIndex((value) => value !== null);
  if (first < 0) return '';
  return `${linePath(values, scale)}V${scale.height}H${x(first, values.length)}Z`;
}

function x(index: number, count: number): number {
  return count < 2 ? 0 : round((index / (count - 1)) * WIDTH);
}

/** Thresholds inside the scale from the top, without those that would overlap the one above. */
export function placeThresholds(
  thresholds: Threshold[],
  scale: Scale,
  gap = 22,
): PlacedThreshold[] {
  const placed: PlacedThreshold[] = [];
  const inside = thresholds.filter(({ value }) => value >= scale.low && value <= scale.high);
  for (const threshold of inside.sort((a, b) => b.value - a.value)) {
    const at = y(threshold.value, scale);
    const above = placed.at(-1);
    if (!above || at - above.y >= gap) placed.push({ ...threshold, y: at });
  }
  return placed;
}

/** Heights of the sparkline's bars in whole units, 1 for a day without points. */
export function barHeights(values: bigint[], height: number): number[] {
  const amounts = values.map(Number);
  const most = Math.max(...amounts);
  return amounts.map((amount) =>
    amount > 0 ? Math.max(2, Math.round((amount / most) * height)) : 1,
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
