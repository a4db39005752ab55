import type { Words } from '@/lib/i18n';
import type { Player } from '@/lib/shapes';

/** The games of the community by the points that they gave. */
export function Experiences({ words, player }: { words: Words; player: Player }) {
  const { t } = words;
  const played = player.experiences.filter(({ points }) => points > 0n);
  const most = Math.max(...played.map(({ points }) => Number(points)));
  return (
    <section className="card" aria-labelledby="experiences">
      <h2 id="experiences" className="mb-4">
        {t('player.experiences.title')}
      </h2>
      {played.length === 0 && <p className="text-muted">{t('player.experiences.empty')}</p>}
      <div className="grid gap-4">
        {played.map(({ experience, name, points }) => (
          <div key={experience}>
            <p className="goal-head">
              <bdi id={`experience-${experience}`} className="font-semibold">
                {name}
              </bdi>
              <span className="list-amount">{words.amount(points)}</span>
            </p>
            <progress
              className="bar"
              aria-labelledby={`experience-${experience}`}
              max={most}
              value={Number(points)}
            />
          </div>
        ))}
      </div>
    </section>
  );
}
