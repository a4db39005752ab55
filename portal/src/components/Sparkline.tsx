import type { Amount } from '@/lib/shapes';
import { barHeights } from './drawing/scale';

interface Props {
  /** One value a day, oldest first. */
  values: Amount[];
  /** What a screen reader says instead of the picture. */
  label: string;
}

const HEIGHT = 22;
const STEP = 5;

/** Bars of the last days: one path as a staircase, which a mask cuts into bars. */
export function Sparkline({ values, label }: Props) {
  const steps = barHeights(values, HEIGHT)
    .map((height) => `V${HEIGHT - height}h${STEP}`)
    .join('');
  return (
    <svg
      className="spark"
      width={values.length * STEP}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <path d={`M0 ${HEIGHT}${steps}V${HEIGHT}z`} />
    </svg>
  );
}
