"""Check exchanges with Open Cloud against Roblox's OpenAPI files, in the folder OPEN_CLOUD_SPEC."""

import datetime as dt
import functools
import json
import os
import re
import urllib.parse
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

SPEC_VARIABLE = "OPEN_CLOUD_SPEC"
NO_SPEC = (
    f"{SPEC_VARIABLE} names no folder with Roblox's OpenAPI files: nothing is compared with them"
)
# The prefix of the paths in each file.
FILES = {
    "openapi-cloud-v2.json": "",
    "openapi-datastores-v1.json": "/datastores",
    "openapi-ordered-datastores-v1.json": "/ordered-data-stores",
    "openapi-messaging-v1.json": "/messaging-service",
}
# methods, paths, scopes and query parameters, also of operations that the files above lack
LIST = "operations.json"
# Documented in prose only.
WITHOUT_SPEC = {
    ("POST", "/v1/usernames/users"),
    ("POST", "/api-keys/v1/introspect"),
    ("GET", "/v1/users/avatar-headshot"),
    ("GET", "/headshots/{user}"),
}
# Here the examples and the services differ from the published schema.
SCHEMA_IS_WRONG = re.compile(
    r"/datastores/v1/universes/\w+/standard-datastores(/datastore/entries(/entry(/increment|/versions(/version)?)?)?)?"
)
METHODS = ("get", "post", "put", "patch", "delete")


class Described(NamedTuple):
    """One operation of the files. `request` and `response`: JSON schemas, None without one."""

    path: re.Pattern[str]
    query: frozenset[str]
    scopes: frozenset[str] | None
    request: dict[str, Any] | None
    response: dict[str, Any] | None


def spec_folder() -> Path | None:
    """Return the folder of the files, None if OPEN_CLOUD_SPEC is not set."""
    named = os.environ.get(SPEC_VARIABLE)
    return Path(named) if named else None


def check_exchange(
    method: str, url: str, request_body: Any, status: int, response_body: Any
) -> bool:
    """Compare one exchange with the files. Returns False if the operation is only in prose.

    `url` may be absolute. Bodies are decoded JSON, or None. AssertionError says what differs. The
    folder must exist: call `spec_folder()` first. Of refused requests only the form of the refusal
    is compared.
    """
    address = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(address.path)
    if (method, path) in WITHOUT_SPEC:
        return False
    operation = find(method, path)
    if status >= 400:
        _check_refusal(path, status, response_body)
        return True
    assert operation is not None, f"{method} {path} is not in Roblox's files"
    names = {name for name, _ in urllib.parse.parse_qsl(address.query, keep_blank_values=True)}
    assert names <= operation.query, (
        f"{method} {path} has no query parameters {sorted(names - operation.query)}"
    )
    if operation.request is not None and request_body is not None:
        _validate(request_body, operation.request, f"the request of {method} {path}")
    if (
        operation.response is not None
        and response_body is not None
        and not SCHEMA_IS_WRONG.fullmatch(path)
    ):
        _validate(response_body, operation.response, f"the answer to {method} {path}")
    return True


def find(method: str, path: str) -> Described | None:
    """Return the operation of a path. Of several, the one with the fewest parameters."""
    fitting = [one for one in _operations().get(method, []) if one.path.fullmatch(path)]
    return min(fitting, key=lambda one: one.path.groups, default=None)


def _check_refusal(path: str, status: int, body: Any) -> None:
    if not isinstance(body, dict):
        return
    gateway = set(body) == {"errors"} and all(
        {"code", "message"} == set(error) for error in body["errors"]
    )
    if path.startswith("/cloud/v2/"):
        described = {"code", "message"} <= set(body) and set(body) <= {"code", "message", "details"}
        assert gateway or described, f"{status} {path} is refused in no form of v2: {body}"


def _validate(body: Any, schema: dict[str, Any], where: str) -> None:
    validator = jsonschema.Draft202012Validator(schema, format_checker=_formats())
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]
    assert not wrong, f"{where}: {wrong}"


@functools.cache
def _formats() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date-time", ValueError)(_is_time)
    checker.checks("duration")(lambda text: bool(re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?s", text)))
    return checker


def _is_time(text: object) -> bool:
    assert isinstance(text, str)
    return text.endswith("Z") and dt.datetime.fromisoformat(text).tzinfo is not None


@functools.cache
def _operations() -> dict[str, list[Described]]:
    folder = spec_folder()
    assert folder is not None, NO_SPEC
    found: dict[str, list[Described]] = {}
    scopes = {}
    for row in json.loads((folder / LIST).read_text()):
        scopes[row["method"], _pattern(row["path"]).pattern] = frozenset(row["scopes"])
        query = frozenset(one["name"] for one in row["query"])
        described = Described(_pattern(row["path"]), query, frozenset(row["scopes"]), None, None)
        found.setdefault(row["method"], []).append(described)
    for name, prefix in FILES.items():
        root = json.loads((folder / name).read_text())
        for path, operations in root["paths"].items():
            for method in METHODS:
                if method in operations:
                    described = _described(prefix + path, operations[method], root)
                    known = scopes.get((method.upper(), described.path.pattern))
                    # The complete files come first, since `find` takes the first of two equals.
                    found.setdefault(method.upper(), []).insert(0, described._replace(scopes=known))
    return found


def _described(path: str, operation: dict[str, Any], root: dict[str, Any]) -> Described:
    query = frozenset(
        one["name"] for one in operation.get("parameters", []) if one["in"] == "query"
    )
    request = _schema(operation.get("requestBody", {}), root)
    response = _schema(operation["responses"].get("200", {}), root)
    return Described(_pattern(path), query, None, request, response)


def _pattern(path: str) -> re.Pattern[str]:
    text = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", text))


def _schema(holder: dict[str, Any], root: dict[str, Any]) -> dict[str, Any] | None:
    kinds = holder.get("content") or {}
    kind = kinds.get("application/json") or next(iter(kinds.values()), None)
    if not kind or "schema" not in kind:
        return None
    converted: dict[str, Any] = _convert(kind["schema"], root)
    return converted


def _convert(node: Any, root: dict[str, Any]) -> Any:
    """Convert OpenAPI 3.0 to JSON Schema.

    References are resolved, `nullable` becomes a type, and unknown members are refused.
    """
    if isinstance(node, list):
        return [_convert(one, root) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _convert(target, root)
    done = {
        name: _convert(value, root)
        for name, value in node.items()
        if name not in ("example", "properties")
    }
    if done.pop("nullable", False) and isinstance(done.get("type"), str):
        done["type"] = [done["type"], "null"]
    if "properties" in node:
        done["properties"] = {
            name: _convert(value, root) for name, value in node["properties"].items()
        }
        done.setdefault("additionalProperties", False)
    return done
