/** Settings of the process, checked once at start. Each problem is one line that names its variable. */

export interface Settings {
  portalUrl: string;
  apiUrl: string;
  /** Where members see what concerns themselves: Django's page `/me`. */
  membersUrl: string | null;
  databaseUrl: string | null;
  databasePool: number;
  /** Milliseconds that a page waits for its sources in all. */
  pageDeadline: number;
  stateFolder: string | null;
  refreshSecret: string | null;
  signatureSecret: string | null;
  webhookSecret: string | null;
  turnstileSiteKey: string | null;
  discordServerId: string | null;
  brandFile: string | null;
  /** How many proxies of ours stand before this server. */
  trustedProxies: number;
  maintenance: boolean;
  /** Whether the API has pictures of players. */
  avatars: boolean;
  /** Requests of one network address per minute; 0 is no limit. */
  visitorLimit: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export class InvalidSettings extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Read the settings, or throw `InvalidSettings` with every problem. */
export function readSettings(environment: Environment): Settings {
  const reader = new Reader(environment);
  const settings = {
    portalUrl: reader.required('PORTAL_URL', httpUrl, 'http://localhost:3000'),
    apiUrl: reader.required('NEXT_PUBLIC_AUTOMATION_BASE_URL', httpUrl),
    membersUrl: reader.optional('PORTAL_MEMBERS_URL', httpUrl),
    databaseUrl: reader.optional('DATABASE_URL', postgresUrl),
    databasePool: Number(reader.optional('DATABASE_POOL', poolSize) ?? 5),
    pageDeadline: Number(reader.optional('PORTAL_DEADLINE', milliseconds) ?? 1_000),
    stateFolder: reader.optional('PORTAL_STATE', anything),
    refreshSecret: reader.optional('PORTAL_REFRESH_SECRET', secret),
    signatureSecret: reader.optional('AUTOMATION_SIGNATURE_SECRET', secret),
    webhookSecret: reader.optional('PORTAL_WEBHOOK_SECRET', standardWebhookSecret),
    turnstileSiteKey: reader.optional('TURNSTILE_SITE_KEY', siteKey),
    discordServerId: reader.optional('DISCORD_SERVER_ID', snowflake),
    brandFile: reader.optional('PORTAL_BRAND', anything),
    trustedProxies: Number(reader.optional('TRUSTED_PROXIES', proxies) ?? 0),
    maintenance: reader.optional('PORTAL_MAINTENANCE', onOrOff) === 'on',
    avatars: reader.optional('AVATARS', onOrOff) === 'on',
    visitorLimit: Number(reader.optional('PORTAL_VISITOR_LIMIT', perMinute) ?? 600),
  };
  if (reader.problems.length > 0) throw new InvalidSettings(reader.problems);
  return settings;
}

let current: Settings | undefined;

/** The settings of this process. */
export function settings(): Settings {
  current ??= readSettings(process.env);
  return current;
}

/** A check returns what the value must be, or null if it is fine. */
type Check = (value: string) => string | null;

class Reader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  required(name: string, check: Check, inDevelopment?: string): string {
    const value = this.optional(name, check);
    if (value !== null) return value;
    const fallback = this.#environment['NODE_ENV'] === 'production' ? undefined : inDevelopment;
    const isNamed = this.#environment[name] || this.#environment[`${name}_FILE`];
    if (fallback === undefined && !isNamed) {
      this.problems.push(`${name} is not set. It must be ${check('') ?? 'set'}.`);
    }
    return fallback ?? '';
  }

  optional(name: string, check: Check): string | null {
    const value = this.#text(name)?.trim();
    if (!value) return null;
    const wanted = check(value);
    // The value itself may be a secret, so the line does not hold it.
    if (wanted !== null) this.problems.push(`${name} is wrong. It must be ${wanted}.`);
    return value;
  }

  /** The variable, or the text of the file that NAME_FILE names. */
  #text(name: string): string | undefined {
    const value = this.#environment[name];
    const file = this.#environment[`${name}_FILE`];
    if (!file) return value;
    if (value) {
      this.problems.push(`${name} and ${name}_FILE are both set. Remove one of them.`);
      return undefined;
    }
    try {
      return process.getBuiltinModule('node:fs').readFileSync(file, 'utf8');
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code;
      this.problems.push(`${name}_FILE names ${file}, which cannot be read (${reason}).`);
      return undefined;
    }
  }
}

const anything: Check = () => null;
const httpUrl = matching(
  /^https?:\/\/[^\s/?#]+(?:\/[^\s?#]*)?$/,
  'an address such as https://example.org',
);
const postgresUrl = matching(
  /^postgres(?:ql)?:\/\/\S+$/,
  'an address such as postgresql://user:password@host/name',
);
const poolSize = matching(/^(?:[1-9]|1\d|20)$/, 'a number of connections from 1 to 20');
const proxies = matching(/^\d$/, 'the number of your proxies before the portal, 0 to 9');
const onOrOff = matching(/^(?:on|off)$/, 'on or off');
const perMinute = matching(/^\d{1,6}$/, 'a number of requests per minute; 0 is no limit');
const milliseconds = matching(/^(?:[1-9]\d{2,4})$/, 'milliseconds from 100 to 99999');
const secret = matching(/^\S{16,}$/, 'at least 16 characters without spaces');
const standardWebhookSecret = matching(
  /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/,
  "the webhook's secret, which begins with whsec_",
);
const siteKey = matching(/^[\w.-]{10,100}$/, "the widget's site key from Cloudflare");
const snowflake = matching(/^\d{17,20}$/, "the Discord server's id, 17 to 20 digits");

function matching(pattern: RegExp, wanted: string): Check {
  return (value) => (pattern.test(value) ? null : wanted);
}
