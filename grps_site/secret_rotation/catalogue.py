"""Every secret of an installation: what it protects, how it overlaps, and who must change it."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from common import environment

WEB = "grps-web"
ALL = "grps-web, the workers and grps-beat"
WORKERS = "the workers"
EACH_START = "nothing: a command reads it when it starts"

# Their previous value is in an audit event, in PostgreSQL or in Valkey.
OVERLAP_ELSEWHERE = ("AUDIT_SIGNING_KEY", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret.

    `unset` says what happens without it, empty if `protects` is closed then.
    `previous` is the variable of the value before, empty if `name` itself holds a list, or if
    nothing overlaps (`is_list` false). `make` is None for a value that another system makes.
    """

    name: str
    protects: str
    users: str  # who must change it
    restart: str
    make: Callable[[], str] | None = None
    previous: str = ""
    is_list: bool = False
    unset: str = ""

    @property
    def overlaps(self) -> bool:
        """Return whether GRPS accepts a previous value, which `finish` ends."""
        return self.is_list or bool(self.previous) or self.name in OVERLAP_ELSEWHERE

    def values(self) -> list[str]:
        """Return the configured values, newest first."""
        if self.is_list:
            return environment.secrets(self.name)
        former = environment.secrets(self.previous) if self.previous else []
        return [one for one in (environment.raw(self.name), *former) if one]


def _text() -> str:
    return secrets.token_urlsafe(48)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


SECRETS = (
    Secret(
        name="DJANGO_SECRET_KEY",
        protects="sessions of the console",
        users="nobody else",
        restart=ALL,
        make=_text,
        previous="DJANGO_SECRET_KEY_FALLBACKS",
    ),
    Secret(
        name="ERASURE_MARK_KEYS",
        protects="marks by which erased people are recognised",
        users="nobody else",
        restart=ALL,
        make=_key,
        is_list=True,
        unset="marks depend on DJANGO_SECRET_KEY",
    ),
    Secret(
        name="FIELD_ENCRYPTION_KEYS",
        protects="addresses and secrets of webhook endpoints",
        users="nobody else",
        restart=f"{WORKERS}, then {WEB}",
        make=_key,
        is_list=True,
    ),
    Secret(
        name="AUDIT_SIGNING_KEY",
        protects="the seals of the audit log",
        users="whoever verifies exports (`manage.py audit keys`)",
        restart=ALL,
        make=_key,
    ),
    Secret(
        name="AUTOMATION_SIGNATURE_SECRET",
        protects="signed calls",
        users="the portal, cron jobs and scripts",
        restart=WEB,
        make=_text,
        previous="AUTOMATION_SIGNATURE_SECRET_PREVIOUS",
    ),
    Secret(
        name="METRICS_TOKEN",
        protects="/metrics",
        users="Prometheus",
        restart=f"{WEB} and {WORKERS}",
        make=_text,
        previous="METRICS_TOKEN_PREVIOUS",
    ),
    Secret(
        name="WEBHOOK_VERIFICATION_KEY",
        protects="messages to standard endpoints without a secret of their own",
        users="the receivers of these endpoints",
        restart="grps-webhook-worker and grps-web",
        make=_key,
        previous="WEBHOOK_VERIFICATION_KEY_PREVIOUS",
    ),
    Secret(
        name="ROBLOX_WEBHOOK_SECRET",
        protects="notifications from Roblox",
        users="the webhook in Creator Hub",
        restart=WEB,
        make=_text,
        previous="ROBLOX_WEBHOOK_SECRET_PREVIOUS",
    ),
    Secret(
        name="ROBLOX_OPEN_CLOUD_API_KEY",
        protects="calls to Roblox",
        users="Creator Hub, which makes it",
        restart=ALL,
        is_list=True,
    ),
    Secret(
        name="ROBLOX_OAUTH_CLIENT_SECRET",
        protects="sign-in with Roblox",
        users="Creator Hub, which makes it",
        restart=WEB,
    ),
    Secret(
        name="DISCORD_CLIENT_SECRET",
        protects="sign-in with Discord",
        users="Discord's developer portal, which makes it",
        restart=WEB,
    ),
    Secret(
        name="DISCORD_BOT_TOKEN",
        protects="calls to Discord",
        users="Discord's developer portal, which makes it",
        restart=ALL,
        unset="GRPS gives no roles on Discord and posts nothing there",
    ),
    Secret(
        name="TURNSTILE_SECRET_KEY",
        protects="public forms",
        users="Cloudflare, which makes it",
        restart=WEB,
    ),
    Secret(
        name="DATABASE_URL",
        protects="the database",
        users="PostgreSQL",
        restart=ALL,
    ),
    Secret(
        name="REDIS_URL",
        protects="the cache, and the broker without CELERY_BROKER_URL",
        users="Valkey or Redis",
        restart=ALL,
    ),
    Secret(
        name="CELERY_BROKER_URL",
        protects="the broker",
        users="the broker",
        restart=ALL,
        unset="REDIS_URL is the broker too",
    ),
    Secret(
        name="SENTRY_DSN",
        protects="reports of unexpected errors",
        users="Sentry, which makes it",
        restart=ALL,
        unset="no error is reported to Sentry",
    ),
    Secret(
        name="HEARTBEAT_URLS",
        protects="what monitors hear of jobs",
        users="the monitors, which make them",
        restart=EACH_START,
        unset="no monitor hears of jobs",
    ),
    Secret(
        name="ANALYTICS_DATABASE_URL",
        protects="the views of analytics",
        users="`manage.py analytics role NAME --rotate`, which makes it",
        restart=EACH_START,
        unset="`analytics status` does not try the role",
    ),
    Secret(
        name="ANALYTICS_WAREHOUSE_URL",
        protects="the database of the warehouse",
        users="the warehouse",
        restart=EACH_START,
        unset="only `analytics warehouse` needs it, for one run",
    ),
)
BY_NAME = {secret.name: secret for secret in SECRETS}
