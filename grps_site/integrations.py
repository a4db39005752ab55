"""config/backend.integrations.json as one typed value: endpoints, experiences, retry policy,
feature switches.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import msgspec

from common import environment
from players.policy.bounds import Bounds

Name = Annotated[str, msgspec.Meta(min_length=1)]


class FromEnvironment(msgspec.Struct, frozen=True):
    """A value that stands in the environment: the file holds only the variable's name."""

    env: Name

    def value(self) -> str:
        return str(environment.env.str(self.env, default=""))


class Datastore(msgspec.Struct, frozen=True, rename="camel"):
    """Where a game keeps its players. `index`: an ordered store beside it, user id to points there
    in hundredths.
    """

    name: Name
    scope: Name
    key_format: Name
    index: str | None = None


class Counts(msgspec.Struct, frozen=True, rename="camel"):
    """What of an experience counts as points: all of it (a test experience: nothing), its private
    servers, Studio.
    """

    points: bool = True
    private_servers: bool = False
    studio: bool = False


class ExperienceConfig(msgspec.Struct, frozen=True, rename="camel"):
    """An experience. `bounds`: what its game servers may do to people; looser ones wait for two
    owners.
    """

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
    """How long a call may take, and budgets (calls a minute, see roblox.open_cloud.operations) that
    differ.
    """

    timeout_seconds: float
    budgets: dict[str, float | None]


class Mirrors(msgspec.Struct, frozen=True, rename="camel"):
    """GRPS's own places in every universe: its store, its ordered board, its topic, and the queue
    that games fill.
    """

    store: Name
    key_format: Name
    board: str | None
    topic: Name
    queue: Name


class Sync(msgspec.Struct, frozen=True, rename="camel"):
    """Entries that the hourly pull looks at; how old a gap must be to be closed from the data
    store; how many changes of rank made by hand on Roblox one pull adopts before it asks staff;
    after how long somebody who acts is read anew, how old Roblox's last word on them may be, and
    whether the group's log is followed; how many members, and which share of all, one pull writes
    off before it asks staff.
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
    """Outgoing calls: how often, after how many seconds each, and the jitter as a fraction."""

    attempts: int
    schedule_seconds: tuple[int, ...]
    jitter: float


class Webhooks(msgspec.Struct, frozen=True, rename="camel"):
    """Outgoing webhooks: seconds for one call, connections of one worker, hours of nothing but
    failures after which an endpoint is disabled or its operators are warned, days that finished
    deliveries are kept.
    """

    timeout_seconds: float
    connections: int
    disable_after_hours: int
    warn_after_hours: tuple[int, ...]
    keep_days: int


class Guard(msgspec.Struct, frozen=True, rename="camel"):
    """How many acts of one person within a window go through before further ones need a second
    person.
    """

    acts: int
    window_seconds: int


class KeyLimits(msgspec.Struct, frozen=True, rename="camel"):
    """How much one key of an experience may bring within a time before what it brings is put into
    quarantine.

    `acts`: commands of moderators; `adjusted`: points that these ask for; `renames`; `new_players`;
    `breaches`: of the laws of points; `points`: by which such breaches, events of long ago and rows
    that never came move players.
    """

    acts: int
    adjusted: int
    renames: int
    new_players: int
    breaches: int
    points: int


class KeyGuard(msgspec.Struct, frozen=True, rename="camel"):
    """The limits of every key, made for 100 servers of 100 players: see docs/operate.md."""

    minute: KeyLimits = KeyLimits(60, 10_000, 200, 12_000, 100, 50_000)
    hour: KeyLimits = KeyLimits(600, 25_000, 2_000, 40_000, 500, 250_000)


class Moderation(msgspec.Struct, frozen=True, rename="camel"):
    """The guard against too many acts in a short time, and the reasons to choose from, by act."""

    guard: Guard
    reasons: dict[str, list[str]]


class Features(msgspec.Struct, frozen=True, rename="camel"):
    public_leaderboard: bool
    automatic_promotions: bool


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
    group_id: int | None = None


def load(path: Path) -> Integrations:
    """Read and check the file against the schema beside it; any defect stops the start, naming file
    and place.
    """
    document = _json(path)
    schema = _json(path.with_suffix(".schema.json"))
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(document)
    )
    if error is not None:
        environment.stop(f"{path.name}: {error.json_path}: {error.message}.")
    parsed = msgspec.convert(document, Integrations)
    keys = [experience.key for experience in parsed.experiences]
    if len(set(keys)) != len(keys):
        environment.stop(
            f"{path.name}: $.experiences: two experiences share a key. Give each its own."
        )
    return parsed


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        environment.stop(f"{path} is missing.")
    except ValueError as error:
        environment.stop(f"{path.name} is not JSON: {error}.")
