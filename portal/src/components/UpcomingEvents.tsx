import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';
import type { UpcomingEvent } from '@/lib/shapes';

interface Props {
  words: Words;
  events: UpcomingEvent[];
}

/** Events that run or are planned, with their host and game. */
export function UpcomingEvents({ words, events }: Props) {
  const { t, locale } = words;
  return (
    <ul className="grid gap-2">
      {events.map((event) => (
        <li key={event.id}>
          <strong>{event.title}</strong>
          {', '}
          {event.running ? (
            t('home.events.running')
          ) : (
            <time dateTime={event.startsAt}>{words.dateTime(event.startsAt)} UTC</time>
          )}
          {', '}
          {event.experience}
          {event.host && (
            <>
              {', '}
              <Link href={path(locale, `/players/${event.host.userId}`)} prefetch={false}>
                <bdi>{event.host.displayName}</bdi>
              </Link>
            </>
          )}
          {event.description && <p className="text-muted">{event.description}</p>}
        </li>
      ))}
    </ul>
  );
}
