import { AsTable } from '@/components/AsTable';
import { Calendar } from '@/components/Calendar';
import { type CalendarDay, cells, weekTotals } from '@/components/drawing/weeks';
import { periodName } from '@/components/periodName';
import type { Words } from '@/lib/i18n';
import type { Amount, Day, Player } from '@/lib/shapes';

interface Props {
  words: Words;
  player: Player;
  days: Day[];
}

/** The calendar of days with points, and the best of them. */
export function ActiveDays({ words, player, days }: Props) {
  const { t } = words;
  const count = days.filter(({ awarded }) => awarded > 0n).length;
  const active = t('common.days', { count });
  const amounts = days.map(({ day, awarded }) => ({ day, amount: awarded }));
  return (
    <section className="card" aria-labelledby="days">
      <div className="card-head">
        <h2 id="days">{t('player.calendar.title')}</h2>
        <p className="text-muted">{t('player.calendar.summary', { count })}</p>
      </div>
      <div className="active-days">
        <Calendar
          words={words}
          days={amounts}
          label={t('player.calendar.label', { days: active })}
        />
        <Bests words={words} player={player} />
      </div>
      <Table words={words} days={amounts} />
    </section>
  );
}

function Bests({ words, player }: Pick<Props, 'words' | 'player'>) {
  const { t } = words;
  const { bestDay, bestWeek, streak } = player;
  const rows: [string, string, string | null][] = [
    [t('player.calendar.current'), t('common.days', { count: streak.current }), null],
    [t('player.calendar.longest'), t('common.days', { count: streak.longest }), null],
  ];
  if (bestDay)
    rows.push([
      t('player.calendar.bestDay'),
      points(words, bestDay.amount),
      words.day(bestDay.day),
    ]);
  if (bestWeek)
    rows.push([
      t('player.calendar.bestWeek'),
      points(words, bestWeek.amount),
      periodName(words, bestWeek.week),
    ]);
  return (
    <dl className="bests">
      {rows.map(([label, value, detail]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <strong>{value}</strong>
            {detail && <span className="list-detail block">{detail}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Table({ words, days }: { words: Words; days: CalendarDay[] }) {
  const { t } = words;
  const weeks = weekTotals(cells(days)).reverse();
  return (
    <AsTable
      summary={t('common.showTable')}
      label={t('player.calendar.title')}
      columns={[t('player.calendar.week'), t('player.calendar.title'), t('player.chart.earned')]}
      rows={weeks.map(({ day, activeDays, amount }) => [
        words.day(day),
        words.number(activeDays),
        words.amount(amount),
      ])}
    />
  );
}

function points(words: Words, amount: Amount): string {
  return words.t('common.points', { points: words.amount(amount), count: Number(amount) / 100 });
}
