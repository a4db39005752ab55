"""The instances of a Rojo project of roblox/luau, as Rojo makes them from its files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent / "roblox" / "luau"
SCRIPT = ".server"  # end of the stem of a Script's file


@dataclass(frozen=True)
class Node:
    """An instance with those below it. `path`: the file of its source."""

    name: str
    class_name: str
    path: Path | None = None
    children: tuple["Node", ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str | None:
        return None if self.path is None else self.path.read_text(encoding="utf-8")


def read_project(file: str, name: str) -> Node:
    """Return the root of a project. It gets the given name, as in a project that contains it."""
    return _of_tree(name, json.loads((HOME / file).read_text(encoding="utf-8"))["tree"])


def _of_tree(name: str, tree: dict[str, Any]) -> Node:
    below = tuple(_of_tree(child, one) for child, one in tree.items() if child[0] != "$")
    if "$path" not in tree:
        return Node(name, tree.get("$className", name), children=below)
    found = _of_path(HOME / tree["$path"], name)
    return Node(name, found.class_name, found.path, found.children + below, found.properties)


def _of_path(path: Path, name: str) -> Node:
    if path.name.endswith(".project.json"):
        return read_project(path.name, name)
    return _of_folder(path, name) if path.is_dir() else _of_file(path, name)


def _of_folder(path: Path, name: str) -> Node:
    init = path / "init.luau"
    inside = [one for one in sorted(path.iterdir()) if one != init]
    children = tuple(
        _of_path(one, one.stem.removesuffix(SCRIPT))
        for one in inside
        if one.is_dir() or one.suffix == ".luau"
    )
    if init.is_file():
        return Node(name, "ModuleScript", init, children)
    return Node(name, "Folder", children=children)


def _of_file(path: Path, name: str) -> Node:
    class_name = "Script" if path.stem.endswith(SCRIPT) else "ModuleScript"
    return Node(name, class_name, path, properties=_properties(path))


def _properties(path: Path) -> tuple[tuple[str, str], ...]:
    meta = path.with_name(path.stem.removesuffix(SCRIPT) + ".meta.json")
    if not meta.is_file():
        return ()
    return tuple(json.loads(meta.read_text(encoding="utf-8"))["properties"].items())
