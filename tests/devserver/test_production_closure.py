"""Production processes import nothing that only the development requirements install."""

import os
import subprocess
import sys

import pytest

from common.environment import BASE_DIR

# Refuses to import modules of packages that requirements.txt does not name.
ONLY_PRODUCTION = """
import importlib.abc, importlib.metadata, re, sys
named = {
    re.sub(r"[-_.]+", "-", line.split("==")[0].split("[")[0]).lower()
    for line in open("requirements.txt", encoding="utf-8") if "==" in line
}
top_level = importlib.metadata.packages_distributions()
refused = {
    module for module, distributions in top_level.items()
    if not any(re.sub(r"[-_.]+", "-", one).lower() in named for one in distributions)
}
class Refusing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not in requirements.txt", name=name)
sys.meta_path.insert(0, Refusing())
"""
STARTS = {
    "web": "import grps_site.server.application",
    "command": "import django; django.setup(); from django.core.management import get_commands; get_commands()",
    "worker": "import kombu.transport.redis, celery.bin.worker, grps_site.celery; grps_site.celery.app.finalize()",
    "broker": "from grps_site.celery import app; app.connection_for_write().transport",
    "beat": "import django; django.setup(); import django_celery_beat.schedulers, celery.bin.beat",
}


@pytest.mark.parametrize("process", STARTS)
def test_each_process_imports_only_what_production_installs(process: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONLY_PRODUCTION + STARTS[process]],
        cwd=BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "grps_site.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
