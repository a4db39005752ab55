"""Check the types of the Luau modules, strictly and against Roblox's own API, where luau-lsp is
installed.

It is to be found as `luau-lsp` on PATH or where LUAU_LSP says; ROBLOX_TYPES names its file
`globalTypes.d.luau`. No package registry has it, so where it is missing this says so in one line
and lets the other checks go on. Ends with 1 and the errors where a type is wrong.
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
CLASSES = {
    "init.luau": "ModuleScript",
    "init.client.luau": "LocalScript",
    "init.server.luau": "Script",
}
SUFFIXES = {".client": "LocalScript", ".server": "Script"}
SETTINGS = {"luau-lsp.diagnostics.strictDatamodelTypes": True}


def placed(name: str, node: dict[str, Any]) -> dict[str, Any]:
    """A node of the Rojo project as its sourcemap shows it."""
    if "$path" in node:
        return planted(HOME / node["$path"]) | {"name": name}
    inner = [placed(child, below) for child, below in node.items() if not child.startswith("$")]
    return {"name": name, "className": node.get("$className", name), "children": inner}


def planted(path: Path) -> dict[str, Any]:
    """A file or a folder as Rojo makes an instance of it."""
    if path.is_dir():
        init = next((path / name for name in CLASSES if (path / name).is_file()), None)
        inner = [
            planted(one)
            for one in sorted(path.iterdir())
            if one.suffix in {"", ".luau"} and one != init
        ]
        made = {
            "name": path.name,
            "className": CLASSES[init.name] if init else "Folder",
            "children": inner,
        }
        return made | ({"filePaths": [str(init)]} if init else {})
    stem = Path(path.stem)
    kind = SUFFIXES.get(stem.suffix)
    name = stem.stem if kind else stem.name
    return {
        "name": name,
        "className": kind or "ModuleScript",
        "filePaths": [str(path)],
        "children": [],
    }


def main() -> int:
    program, types = (
        shutil.which(os.environ.get("LUAU_LSP", "luau-lsp")),
        os.environ.get("ROBLOX_TYPES"),
    )
    if program is None or types is None:
        print(
            "GRPS: luau-lsp or ROBLOX_TYPES is not there, so the types of the Luau sources are left unchecked."
        )
        return 0
    project = json.loads((HOME / "example.project.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        sourcemap, settings = Path(folder, "sourcemap.json"), Path(folder, "settings.json")
        sourcemap.write_text(json.dumps(placed("game", project["tree"])), encoding="utf-8")
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
        command = [program, "analyze", "--platform=roblox", f"--definitions=@roblox={types}"]
        command += [
            f"--sourcemap={sourcemap}",
            f"--settings={settings}",
            "shared",
            "server",
            "client",
            "example",
        ]
        return subprocess.run(command, cwd=HOME).returncode


if __name__ == "__main__":
    sys.exit(main())
