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

/** Bars of the last days, drawn as one path to keep the page small. */
export function Sparkline({ values, label }: Props) {
  const bars = barHeights(values, HEIGHT)
    .map((height, index) => `M${index * STEP + 2} ${HEIGHT}v-${height}`)
    .join('');
  const width = values.length * STEP;
  return (
    <svg
      className="spark"
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      <path d={bars} />
    </svg>
  );
}
