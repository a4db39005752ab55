import type { Ask } from '../ask.ts';
import { body, found } from '../grpsBackendClient.ts';
import type { PlayerEvent, UpcomingEvent } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { isUserId } from './cursors.ts';
import * as wire from './wire.ts';

const MOST = 20;

/** What a player attended or hosted, newest first, or null if the player is not listed. */
export function ofPlayer(ask: Ask, userId: string) {
  return answer(ask, ofPlayerQuestion(isUserId(userId) ? userId : '0'));
}

/** What runs or is planned, soonest first. */
export function upcoming(ask: Ask) {
  return answer(ask, upcomingQuestion);
}

interface EventRow {
  id: bigint;
  title: string;
  experience: string;
  started_at: Date;
  hosted: boolean;
}

interface UpcomingRow {
  id: bigint;
  title: string;
  description: string;
  experience: string;
  starts_at: Date;
  minutes: number;
  running: boolean;
  host_id: string | null;
  host_username: string | null;
  host_display_name: string | null;
}

export function ofPlayerQuestion(userId: string): Question<PlayerEvent[] | null> {
  return {
    key: `events player:${userId}`,
    async fromDatabase(database) {
      const id = BigInt(userId);
      const [rows, listed] = await database.$transaction([
        database.$queryRaw<EventRow[]>`
          SELECT id, title, experience, started_at, hosted FROM portal.events_of(${id}, ${MOST}::int)`,
        database.$queryRaw<unknown[]>`SELECT 1 FROM portal.still_listed(ARRAY[${id}]::bigint[])`,
      ]);
      return { value: listed.length > 0 ? rows.map(eventOf) : null };
    },
    async fromApi(api) {
      const parameters = {
        path: { user_id: wire.idParameter(userId) },
        query: { limit: MOST },
      };
      const data = found(await api.GET('/players/{user_id}/hosted-events', { params: parameters }));
      return { value: data?.events.map(playerEvent) ?? null };
    },
  };
}

export const upcomingQuestion: Question<UpcomingEvent[]> = {
  key: 'events upcoming',
  async fromDatabase(database) {
    const rows = await database.$queryRaw<UpcomingRow[]>`
      SELECT id, title, description, experience, starts_at, minutes, running, host_id::text,
        host_username, host_display_name FROM portal.upcoming_events(${MOST}::int)`;
    return { value: rows.map(upcomingOf) };
  },
  async fromApi(api) {
    const data = body(await api.GET('/hosted-events', { params: { query: { limit: MOST } } }));
    return { value: data.events.map(upcomingEvent) };
  },
};

function eventOf(row: EventRow): PlayerEvent {
  const { title, experience, hosted } = row;
  return { id: String(row.id), title, experience, startedAt: row.started_at.toISOString(), hosted };
}

function playerEvent(
  given: wire.Body<'/players/{user_id}/hosted-events'>['events'][number],
): PlayerEvent {
  const { id, title, experience, hosted } = given;
  return { id, title, experience, startedAt: wire.time(given.startedAt), hosted };
}

function upcomingOf(row: UpcomingRow): UpcomingEvent {
  const { title, description, experience, minutes, running } = row;
  const name = row.host_display_name || row.host_username || '';
  return {
    id: String(row.id),
    title,
    description,
    experience,
    startsAt: row.starts_at.toISOString(),
    minutes,
    running,
    host: row.host_id === null ? null : { userId: row.host_id, displayName: name },
  };
}

function upcomingEvent(given: wire.Body<'/hosted-events'>['events'][number]): UpcomingEvent {
  const { id, title, description, experience, minutes, running, host } = given;
  return {
    id,
    title,
    description,
    experience,
    startsAt: wire.time(given.startsAt),
    minutes,
    running,
    host: host && { userId: host.userIdString, displayName: host.displayName || host.username },
  };
}
