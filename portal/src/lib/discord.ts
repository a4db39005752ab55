/**
 * The public widget of a Discord server (https://docs.discord.com/developers/resources/guild#get-guild-widget).
 *
 * This server reads it, never a visitor's browser. Names of members are not kept.
 */

import { settings } from './settings.ts';

export interface DiscordServer {
  name: string;
  online: number;
  /** Only an address of Discord, or null if the server shows none. */
  invite: string | null;
}

type Fetch = typeof fetch;
interface Kept {
  server: DiscordServer | null;
  readAt: number;
  askAgainAt: number;
}

const DEADLINE_MS = 800;
const FRESH_MS = 5 * 60_000;
const KEPT_MS = 10 * 60_000; // while Discord does not answer
const RETRY_MS = 60_000; // after an error; Discord limits by address
const LONGEST_ANSWER = 512 * 1024; // the widget lists at most 100 members
const INVITE = /^https:\/\/(discord\.gg|discord\.com\/invite)\/[\w-]{2,64}$/;

export class DiscordWidget {
  readonly #serverId: string;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  #kept: Kept = { server: null, readAt: 0, askAgainAt: 0 };
  #reading: Promise<void> | null = null;

  constructor(serverId: string, fetcher: Fetch = fetch, now: () => number = Date.now) {
    this.#serverId = serverId;
    this.#fetch = fetcher;
    this.#now = now;
  }

  /** Return what was last read, at once; an old answer is renewed in the background. */
  read(): DiscordServer | null {
    if (this.#now() >= this.#kept.askAgainAt) this.#reading ??= this.#renew();
    return this.#kept.server;
  }

  /** Wait for the reading under way. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  async #renew(): Promise<void> {
    try {
      const server = await this.#ask();
      this.#kept = { server, readAt: this.#now(), askAgainAt: this.#now() + FRESH_MS };
    } catch {
      // Discord is decoration: without an answer the last one stays for a while, then none is shown.
      const { server, readAt } = this.#kept;
      const kept = this.#now() - readAt < KEPT_MS ? server : null;
      this.#kept = { server: kept, readAt, askAgainAt: this.#now() + RETRY_MS };
    } finally {
      this.#reading = null;
    }
  }

  async #ask(): Promise<DiscordServer> {
    const response = await this.#fetch(
      `https://discord.com/api/guilds/${this.#serverId}/widget.json`,
      { signal: AbortSignal.timeout(DEADLINE_MS), redirect: 'error', cache: 'no-store' },
    );
    if (!response.ok) throw new Error(`Discord answered ${response.status}`);
    const text = await response.text();
    if (text.length > LONGEST_ANSWER) throw new Error('Discord sent too much');
    return shaped(JSON.parse(text));
  }
}

function shaped(answer: unknown): DiscordServer {
  const {
    name,
    presence_count: online,
    instant_invite: invite,
  } = answer as Record<string, unknown>;
  if (typeof name !== 'string' || !Number.isSafeInteger(online))
    throw new Error('Discord sent another shape');
  return {
    name: name.slice(0, 100),
    online: Math.max(0, online as number),
    invite: typeof invite === 'string' && INVITE.test(invite) ? invite : null,
  };
}

let widget: DiscordWidget | null = null;

/** The community's Discord server, or null without a server id or as long as Discord did not answer. */
export function discordServer(): DiscordServer | null {
  const { discordServerId } = settings();
  if (discordServerId === null) return null;
  widget ??= new DiscordWidget(discordServerId);
  return widget.read();
}
