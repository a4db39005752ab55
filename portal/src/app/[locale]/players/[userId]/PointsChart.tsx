import { AsTable } from '@/components/AsTable';
import { Chart } from '@/components/Chart';
import { ladderOf } from '@/components/RankBadge';
import type { Words } from '@/lib/i18n';
import type { Amount, Day, Rank } from '@/lib/shapes';

interface Props {
  words: Words;
  days: Day[];
  ranks: Rank[];
}

type KnownDay = Day & { balance: Amount };

/** The points of the last days, with the ranks that they lead to as lines. */
export function PointsChart({ words, days, ranks }: Props) {
  const { t } = words;
  const known = days.filter((day): day is KnownDay => day.balance !== null);
  const [first, last] = [known[0], known.at(-1)];
  return (
    <section className="card" aria-labelledby="chart">
      <div className="card-head">
        <h2 id="chart">{t('player.chart.title')}</h2>
        {first && last && (
          <p className="text-muted">
            {t('player.chart.gain', { points: signed(words, last.balance - first.balance) })}
          </p>
        )}
      </div>
      {first && last ? (
        <Chart
          label={t('player.chart.label', {
            from: words.amount(first.balance),
            first: words.day(first.day),
            to: words.amount(last.balance),
            last: words.day(last.day),
          })}
          series={[{ name: 'points', values: days.map(balance) }]}
          thresholds={ladderOf(ranks).map(({ name, minPoints }) => ({
            name: `${name} · ${words.amount(minPoints)}`,
            value: Number(minPoints) / 100,
          }))}
          ticks={ticks(words, days)}
          table={<Table words={words} days={known} />}
        />
      ) : (
        <p className="text-muted">{t('player.chart.empty')}</p>
      )}
    </section>
  );
}

function Table({ words, days }: { words: Words; days: KnownDay[] }) {
  const { t } = words;
  const changed = days.filter((day, index) => day.balance !== days[index - 1]?.balance).reverse();
  return (
    <AsTable
      summary={t('common.showTable')}
      label={t('player.chart.title')}
      columns={[t('player.chart.day'), t('player.chart.earned'), t('player.chart.balance')]}
      rows={changed.map((day) => [
        words.day(day.day),
        words.amount(day.awarded),
        words.amount(day.balance),
      ])}
    />
  );
}

export function balance(day: Day): number | null {
  return day.balance === null ? null : Number(day.balance) / 100;
}

/** The first, the middle and the last day in words. */
export function ticks(words: Words, days: Day[]): string[] {
  const chosen = [days[0], days[Math.floor(days.length / 2)], days.at(-1)];
  return chosen.flatMap((day) => (day ? [words.date(day.day)] : []));
}

function signed(words: Words, amount: Amount): string {
  return amount > 0n ? `+${words.amount(amount)}` : words.amount(amount);
}
