"""System checks for folders that processes write: the seal file and the counters."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from grps_site.ops import metrics_folder

# File systems of a container's own layer and of memory. Their content ends with the container.
EPHEMERAL = {"overlay", "aufs", "tmpfs", "ramfs"}
MOUNTS = Path("/proc/self/mountinfo")


@register(Tags.security, deploy=True)
def check_seal_storage(**_: Any) -> list[CheckMessage]:
    """Check that a copy of the seals or of the log outlives this container."""
    if not is_ephemeral(settings.AUDIT_SEAL_FILE) or settings.AUDIT_STREAM_URL:
        return []
    if settings.AUDIT_JSONL and not is_ephemeral(settings.AUDIT_JSONL):
        return []
    hint = "Put it on a volume, or set AUDIT_STREAM_URL (docs/audit.md, Streams)."
    said = f"AUDIT_SEAL_FILE ({settings.AUDIT_SEAL_FILE}) is lost with this container."
    return [Warning(said, hint, id="grps.W020")]


@register(Tags.security, deploy=True)
def check_metrics_folder(**_: Any) -> list[CheckMessage]:
    refused = metrics_folder.refused()
    if not refused:
        return []
    hint = f"Remove {metrics_folder.VARIABLE} from .env.production: the units and the image set it."
    said = f"{metrics_folder.VARIABLE} ({refused}) cannot be written, so processes count alone."
    return [Warning(said, hint, id="grps.W021")]


def is_ephemeral(path: str, mounts: Path = MOUNTS) -> bool:
    """Return whether `path` is on a disk that its platform does not keep."""
    if "DYNO" in os.environ:  # Heroku keeps no file of a dyno
        return True
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return False  # not Linux
    return _kind(Path(path).resolve(), lines) in EPHEMERAL


def _kind(path: Path, lines: list[str]) -> str:
    """Return the type of the file system that holds `path` (proc(5), mountinfo)."""
    kinds = {}
    for line in lines:
        mount, _, source = line.partition(" - ")
        kinds[mount.split()[4].replace("\\040", " ")] = source.split()[0]
    for folder in (path, *path.parents):
        if str(folder) in kinds:
            return kinds[str(folder)]
    return ""
