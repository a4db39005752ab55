#!/usr/bin/env python3
"""Make the files of secrets that compose.yaml reads: ``deploy/compose_secrets.py``.

Files that exist stay as they are. Needs only the standard library.
"""

import base64
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

SHARED_FOLDER = 0o700  # on the host only its owner reads the folder
# The accounts inside of the containers read the files, which are mounted one by one.
SHARED_FILE = 0o444


def password() -> str:
    return secrets.token_urlsafe(32)


def key() -> str:
    """Return base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


RANDOM: dict[str, Callable[[], str]] = {
    "postgres_password": password,
    "owner_password": password,
    "grps_password": password,
    "redis_password": password,
    "django_secret_key": password,
    "automation_signature_secret": password,
    "metrics_token": password,
    "audit_signing_key": key,
    "erasure_mark_keys": key,
    "field_encryption_keys": key,
    "webhook_verification_key": key,
    # Empty until you have one, or until `manage.py secrets rotate` moves a value there.
    "roblox_open_cloud_api_key": str,
    "django_secret_key_fallbacks": str,
    "automation_signature_secret_previous": str,
    "webhook_verification_key_previous": str,
    "metrics_token_previous": str,
}


def addresses(folder: Path) -> dict[str, str]:
    """Return the addresses that contain passwords."""

    def read(name: str) -> str:
        return (folder / name).read_text()

    return {
        "database_url": f"postgresql://grps_app:{read('grps_password')}@postgres:5432/grps",
        "database_owner_url": f"postgresql://grps_owner:{read('owner_password')}@postgres:5432/grps",
        "redis_url": f"redis://:{read('redis_password')}@valkey:6379/0",
    }


def make(folder: Path) -> list[str]:
    """Write what is missing. Returns the names of the new files."""
    folder.mkdir(mode=SHARED_FOLDER, exist_ok=True)
    made = _write_missing(folder, {name: value() for name, value in RANDOM.items()})
    return made + _write_missing(folder, addresses(folder))


def _write_missing(folder: Path, values: dict[str, str]) -> list[str]:
    missing = [name for name in values if not (folder / name).exists()]
    for name in missing:
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(values[name])
        (folder / name).chmod(SHARED_FILE)
    return missing


if __name__ == "__main__":
    made = make(Path(sys.argv[1] if len(sys.argv) > 1 else "secrets"))
    print("\n".join(made) if made else "All files exist.")
