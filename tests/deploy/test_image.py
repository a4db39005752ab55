"""The image, built and run without a container engine: `make image-test` (buildah, debootstrap, root).

A base of Debian is used instead of python:slim, so that the test needs no registry of images. The
figures of the last test are printed: size above the base, seconds until the web process answers, and
memory of each process.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from common.environment import BASE_DIR
from common.version import VERSION
from tests.conftest import free_port
from tests.deploy.installation import Installation

pytestmark = pytest.mark.skipif("GRPS_IMAGE" not in os.environ, reason="make image-test runs it")
# Not in the state folder, which every start closes to other accounts, and so the layers in it.
FOLDER = Path("/var/tmp/grps-image")
BASE, IMAGE = "localhost/base:trixie", "localhost/grps"
SLIM_BASE = 130  # MB of python:3.13-slim-trixie
LARGEST = 260  # MB
COLD_START = 30.0  # seconds; a machine with nothing else to do needs at most 5
# The machine's own certificates and settings of pip, for networks with a proxy or a mirror.
MACHINE = ("/etc/ssl/certs", "/etc/pip.conf")
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def buildah(*arguments: str | Path) -> str:
    command = ["buildah", "--root", FOLDER / "storage", "--runroot", FOLDER / "run", *arguments]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=ENVIRONMENT, umask=0o022, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def base() -> str:
    """Make the base unless an earlier run left it."""
    for program in ("buildah", "debootstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
        return BASE
    root = FOLDER / "root"
    packages = "python3,python3-pip,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", "trixie", root],
        umask=0o022,
        check=True,
    )
    made = buildah("from", "scratch")
    buildah("copy", "--quiet", made, root, "/")
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", made)
    buildah("commit", "--quiet", made, BASE)
    buildah("rm", made)
    shutil.rmtree(root)
    return BASE


@pytest.fixture(scope="module")
def container(base: str) -> Iterator[str]:
    mounts = [f"--volume={path}:{path}:ro" for path in MACHINE if Path(path).exists()]
    arguments = [f"--build-arg=BASE={base}", f"--build-arg=VERSION={VERSION}", *mounts]
    buildah("bud", "--format=docker", "--layers=false", *arguments, "--tag", IMAGE, ".")
    made = buildah("from", IMAGE)
    yield made
    buildah("rm", made)


def test_it_holds_production_alone(container: str) -> None:
    root = Path(buildah("mount", container))
    inside = {path.name for path in (root / "opt/grps").iterdir()}
    assert not inside & {"tests", "bench", "devserver", "portal", ".git", ".env.production"}
    assert not (root / "opt/grps/roblox/emulator").exists()
    assert not (root / "opt/grps/discord/emulator").exists()
    assert [name for name in ("gcc", "cc", "make") if (root / "usr/bin" / name).exists()] == []


def test_it_runs_as_an_ordinary_account_that_owns_no_code(container: str) -> None:
    assert _inside(container, "python3", "-c", "import os; print(os.getuid())") == "10001"
    said = _inside(container, "find", "/opt", "-writable", "-not", "-type", "l")
    assert said == ""


def test_its_description_is_complete(container: str) -> None:
    known = json.loads(buildah("inspect", "--type=image", IMAGE))["Docker"]["config"]
    assert known["Healthcheck"]["Test"] == ["CMD", "python3", "-m", "deploy.healthcheck"]
    assert known["Entrypoint"] == ["python3", "-m", "deploy.role"]
    assert known["Labels"]["org.opencontainers.image.version"] == VERSION


def test_all_in_one_container_works_and_ends(container: str, installation: Installation) -> None:
    port = free_port()
    known = installation.environment | {"PORT": str(port), "AUDIT_SEAL_FILE": "/var/lib/grps/seals"}
    options = [f"--env={name}={value}" for name, value in known.items() if name.isupper()]
    options = [option for option in options if not option.startswith(("--env=PATH", "--env=HOME"))]
    command = ["buildah", "--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run")]
    command += ["run", *options, container, "--", "python3", "-m", "deploy.role", "all"]
    started = time.monotonic()
    process = subprocess.Popen(command, env=ENVIRONMENT, umask=0o022, start_new_session=True)
    try:
        seconds = _wait_for(f"http://127.0.0.1:{port}/health/live", started)
        _wait_for(f"http://127.0.0.1:{port}/health/deep", started + 60)
        role = _role(process.pid)
        _check_health(role.pid, port)
        memory = _memory(process.pid)
        role.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        for one in psutil.process_iter(["cmdline"]):
            if (one.info["cmdline"] or [""])[0] == "/opt/venv/bin/python3":
                one.kill()
    size = _megabytes(IMAGE) - _megabytes(BASE)
    print(f"\nimage: {size} MB above its base, live after {seconds:.1f} s, MB: {memory}")
    assert size + SLIM_BASE <= LARGEST
    assert seconds < COLD_START


def _inside(container: str, *command: str) -> str:
    return buildah("run", container, "--", *command)


def _role(pid: int) -> psutil.Process:
    """Return the main process of the container, below those of buildah."""
    below = psutil.Process(pid).children(recursive=True)
    (found,) = [one for one in below if one.name() == "python3" and one.cmdline()[-1] == "all"]
    return found


def _check_health(pid: int, port: int) -> None:
    """Run the healthcheck inside, as an engine does. A second `buildah run` would end the first."""
    command = f"cd /opt/grps && PORT={port} exec /opt/venv/bin/python3 -m deploy.healthcheck"
    inside = ["chroot", "--userspec=10001:10001", f"/proc/{pid}/root", "sh", "-c", command]
    subprocess.run(inside, check=True)


def _wait_for(url: str, since: float) -> float:
    """Return the seconds until the address answers 200."""
    while time.monotonic() < since + 90:
        try:
            if httpx.get(url).status_code == 200:
                return time.monotonic() - since
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)


def _memory(pid: int) -> dict[str, list[int]]:
    """Return the proportional memory (PSS) of each process of Python in MB, by its role."""
    found: dict[str, list[int]] = {}
    for one in psutil.Process(pid).children(recursive=True):
        words = " ".join(one.cmdline())
        for part in ("grps_site.server", "--queues", "worker", "beat", "deploy.role"):
            if part in words and "buildah" not in words:
                found.setdefault(part, []).append(one.memory_full_info().pss // 1_000_000)
                break
    return found


def _megabytes(image: str) -> int:
    listed = json.loads(buildah("inspect", "--type=image", image))
    return sum(_size(layer) for layer in listed["OCIv1"]["rootfs"]["diff_ids"])


def _size(layer: str) -> int:
    (index,) = (FOLDER / "storage").glob("*-layers/layers.json")
    layers = json.loads(index.read_text())
    (found,) = [one for one in layers if one.get("diff-digest") == layer]
    return int(found["diff-size"]) // 1_000_000
