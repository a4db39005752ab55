#!/usr/bin/env python3
"""Make one signed call to GRPS from cron, a timer or a pipeline. Needs Python 3.12 and nothing
else.

    export AUTOMATION_SIGNATURE_SECRET=…
    deploy/signed_call.py https://grps.example.org POST /sync/roblox '{"activity": "points"}'

With --wait the call is followed until the jobs that it started have ended. Prints the last answer.
Exit codes: 0 done (or accepted, without --wait), 1 refused or failed, 2 not ended in time.
"""

import argparse
import json
import os
import runpy
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SIGNING = Path(__file__).resolve().parent.parent / "grps_site" / "http" / "request_signing.py"
ENDED = {"done", "failed", "cancelled"}
FIRST_LOOK, LOOK_EVERY = (
    0.5,
    10.0,
)  # seconds; the pause doubles, since most jobs end soon and the others take long


def call(
    base: str, method: str, target: str, body: bytes, headers: dict[str, str]
) -> tuple[int, Any]:
    """Status and document of one signed call."""
    # The file alone, so that no package of GRPS must be installed where this runs.
    signed = runpy.run_path(str(SIGNING))["sign"](
        os.environ["AUTOMATION_SIGNATURE_SECRET"], method, target, body
    )
    request = urllib.request.Request(  # noqa: S310 - the operator's own address
        base.rstrip("/") + target,
        data=body if method != "GET" else None,
        method=method,
        headers={**signed, **headers, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def follow(base: str, jobs: list[int], patience: float) -> int:
    """Look at jobs until all have ended; the exit code."""
    deadline = time.monotonic() + patience
    waiting, worst, pause = set(jobs), 0, FIRST_LOOK
    while waiting:
        for job in sorted(waiting):
            status, document = call(base, "GET", f"/sync/jobs/{job}", b"", {})
            if status == 200 and document["status"] in ENDED:
                print(json.dumps(document))
                waiting.discard(job)
                worst = max(worst, int(document["status"] != "done"))
        if waiting and time.monotonic() > deadline:
            print(f"not ended after {patience:.0f} s: {sorted(waiting)}", file=sys.stderr)
            return 2
        if waiting:
            time.sleep(pause)
            pause = min(2 * pause, LOOK_EVERY)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="where GRPS is, like https://grps.example.org")
    parser.add_argument("method", choices=["GET", "POST"])
    parser.add_argument("target", help="path with its query, like /sync/roblox")
    parser.add_argument("body", nargs="?", default="")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="follow the jobs for so long")
    options = parser.parse_args()
    if not os.environ.get("AUTOMATION_SIGNATURE_SECRET"):
        print("AUTOMATION_SIGNATURE_SECRET is not set.", file=sys.stderr)
        return 1
    try:
        status, document = call(
            options.base, options.method, options.target, options.body.encode(), {}
        )
        if not 200 <= status < 300 or options.wait is None:
            print(json.dumps(document))
            return 0 if 200 <= status < 300 else 1
        return follow(options.base, document["jobs"], options.wait)
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"{options.base} does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
