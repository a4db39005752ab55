"""config/backend.integrations.json as typed values."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import msgspec

from common import environment
from common.parsing import whole_number
from players.policy.bounds import Bounds

Name = Annotated[str, msgspec.Meta(min_length=1)]


class FromEnvironment(msgspec.Struct, frozen=True):
    """A value from the environment. The file contains only the variable's name."""

    env: Name

    def value(self) -> str:
        return str(environment.env.str(self.env, default=""))

    def values(self) -> list[str]:
        """Return the values that commas separate."""
        return environment.secrets(self.env)


class Datastore(msgspec.Struct, frozen=True, rename="camel"):
    """A game's data store of players.

    `index`: an ordered store with points in hundredths by user id.
    """

    name: Name
    scope: Name
    key_format: Name
    index: str | None = None


class Counts(msgspec.Struct, frozen=True, rename="camel"):
    """Where points of an experience count: at all, on private servers, in Studio."""

    points: bool = True
    private_servers: bool = False
    studio: bool = False


class ExperienceConfig(msgspec.Struct, frozen=True, rename="camel"):
    """An experience. `bounds`: what its servers may do to players. Looser ones need two owners."""

    key: Name
    name: Name
    universe_id: FromEnvironment
    api_key: FromEnvironment
    datastore: Datastore
    bounds: Bounds = Bounds()
    counts: Counts = Counts()


class Endpoints(msgspec.Struct, frozen=True, rename="camel"):
    automation: str
    open_cloud: str
    portal: str


class OpenCloudConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Timeout of a call, and other budgets in calls a minute (roblox.open_cloud.operations)."""

    timeout_seconds: float
    budgets: dict[str, float | None]


class Mirrors(msgspec.Struct, frozen=True, rename="camel"):
    """GRPS's own data store, ordered store, topic and queue in every universe."""

    store: Name
    key_format: Name
    board: str | None
    topic: Name
    queue: Name


class Sync(msgspec.Struct, frozen=True, rename="camel"):
    """Limits of synchronisation.

    `leaderboard_entries`: entries that the hourly pull reads. `reconcile_after_seconds`: the age of
    a gap before it is closed from the data store. `adopt_at_most`: rank changes on Roblox that one
    pull adopts before it asks staff. `read_membership_after_seconds`: the age of a membership
    before it is read again when the person acts. `trust_membership_minutes`: the age up to which
    they may act. `leave_at_most` and `leave_share_at_most`: leavers in one pull before it asks
    staff.
    """

    leaderboard_entries: int
    reconcile_after_seconds: int
    adopt_at_most: int
    read_membership_after_seconds: int = 60
    trust_membership_minutes: int = 15
    follow_group_log: bool = True
    leave_at_most: int = 100
    leave_share_at_most: float = 0.05


class Retry(msgspec.Struct, frozen=True, rename="camel"):
    """Retries of outgoing calls. `jitter` is a fraction of each pause."""

    attempts: int
    schedule_seconds: tuple[int, ...]
    jitter: float


class Webhooks(msgspec.Struct, frozen=True, rename="camel"):
    """Outgoing webhooks.

    `connections`: of one worker. `disable_after_hours`, `warn_after_hours`: hours in which every
    delivery failed. `keep_days`: how long finished deliveries are kept.
    """

    timeout_seconds: float
    connections: int
    disable_after_hours: int
    warn_after_hours: tuple[int, ...]
    keep_days: int


class Guard(msgspec.Struct, frozen=True, rename="camel"):
    """The number of acts by one person within a window. Further acts need a second person."""

    acts: int
    window_seconds: int


class KeyLimits(msgspec.Struct, frozen=True, rename="camel"):
    """Limits of one API key within a window. Above them its data is quarantined.

    `acts`: moderators' commands. `adjusted`: points of these commands. `breaches`: violations of
    the rules of points. `points`: points moved by violations, late events and missing rows.
    """

    acts: int
    adjusted: int
    renames: int
    new_players: int
    breaches: int
    points: int


class KeyGuard(msgspec.Struct, frozen=True, rename="camel"):
    """Limits of every key, for 100 servers of 100 players (docs/operate.md)."""

    minute: KeyLimits = KeyLimits(60, 10_000, 200, 12_000, 100, 50_000)
    hour: KeyLimits = KeyLimits(600, 25_000, 2_000, 40_000, 500, 250_000)


