import { AsTable } from '@/components/AsTable';
import { Chart } from '@/components/Chart';
import type { Words } from '@/lib/i18n';
import type { Day, Player } from '@/lib/shapes';
import { balance, ticks } from '../players/[userId]/PointsChart';

interface Props {
  words: Words;
  a: Player;
  b: Player;
  days: { a: Day[]; b: Day[] };
}

/** The points of both over the same days. */
export function PairChart({ words, a, b, days }: Props) {
  const { t } = words;
  const label = t('compare.chartLabel', {
    a: a.displayName,
    b: b.displayName,
    first: words.amount(a.points),
    second: words.amount(b.points),
  });
  return (
    <section className="card" aria-labelledby="chart">
      <h2 id="chart" className="mb-4">
        {t('compare.chart')}
      </h2>
      <ul className="legend">
        {[a, b].map(({ userId, displayName }) => (
          <li key={userId}>
            <svg width="28" height="8" aria-hidden="true">
              <line x1="0" x2="28" y1="4" y2="4" />
            </svg>
            <bdi>{displayName}</bdi>
          </li>
        ))}
      </ul>
      <Chart
        label={label}
        series={[
          { name: 'a', values: days.a.map(balance) },
          { name: 'b', values: days.b.map(balance) },
        ]}
        ticks={ticks(words, days.a)}
        table={<Table {...{ words, a, b, days }} />}
      />
    </section>
  );
}

/** The last day of each week for both. */
function Table({ words, a, b, days }: Props) {
  const { t } = words;
  const other = new Map(days.b.map((day) => [day.day, day.balance]));
  const shown = days.a.filter((_, index) => (days.a.length - 1 - index) % 7 === 0).reverse();
  return (
    <AsTable
      summary={t('common.showTable')}
      label={t('compare.chart')}
      columns={[t('player.chart.day'), a.username, b.username]}
      rows={shown.map((day) => [
        words.day(day.day),
        amountOf(words, day.balance),
        amountOf(words, other.get(day.day)),
      ])}
    />
  );
}

function amountOf(words: Words, value: Day['balance'] | undefined): string {
  return typeof value === 'bigint' ? words.amount(value) : '–';
}
