import type { Words } from '@/lib/i18n';
import type { PlayerEvent } from '@/lib/shapes';

interface Props {
  words: Words;
  /** Newest first. */
  events: PlayerEvent[];
}

/** Trainings and the like that the player attended or hosted. */
export function Events({ words, events }: Props) {
  const { t } = words;
  return (
    <section className="card" aria-labelledby="events">
      <h2 id="events" className="mb-4">
        {t('player.events.title')}
      </h2>
      <ul className="grid gap-2">
        {events.map((event) => (
          <li key={`${event.id} ${event.hosted}`}>
            <strong>{event.title}</strong>
            {`, ${event.experience}, `}
            <time dateTime={event.startedAt}>{words.day(event.startedAt)}</time>
            {event.hosted && `, ${t('player.events.hosted')}`}
          </li>
        ))}
      </ul>
    </section>
  );
}
