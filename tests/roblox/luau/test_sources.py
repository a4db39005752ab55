"""The source of the game's modules: strict, documented, and pure where they decide."""

import re
from pathlib import Path

import pytest

from tests.roblox.luau.machine import HOME, Machine

MODULES = sorted(HOME.rglob("*.luau"))
HEAD = re.compile(r"--!strict\n--\[=\[\n\t@class (\w+)\n\t\S")
# A member that other modules may call, with the doc comment above it if there is one.
MEMBER = re.compile(r"^(---.*\n)?function (?!QUESTIONS)\w+[.:]([a-z]\w*)[(<]", re.MULTILINE)
PLAIN = {"new", "start", "stop"}  # their names explain them
IMPURE = re.compile(
    r"(?<![.\w])(game|task|wait|spawn|delay|time|os|workspace|DateTime|Instance|math\.random|tick(?=\s*\())\b\s*[.:(]"
)


def name(path: Path) -> str:
    return str(path.relative_to(HOME))


def undocumented(source: str) -> list[str]:
    """Return the public members without a doc comment."""
    return [name for comment, name in MEMBER.findall(source) if not comment and name not in PLAIN]


def code(source: str) -> str:
    """Return the source without comments and strings."""
    bare = re.sub(r"--\[=\[.*?\]=\]", "", source, flags=re.DOTALL)
    return re.sub(r"--.*|\"[^\"\n]*\"|`[^`\n]*`", "", bare)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_are_strict_and_documented(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    found = HEAD.match(source)
    assert found
    assert found[1] in {path.stem.split(".")[0], "GRPS", "GRPSClient"}
    assert undocumented(source) == []
    assert source.count("\n") <= 400


def test_no_module_names_a_place_of_the_package() -> None:
    for path in MODULES:
        source = code(path.read_text(encoding="utf-8"))
        assert path.parent.name == "example" or "ServerScriptService" not in source
        assert "GRPSShared" not in source
        assert not re.search(r"require\((?!script|shared|copy)(?!ServerScriptService)", source)


def test_every_source_compiles() -> None:
    machine = Machine()
    assert all(machine._module(name(path)) for path in MODULES)


@pytest.mark.parametrize("path", sorted((HOME / "shared").glob("*.luau")), ids=name)
def test_rules_are_pure(path: Path) -> None:
    assert IMPURE.findall(code(path.read_text(encoding="utf-8"))) == []


def test_the_checks_find_impure_and_undocumented_code() -> None:
    assert IMPURE.findall(code("local now = os.time() -- task.wait(")) == ["os"]
    members = "--- Join.\nfunction Store.join(\nfunction Store._take(\nfunction Store.leave("
    assert undocumented(members) == ["leave"]
    assert not HEAD.match("--[[ x ]]")
