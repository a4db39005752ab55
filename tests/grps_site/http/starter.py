"""Run `manage.py` many times without loading Python each time.

One process has loaded the libraries that the settings need. It forks for each start, so each start
reads the settings again, with the environment of the test alone.
"""

import json
import os
import subprocess
import sys
from typing import Any

from common.environment import BASE_DIR

INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH")
# None of these reads the environment or the settings on import.
LOADED = (
    "django.core.management",
    "django.core.checks",
    "environ",
    "structlog",
    "msgspec",
    "jsonschema",
    "celery",
    "redis",
    "psycopg",
    "httpx",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)
SERVER = """
import importlib, json, os, runpy, sys, tempfile, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    asked = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2), os.close(0)
            os.environ.clear()
            os.environ.update(asked["environment"])
            sys.argv = asked["command"]
            code = 0
            try:
                runpy.run_path(sys.argv[0], run_name="__main__")
            except SystemExit as end:
                if end.code is not None and not isinstance(end.code, int):
                    print(end.code, file=sys.stderr)
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = [file.seek(0) or file.read().decode() for file in (out, err)]
    print(json.dumps([code, *texts]), flush=True)
"""


class Starter:
    """Runs `manage.py`. `run` returns the same as `subprocess.run`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
        process = self._process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        asked: dict[str, Any] = {"environment": inherited() | environment, "command": command}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        code, stdout, stderr = json.loads(process.stdout.readline())
        return subprocess.CompletedProcess(command, code, stdout, stderr)

    def end(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _begin(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", SERVER, *LOADED],
            cwd=BASE_DIR,
            env=inherited(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def inherited() -> dict[str, str]:
    """Return the variables that Python needs to start."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}
