"""Make the files of the image that follow from the code: static files and compiled modules.

``python -m deploy.image_files``; ``--imports`` only imports. Every module of production is imported
once, so that Python compiles them and what they use, and no others. A package that is missing from
requirements.txt stops the build. The settings are thrown away.
"""

import base64
import os
import pkgutil
import secrets
import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("audits", "common", "console", "discord", "grps_site"),
    *("players", "roblox", "syncs", "webhooks"),
)
NOT_PRODUCTION = ("roblox.emulator", "roblox.luau", "discord.emulator")
# What the processes import by name: servers, Celery's transport, beat's scheduler.
BY_NAME = (
    "kombu.transport.redis",
    "celery.bin.worker",
    "celery.bin.beat",
    "celery.concurrency.prefork",
    "django_celery_beat.schedulers",
    "django.core.management.commands.check",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.supervisors",
    "uvloop",
)


def settings() -> dict[str, str]:
    """Return random settings with which production starts, without any server."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "GRPS_ENV": "production",
        "DJANGO_SETTINGS_MODULE": "grps_site.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "AUDIT_SIGNING_KEY": key,
        "AUDIT_SEAL_FILE": os.devnull,
        "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ALLOWED_HOSTS": "localhost",
    }


def modules() -> list[str]:
    """Return the names of all modules of production."""
    found = [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages([str(BASE_DIR / package)], f"{package}.")
    ]
    return [
        name
        for name in found
        if not name.startswith(NOT_PRODUCTION) and not name.endswith(".__main__")
    ]


def import_all() -> None:
    import django

    django.setup()
    for name in (*BY_NAME, *modules()):
        import_module(name)


def main(arguments: list[str]) -> int:
    if arguments == ["--imports"]:
        import_all()
        return 0
    environment = {**os.environ, **settings()}
    for command in (
        ["manage.py", "collectstatic", "--no-input", "--verbosity=0"],
        ["-m", "deploy.image_files", "--imports"],
    ):
        subprocess.run([sys.executable, *command], cwd=BASE_DIR, env=environment, check=True)
    _remove_collected()
    return 0


def _remove_collected() -> None:
    """Remove the packages' own copies of the static files that were collected."""
    for folder in list(Path(sysconfig.get_path("purelib")).rglob("static")):
        if folder.is_dir() and not (folder / "__init__.py").exists():
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
