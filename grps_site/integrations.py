"""config/backend.integrations.json as one typed value: endpoints, experiences, retry policy, feature switches."""

import json
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import msgspec

from grps_site import environment

Name = Annotated[str, msgspec.Meta(min_length=1)]


class FromEnvironment(msgspec.Struct, frozen=True):
    """A value that stands in the environment: the file holds only the variable's name."""

    env: Name

    def value(self) -> str:
        return str(environment.env.str(self.env, default=""))


class Datastore(msgspec.Struct, frozen=True, rename="camel"):
    name: Name
    scope: Name
    key_format: Name


class ExperienceConfig(msgspec.Struct, frozen=True, rename="camel"):
    key: Name
    name: Name
    universe_id: FromEnvironment
    api_key: FromEnvironment
    datastore: Datastore


class Endpoints(msgspec.Struct, frozen=True, rename="camel"):
    automation: str
    open_cloud: str
    portal: str


class Retry(msgspec.Struct, frozen=True, rename="camel"):
    """Outgoing calls: how often, after how many seconds each, and the jitter as a fraction."""

    attempts: int
    schedule_seconds: tuple[int, ...]
    jitter: float


class Features(msgspec.Struct, frozen=True, rename="camel"):
    public_leaderboard: bool
    automatic_promotions: bool


class Integrations(msgspec.Struct, frozen=True, rename="camel"):
    endpoints: Endpoints
    experiences: tuple[ExperienceConfig, ...]
    retry: Retry
    features: Features
    group_id: int | None = None


def load(path: Path) -> Integrations:
    """Read and check the file against the schema beside it; any defect stops the start, naming file and place."""
    document = _json(path)
    schema = _json(path.with_suffix(".schema.json"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if error is not None:
        environment.stop(f"{path.name}: {error.json_path}: {error.message}.")
    parsed = msgspec.convert(document, Integrations)
    keys = [experience.key for experience in parsed.experiences]
    if len(set(keys)) != len(keys):
        environment.stop(f"{path.name}: $.experiences: two experiences share a key. Give each its own.")
    return parsed


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        environment.stop(f"{path} is missing.")
    except ValueError as error:
        environment.stop(f"{path.name} is not JSON: {error}.")
