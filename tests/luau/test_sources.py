"""How the game's modules are written: strict, pure where they decide, each with a head that names
all its members.
"""

import re
from pathlib import Path

import pytest

from tests.luau.machine import HOME

MODULES = sorted(
    path
    for folder in ("shared", "server", "client", "example")
    for path in (HOME / folder).rglob("*.luau")
)
MEMBER = re.compile(r"^function \w+[.:]([A-Za-z]\w*)\(", re.MULTILINE)
IMPURE = re.compile(
    r"(?<![.\w])(game|task|wait|spawn|delay|tick|time|os|workspace|DateTime|Instance|math\.random)\b\s*[.:(]"
)


def name(path: Path) -> str:
    return str(path.relative_to(HOME))


def head(source: str) -> str:
    found = re.match(r"--!strict\n--\[\[\n(.*?)\n\]\]\n", source, re.DOTALL)
    assert found, "it does not begin with --!strict and what it is"
    return found[1]


def code(source: str) -> str:
    """Without comments and texts."""
    bare = re.sub(r"--\[\[.*?\]\]", "", source, flags=re.DOTALL)
    return re.sub(r"--.*|\"[^\"\n]*\"|`[^`\n]*`", "", bare)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_strict_and_its_head_names_every_member(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    members = set(MEMBER.findall(source))
    assert {one for one in members if not re.search(rf"\b{one}\b", head(source))} == set()


@pytest.mark.parametrize("path", sorted((HOME / "shared").glob("*.luau")), ids=name)
def test_what_decides_has_no_services_no_clock_and_no_yields(path: Path) -> None:
    assert IMPURE.findall(code(path.read_text(encoding="utf-8"))) == []


def test_what_is_impure_or_unnamed_is_found() -> None:
    assert IMPURE.findall(code("local now = os.time() -- task.wait(")) == ["os"]
    assert MEMBER.findall(
        "function Store:join(player)\nfunction Store:_take()\nfunction store.new("
    ) == ["join", "new"]
    with pytest.raises(AssertionError):
        head("--[[ x ]]")
