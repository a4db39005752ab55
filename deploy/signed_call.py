#!/usr/bin/env python3
"""Make one signed call to GRPS, for cron, timers and pipelines. Needs only Python 3.12.

    export AUTOMATION_SIGNATURE_SECRET=…
    deploy/signed_call.py https://grps.example.org POST /sync/roblox '{"activity": "points"}'

With --wait it waits until the jobs of the call have ended. It prints the last response.
Exit codes: 0 done (without --wait: accepted), 1 refused or failed, 2 not ended in time.
"""

import argparse
import json
import os
import runpy
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

SIGNING = Path(__file__).resolve().parent.parent / "grps_site" / "http" / "request_signing.py"
# Finds the call in GRPS's logs, tasks and audit events.
REQUEST_ID = f"signed-call-{uuid.uuid4().hex}"
ENDED = {"done", "failed", "cancelled"}
FIRST_PAUSE, MAX_PAUSE = 0.5, 10.0  # seconds between polls; the pause doubles each time


def call(
    base: str, method: str, target: str, body: bytes, headers: dict[str, str]
) -> tuple[int, Any]:
    """Make one signed call. Returns the status and the decoded body."""
    # Run the file itself, so that GRPS need not be installed on this machine.
    signed = runpy.run_path(str(SIGNING))["sign"](
        os.environ["AUTOMATION_SIGNATURE_SECRET"], method, target, body
    )
    request = urllib.request.Request(  # noqa: S310 - the operator's own address
        base.rstrip("/") + target,
        data=body if method != "GET" else None,
        method=method,
        headers={
            **signed,
            **headers,
            "Content-Type": "application/json",
            "X-Request-ID": REQUEST_ID,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def wait_for(base: str, jobs: list[int], timeout: float) -> int:
    """Poll jobs until all have ended. Returns the exit code."""
    deadline = time.monotonic() + timeout
    waiting, worst, pause = set(jobs), 0, FIRST_PAUSE
    while waiting:
        for job in sorted(waiting):
            status, document = call(base, "GET", f"/sync/jobs/{job}", b"", {})
            if status == 200 and document["status"] in ENDED:
                print(json.dumps(document))
                waiting.discard(job)
                worst = max(worst, int(document["status"] != "done"))
        if waiting and time.monotonic() > deadline:
            print(f"not ended after {timeout:.0f} s: {sorted(waiting)}", file=sys.stderr)
            return 2
        if waiting:
            time.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="address of GRPS, like https://grps.example.org")
    parser.add_argument("method", choices=["GET", "POST"])
    parser.add_argument("target", help="path with its query, like /sync/roblox")
    parser.add_argument("body", nargs="?", default="")
    parser.add_argument(
        "--wait", type=float, metavar="SECONDS", help="wait for the jobs, at most this long"
    )
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
            if not 200 <= status < 300:
                print(f"refused with {status}; request id {REQUEST_ID}", file=sys.stderr)
                return 1
            return 0
        return wait_for(options.base, document["jobs"], options.wait)
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"{options.base} does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
