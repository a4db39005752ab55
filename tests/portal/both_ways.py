"""Ask the portal's readers, and get both answers: the database's and the API's."""

import json
import subprocess
from typing import Any

from devserver.portal import build
from tests.portal.conftest import environment

SCRIPT = "tests/both.ts"


class Readers:
    """A process of Node.js that runs the portal's readers."""

    def __init__(self, settings: dict[str, str]) -> None:
        build.ensure_installed()
        self._process = subprocess.Popen(
            ["node", "--no-warnings", "--conditions=react-server", SCRIPT],
            cwd=build.FOLDER,
            env=environment(PORTAL_URL="http://portal.test", **settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def ask(self, reader: str, *arguments: Any) -> dict[str, Any]:
        """Return both answers of `module.function`, by source."""
        assert self._process.stdin
        assert self._process.stdout
        line = json.dumps({"reader": reader, "arguments": arguments})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answers: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answers

    def equal(self, reader: str, *arguments: Any, rule: tuple[str, ...] = ()) -> Any:
        """Return the answer, the same from both sources. Fields in `rule` only the API knows."""
        answers = self.ask(reader, *arguments)
        database, api = answers["database"], answers["api"]
        assert not _failed(database), (reader, arguments, database)
        assert not _failed(api), (reader, arguments, api)
        for name in rule if api else ():
            api.pop(name, None)
        assert database == api, f"{reader}{arguments}: {_difference(database, api)}"
        return database


def _failed(answer: Any) -> bool:
    return isinstance(answer, dict) and "error" in answer


def _difference(one: Any, other: Any, place: str = "") -> str:
    """Return the first place at which two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            if one.get(name) != other.get(name):
                return _difference(one.get(name), other.get(name), f"{place}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            if pair[0] != pair[1]:
                return _difference(*pair, f"{place}[{number}]")
    return f"{place} is {one!r} in the database and {other!r} in the API"
