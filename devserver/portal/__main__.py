"""Run the portal's tools with the right Node.js.

`python -m devserver.portal serve` builds what changed, then becomes the portal's server.
`python -m devserver.portal build` only builds. `python -m devserver.portal npm …` runs npm.
"""

import argparse
import os
import sys
from pathlib import Path

from devserver.portal import build, node

HEAP = "--max-old-space-size=192"  # megabytes; keeps the process at about 250
NICE = 10  # for the build of `make up`, so that Django stays quick
# What the server gets from the shell. It must not know anything else, such as keys for Roblox.
PASSED = ("HOME", "LANG", "TZ", "TMPDIR")
PREFIXES = ("PORTAL_", "NEXT_PUBLIC_", "TURNSTILE_SITE_", "DISCORD_")
SETTINGS = (
    "AUTOMATION_SIGNATURE_SECRET",
    "AVATARS",
    "DATABASE_POOL",
    "DATABASE_URL",
    "HOSTNAME",
    "PORT",
    "TRUSTED_PROXIES",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devserver.portal", description=__doc__)
    parser.add_argument("command", choices=("serve", "build", "npm"))
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        if options.command == "npm":
            build.ensure_installed()
            return build.run(["npm", *options.argv])
        built = build.ensure_built(nice=NICE if options.command == "serve" else 0)
    except (build.BuildFailed, node.NodeMissing) as failure:
        print(f"GRPS: {failure}", file=sys.stderr)
        return os.EX_CONFIG
    if options.command == "serve":
        serve(built)
    print(built)
    return 0


def serve(built: Path) -> None:
    """Become the server. The settings are those of this process's environment."""
    built.touch()  # the newest builds are kept
    values = server_environment() | {"PATH": node.path()}
    os.execvpe("node", ["node", HEAP, str(built / "server.js")], values)  # noqa: S606


def server_environment() -> dict[str, str]:
    return build.QUIET | {
        name: value
        for name, value in os.environ.items()
        if name in (*PASSED, *SETTINGS) or name.startswith(PREFIXES)
    }


if __name__ == "__main__":
    sys.exit(main())
