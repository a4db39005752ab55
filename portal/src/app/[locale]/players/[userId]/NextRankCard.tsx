import { Empty } from '@/components/Empty';
import { Icon } from '@/components/Icon';
import { Progress } from '@/components/Progress';
import { RankBadge, type RankLook } from '@/components/RankBadge';
import type { Words } from '@/lib/i18n';
import type { NextRank, Player } from '@/lib/shapes';
import { missingWords } from './missingWords';

interface Props {
  words: Words;
  player: Player;
  looks: ReadonlyMap<string, RankLook>;
}

/** What is missing for the next rank, and when it could be theirs. */
export function NextRankCard({ words, player, looks }: Props) {
  const { t } = words;
  const next = player.nextRank;
  if (next) {
    return (
      <section className="card next" aria-labelledby="next">
        <h2 id="next" className="next-title">
          {t.rich('player.next.title', {
            rank: <RankBadge rank={next.name} size="large" {...looks.get(next.slug)} />,
          })}
        </h2>
        <p className="next-lead">{leadWords(words, next)}</p>
        {next.expectedAt && (
          <p className="next-date">
            <Icon name="clock" />
            <span>
              {t.rich('player.next.expected', {
                day: (
                  <time dateTime={next.expectedAt}>
                    <strong>{soon(words, next.expectedAt)}</strong>
                  </time>
                ),
              })}
            </span>
          </p>
        )}
        <Goals words={words} next={next} />
      </section>
    );
  }
  const kind = next === null ? 'none' : 'unknown';
  return (
    <section className="card">
      <Empty icon={next === null ? 'trophy' : 'clock'} title={t(`player.next.${kind}Title`)}>
        <p>{t(`player.next.${kind}`)}</p>
      </Empty>
    </section>
  );
}

function Goals({ words, next }: { words: Words; next: NextRank }) {
  const { t, number, amount } = words;
  const { have, missing } = next;
  const of = (a: string, b: string) => t('player.next.of', { have: a, need: b });
  const done = t('player.next.done');
  return (
    <div className="goals">
      <Progress
        id="goal-points"
        label={t('player.next.points')}
        amount={of(amount(have.points), amount(next.minPoints))}
        have={Number(have.points)}
        need={Number(next.minPoints)}
      >
        {missing.points > 0n
          ? t('player.next.missingPoints', {
              points: amount(missing.points),
              count: Number(missing.points) / 100,
            })
          : done}
      </Progress>
      {next.minTimeDays > 0 && (
        <Progress
          id="goal-days"
          label={t('player.next.days')}
          amount={of(number(Math.min(have.days, next.minTimeDays)), number(next.minTimeDays))}
          have={have.days}
          need={next.minTimeDays}
        >
          {missing.days > 0
            ? t('player.next.missingDays', { day: soon(words, next.timeMetAt) })
            : done}
        </Progress>
      )}
      {next.requiredRecommendations > 0 && (
        <Progress
          id="goal-recommendations"
          label={t('player.next.recommendations')}
          amount={of(number(have.recommendations), number(next.requiredRecommendations))}
          have={have.recommendations}
          need={next.requiredRecommendations}
        >
          {missing.recommendations > 0
            ? t('player.next.missingRecommendations', { count: missing.recommendations })
            : done}
        </Progress>
      )}
    </div>
  );
}

function leadWords(words: Words, next: NextRank): string {
  const missing = missingWords(words, next.missing);
  if (missing) return words.t('player.next.lead', { list: missing });
  return words.t(next.privileged ? 'player.next.readyReview' : 'player.next.readyWait');
}

/** A day in the coming months without its year, a later one with it. */
function soon(words: Words, iso: string): string {
  const far = Date.parse(iso) - Date.now() > 300 * 86_400_000;
  return far ? words.day(iso) : words.date(iso);
}
