"""Exit with 0 while this container works: ``python -m deploy.healthcheck``. Standard library only.

Web answers /health/live. A worker notes each of its heartbeats to the broker in a file, and beat
each heartbeat that it publishes. `/health/deep` says whether the whole system works.
"""

import sys
import time
import urllib.error
import urllib.request

from deploy.role import ALL_IN_ONE, runtime_folder, web_port

LONGEST_SILENCE = 60.0  # seconds; heartbeats come every 10 s
TIMEOUT = 3.0  # seconds


def main() -> int:
    try:
        role = (runtime_folder() / "role").read_text()
    except OSError:
        return _report(["no role runs here"])
    parts = list(ALL_IN_ONE) if role == "all" else [role]
    return _report([problem for part in parts if (problem := problem_of(part))])


def problem_of(part: str) -> str:
    """Return what is wrong with one process, "" if nothing is."""
    return _web_problem() if part == "web" else _silence(part)


def _web_problem() -> str:
    url = f"http://127.0.0.1:{web_port()}/health/live"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return "" if answer.status == 200 else f"web answers {answer.status}"
    except OSError as error:
        return f"web does not answer: {error}"


def _silence(part: str) -> str:
    try:
        age = time.time() - (runtime_folder() / part).stat().st_mtime
    except FileNotFoundError:
        return f"{part} has not sent a heartbeat yet"
    return f"{part} was last seen {age:.0f} s ago" if age > LONGEST_SILENCE else ""


def _report(problems: list[str]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
