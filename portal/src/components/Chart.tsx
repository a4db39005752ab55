import {
  areaPath,
  linePath,
  placeThresholds,
  scaleOf,
  type Threshold,
  WIDTH,
  y,
} from './drawing/scale';

export interface Series {
  name: string;
  /** One value a day, oldest first; `null` before the first known day. */
  values: (number | null)[];
}

interface Props {
  /** What the picture says, in one sentence. */
  label: string;
  series: Series[];
  thresholds?: Threshold[];
  /** Words under the axis, from left to right. */
  ticks: string[];
  height?: number;
  /** The same figures as a table, below a summary. */
  table: React.ReactNode;
}

/**
 * Lines over days, drawn by the server. The inner picture stretches with the page while words
 * and dots stay as they are, so that a phone can read them.
 */
export function Chart({ label, series, thresholds = [], ticks, height = 220, table }: Props) {
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const scale = scaleOf(known.length ? [...known, ...wanted(known, thresholds)] : [0], height);
  return (
    <figure className="chart">
      <svg className="chart-picture" width="100%" height={height} role="img" aria-label={label}>
        {placeThresholds(thresholds, scale).map((threshold) => (
          <g key={threshold.name} className="chart-threshold">
            <line x1="0" x2="100%" y1={threshold.y} y2={threshold.y} />
            <text x="0" y={threshold.y - 5}>
              {threshold.name}
            </text>
          </g>
        ))}
        {series.map(({ name, values }, index) => (
          <Curve key={name} values={values} scale={scale} second={index > 0} />
        ))}
      </svg>
      <p className="chart-ticks" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick}>{tick}</span>
        ))}
      </p>
      {table}
    </figure>
  );
}

interface CurveProps {
  values: (number | null)[];
  scale: ReturnType<typeof scaleOf>;
  second: boolean;
}

function Curve({ values, scale, second }: CurveProps) {
  const last = values.at(-1);
  return (
    <g className={second ? 'chart-second' : 'chart-first'}>
      <svg
        width="100%"
        height={scale.height}
        viewBox={`0 0 ${WIDTH} ${scale.height}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {!second && <path className="chart-area" d={areaPath(values, scale)} />}
        <path
          className="chart-line"
          d={linePath(values, scale)}
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      {typeof last === 'number' && <circle cx="100%" cy={y(last, scale)} r="5" />}
    </g>
  );
}

/** The next threshold above the values, so that the way to it is in the picture. */
function wanted(known: number[], thresholds: Threshold[]): number[] {
  const most = Math.max(...known);
  const above = thresholds.map(({ value }) => value).filter((value) => value > most);
  return above.length ? [Math.min(...above)] : [];
}
