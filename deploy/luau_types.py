"""Check the types of the Luau modules, strictly and against Roblox's own API, with luau-lsp.

luau-lsp is found as `luau-lsp` on PATH, or at the path in LUAU_LSP. ROBLOX_TYPES names its file
`globalTypes.d.luau`. No package registry has them, so without either this prints one line and
succeeds. It exits with 1 and the errors if a type is wrong.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent / "roblox" / "luau"
SOURCES = ("grps.luau", "shared", "server", "client", "example")
SETTINGS = {"luau-lsp.diagnostics.strictDatamodelTypes": True}
UNCHECKED = (
    "GRPS: luau-lsp or ROBLOX_TYPES is missing, so the types of the Luau modules are not checked."
)


def node_of(name: str, node: dict[str, Any]) -> dict[str, Any]:
    """Convert a node of a Rojo project to a node of its sourcemap."""
    below = [node_of(child, one) for child, one in node.items() if child[0] != "$"]
    if "$path" not in node:
        return {"name": name, "className": node.get("$className", name), "children": below}
    found = path_node(HOME / node["$path"])
    return found | {"name": name, "children": found["children"] + below}


def path_node(path: Path) -> dict[str, Any]:
    """Convert a file, folder or project to a node of the sourcemap, as Rojo makes an instance."""
    if path.name.endswith(".project.json"):
        return node_of(path.name, json.loads(path.read_text(encoding="utf-8"))["tree"])
    return folder_node(path) if path.is_dir() else file_node(path)


def folder_node(path: Path) -> dict[str, Any]:
    init = path / "init.luau"
    children = [
        path_node(child)
        for child in sorted(path.iterdir())
        if child.suffix in {"", ".luau"} and child != init
    ]
    node = {"name": path.name, "className": "Folder", "children": children}
    if not init.is_file():
        return node
    return node | {"className": "ModuleScript", "filePaths": [str(init)]}


def file_node(path: Path) -> dict[str, Any]:
    script = path.stem.endswith(".server")
    return {
        "name": path.stem.removesuffix(".server"),
        "className": "Script" if script else "ModuleScript",
        "filePaths": [str(path)],
        "children": [],
    }


def analyze(program: str, types: str, folder: Path) -> int:
    """Run luau-lsp with its input files in `folder`. Returns its exit code."""
    project = json.loads((HOME / "example.project.json").read_text(encoding="utf-8"))
    sourcemap, settings = folder / "sourcemap.json", folder / "settings.json"
    sourcemap.write_text(json.dumps(node_of("game", project["tree"])), encoding="utf-8")
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    command = [program, "analyze", "--platform=roblox", f"--definitions=@roblox={types}"]
    command += [f"--sourcemap={sourcemap}", f"--settings={settings}", *SOURCES]
    return subprocess.run(command, cwd=HOME).returncode


def main() -> int:
    program = shutil.which(os.environ.get("LUAU_LSP", "luau-lsp"))
    types = os.environ.get("ROBLOX_TYPES")
    if program is None or types is None:
        print(UNCHECKED)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return analyze(program, types, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