class Moderation(msgspec.Struct, frozen=True, rename="camel"):
    """The guard against too many acts in a short time, and the reasons offered for each act."""

    guard: Guard
    reasons: dict[str, list[str]]


class Analytics(msgspec.Struct, frozen=True):
    """Who reads figures (docs/analytics.md).

    `role` reads the schema by `url`. `publication`: None if there is no Level B.
    """

    schema: Name = "analytics"
    role: Name = "fivetran"
    url: FromEnvironment = FromEnvironment("ANALYTICS_DATABASE_URL")
    publication: str | None = None


class Features(msgspec.Struct, frozen=True, rename="camel"):
    public_leaderboard: bool
    automatic_promotions: bool


class DiscordRoles(msgspec.Struct, frozen=True, rename="camel"):
    """Ids of Discord roles by rank and by level, and of the one for everybody who is linked.

    `unlinked`: whether somebody without a link keeps these roles ("leave") or not ("remove").
    """

    ranks: dict[str, int] = {}
    levels: dict[str, int] = {}
    linked: int | None = None
    unlinked: Literal["leave", "remove"] = "leave"

    @property
    def managed(self) -> frozenset[int]:
        """The roles that GRPS gives and removes. It changes no others."""
        linked = () if self.linked is None else (self.linked,)
        return frozenset((*self.ranks.values(), *self.levels.values(), *linked))


class DiscordConfig(msgspec.Struct, frozen=True, rename="camel"):
    """The Discord server: its roles, and the channels for the queue and for events."""

    roles: DiscordRoles = DiscordRoles()
    queue_channel: int | None = None
    events_channel: int | None = None
    timeout_seconds: float = 10.0


class Integrations(msgspec.Struct, frozen=True, rename="camel"):
    endpoints: Endpoints
    experiences: tuple[ExperienceConfig, ...]
    open_cloud: OpenCloudConfig
    mirrors: Mirrors
    sync: Sync
    retry: Retry
    webhooks: Webhooks
    moderation: Moderation
    features: Features
    key_guard: KeyGuard = KeyGuard()
    analytics: Analytics = Analytics()
    discord: DiscordConfig = DiscordConfig()
    group_id: int | None = None


def load(path: Path) -> Integrations:
    """Read the file and check it against its schema. Exits with the place of an error."""
    parsed = msgspec.convert(checked_document(path), Integrations, strict=False)
    keys = [experience.key for experience in parsed.experiences]
    if len(set(keys)) != len(keys):
        environment.stop(
            f"{path.name}: $.experiences: two experiences share a key. Give each its own."
        )
    return parsed


def checked_document(path: Path) -> Any:
    """Return the document of a file that its schema allows. Exits with the place of an error."""
    document = _json(path)
    schema = _json(path.with_suffix(".schema.json"))
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(document)
    )
    if error is not None:
        environment.stop(f"{path.name}: {error.json_path}: {error.message}.")
    return document


def discord_roles(configured: DiscordRoles) -> DiscordRoles:
    """Return the roles of the file, or those of DISCORD_ROLES where it is set.

    It is written as `Rank=ID,level:LEVEL=ID,linked=ID`.
    """
    pairs = [part.partition("=") for part in environment.env.list("DISCORD_ROLES", default=[])]
    if not pairs:
        return configured
    ids = {name.strip(): whole_number(text.strip()) for name, _, text in pairs}
    wrong = next((name for name, number in ids.items() if not number), None)
    if wrong is not None:
        environment.stop(f"DISCORD_ROLES: {wrong!r} has no role's id. Write Rank=ID,Rank=ID.")
    found = {name: number for name, number in ids.items() if number}
    levels = {name for name in found if name.startswith("level:")}
    return msgspec.structs.replace(
        configured,
        ranks={name: found[name] for name in found if name not in levels | {"linked"}},
        levels={name.removeprefix("level:"): found[name] for name in levels},
        linked=found.get("linked"),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        environment.stop(f"{path} is missing.")
    except ValueError as error:
        environment.stop(f"{path.name} is not JSON: {error}.")
