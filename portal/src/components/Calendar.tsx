import type { Words } from '@/lib/i18n';
import { type CalendarDay, type Cell, cells, monthLabels } from './drawing/weeks';

interface Props {
  words: Words;
  /** Every day, oldest first. */
  days: CalendarDay[];
  label: string;
}

const STEP = 13;
const LEFT = 30;
const TOP = 18;

/** Days as squares in columns of weeks, darker for more points, with a title on days with points. */
export function Calendar({ words, days, label }: Props) {
  const all = cells(days);
  const weeks = (all.at(-1)?.week ?? 0) + 1;
  const width = LEFT + weeks * STEP;
  const height = TOP + 7 * STEP;
  return (
    <svg
      className="calendar"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <Labels words={words} all={all} />
      <path
        className="day-0"
        d={all
          .filter(({ level }) => !level)
          .map(square)
          .join('')}
      />
      {all
        .filter(({ level }) => level)
        .map((cell) => (
          <rect key={cell.day} className={`day-${cell.level}`} {...corner(cell)}>
            <title>{`${words.day(cell.day)}: ${words.t('common.points', { points: words.amount(cell.amount), count: Number(cell.amount) / 100 })}`}</title>
          </rect>
        ))}
    </svg>
  );
}

function Labels({ words, all }: { words: Words; all: Cell[] }) {
  return (
    <g className="calendar-labels">
      {monthLabels(all).map(({ day, week }) => (
        <text key={day} x={LEFT + week * STEP} y={10}>
          {words.month(day)}
        </text>
      ))}
      {[0, 2, 4].map((weekday) => (
        <text key={weekday} x={0} y={TOP + weekday * STEP + 9}>
          {words.weekday(weekday)}
        </text>
      ))}
    </g>
  );
}

function corner({ week, weekday }: Cell) {
  return { x: LEFT + week * STEP, y: TOP + weekday * STEP };
}

/** A rounded square of 11 units as part of a path. */
function square(cell: Cell): string {
  const { x, y } = corner(cell);
  return `M${x + 2} ${y}h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z`;
}
