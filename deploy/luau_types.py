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

from deploy.luau_package import HOME, Node, read_project

SOURCES = ("grps.luau", "shared", "server", "client", "bridges", "example")
SETTINGS = {"luau-lsp.diagnostics.strictDatamodelTypes": True}
UNCHECKED = (
    "GRPS: luau-lsp or ROBLOX_TYPES is missing, so the types of the Luau modules are not checked."
)


def sourcemap_of(node: Node) -> dict[str, Any]:
    """Convert an instance to a node of a sourcemap."""
    found: dict[str, Any] = {"name": node.name, "className": node.class_name}
    found["children"] = [sourcemap_of(child) for child in node.children]
    return found if node.path is None else found | {"filePaths": [str(node.path)]}


def analyze(program: str, types: str, folder: Path) -> int:
    """Run luau-lsp with its input files in `folder`. Returns its exit code."""
    sourcemap, settings = folder / "sourcemap.json", folder / "settings.json"
    sourcemap.write_text(
        json.dumps(sourcemap_of(read_project("example.project.json", "game"))), encoding="utf-8"
    )
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
