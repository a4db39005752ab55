import { AsTable } from '@/components/AsTable';
import { Calendar } from '@/components/Calendar';
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
  return (
    <section className="card" aria-labelledby="days">
      <div className="card-head">
        <h2 id="days">{t('player.calendar.title')}</h2>
        <p className="text-muted">{t('player.calendar.summary', { count })}</p>
      </div>
      <div className="active-days">
        <Calendar
          words={words}
          days={days.map(({ day, awarded }) => ({ day, amount: awarded }))}
          label={t('player.calendar.label', { days: active })}
        />
        <Bests words={words} player={player} />
      </div>
      <Table words={words} days={days} />
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

function Table({ words, days }: Pick<Props, 'words' | 'days'>) {
  const { t } = words;
  const active = days.filter(({ awarded }) => awarded > 0n).reverse();
  return (
    <AsTable
      summary={t('common.showTable')}
      label={t('player.calendar.title')}
      columns={[t('player.chart.day'), t('player.chart.earned')]}
      rows={active.map(({ day, awarded }) => [words.day(day), words.amount(awarded)])}
    />
  );
}

function points(words: Words, amount: Amount): string {
  return words.t('common.points', { points: words.amount(amount), count: Number(amount) / 100 });
}
