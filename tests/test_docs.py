"""Files, functions and pages that the guides name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

TOP = Path(__file__).resolve().parent.parent
GUIDES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
TOPS = (
    "audits|bench|common|config|console|deploy|devserver|discord|docs|grps_site|players|roblox|syncs"
    "|templates|tests|webhooks"
)
CODE = re.compile(rf"`((?:{TOPS})/[\w./-]*)(?:: (\w+))?`")
PRODUCTION = [
    *("audits", "common", "console", "discord", "grps_site"),
    *("players", "roblox", "syncs", "webhooks"),
]
COMMAND = re.compile(r"manage\.py ([a-z_]+)(?:[ \n]+([a-z][a-z-]+))?(?=[`\s\"'<.])")
RAW = re.compile(r"(?:cursor|connection)\.(?:execute|copy)\(")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_file_and_function_that_a_guide_names_exists(guide: Path) -> None:
    missing = [
        f"{path}: {name}" if name else path
        for path, name in CODE.findall(guide.read_text())
        if not _exists(TOP / path, name)
    ]
    assert missing == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_link_of_a_guide_leads_somewhere(guide: Path) -> None:
    links = LINK.findall(guide.read_text())
    assert [link for link in links if not (guide.parent / link).exists()] == []


def test_every_module_with_raw_sql_is_listed_with_its_reason() -> None:
    listed = tuple(CODE.findall(_section((TOP / "docs/develop.md").read_text(), "## Raw SQL")))
    folders = tuple(path for path, _ in listed)
    found = [path for app in PRODUCTION for path in sorted((TOP / app).rglob("*.py"))]
    raw = [path.relative_to(TOP).as_posix() for path in found if RAW.search(path.read_text())]
    ignored = ("/migrations/", "roblox/emulator/")
    shown = [path for path in raw if not any(part in path for part in ignored)]
    assert [path for path in shown if not path.startswith(folders)] == []


def test_every_command_that_a_text_names_exists() -> None:
    commands = get_commands()
    wrong = []
    for path, name, act in sorted({*_named_commands()}):
        if name not in commands:
            wrong.append(f"{path}: manage.py {name}")
        elif act and (known := _acts(commands[name], name)) and act not in known:
            wrong.append(f"{path}: manage.py {name} {act}")
    assert wrong == []


def _named_commands() -> Iterator[tuple[str, str, str]]:
    apps = [path for app in PRODUCTION for path in (TOP / app).rglob("*.py")]
    for path in [*GUIDES, *apps, *(TOP / "templates").rglob("*.html")]:
        for name, act in COMMAND.findall(path.read_text()):
            yield str(path.relative_to(TOP)), name, act


def _acts(app: str, name: str) -> set[str]:
    """Return the acts of a command, none if its first argument is no choice."""
    parser = load_command_class(app, name).create_parser("manage.py", name)
    first = next((one for one in parser._actions if not one.option_strings), None)
    return set(first.choices) if first is not None and first.choices else set()


def _section(text: str, heading: str) -> str:
    return text.split(heading + "\n")[1].split("\n## ")[0]


def _exists(path: Path, name: str) -> bool:
    if not path.exists():
        return False
    if not name:
        return True
    return (
        re.search(rf"^(async )?(def|class) {name}\b|^{name} = ", path.read_text(), re.M) is not None
    )
