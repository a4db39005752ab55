"""The documented proxies in front of a running server: what they close, pass on and keep."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from common.environment import BASE_DIR
from tests import debian
from tests.conftest import WITHOUT_LIMITS, Live, free_port

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 30.0  # seconds


@pytest.fixture(scope="module")
def upstream(serve: Callable[..., str]) -> str:
    """Start a server that trusts one proxy. Returns its host and port."""
    url = serve(TRUSTED_PROXIES="1", METRICS_TOKEN="t" * 40, **WITHOUT_LIMITS)
    return url.removeprefix("http://")


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def proxy(
    request: pytest.FixtureRequest, upstream: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Start a proxy with its file of deploy/, but without a certificate. Returns its URL."""
    port = free_port()
    folder = tmp_path_factory.mktemp(request.param)
    start = {"caddy": _caddy, "nginx": _nginx}[request.param]
    process = start(folder, port, upstream)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def visitor(live: Live, proxy: str) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(local_address="127.0.0.2")  # not the proxy's own address
    with httpx.Client(base_url=proxy, transport=transport) as http:
        yield http


def test_it_passes_public_pages_on(visitor: httpx.Client) -> None:
    for path in ("/health/live", "/metrics/health", "/leaderboard/top", "/ranks"):
        assert visitor.get(path).status_code == 200, path


def test_it_closes_metrics_alone(visitor: httpx.Client) -> None:
    token = {"Authorization": f"Bearer {'t' * 40}"}
    assert visitor.get("/metrics", headers=token).status_code in {403, 404}


def test_it_keeps_the_request_id(visitor: httpx.Client) -> None:
    answer = visitor.get("/leaderboard/top", headers={"X-Request-ID": "job-1:7"})
    assert answer.headers["x-request-id"] == "job-1:7"


def test_it_bounds_bodies(visitor: httpx.Client) -> None:
    refused = visitor.post("/roblox/events", content=b" " * 3_000_000)
    assert refused.status_code == 413


def _caddy(folder: Path, port: int, upstream: str) -> "subprocess.Popen[bytes]":
    program = debian.program("caddy", "usr/bin/caddy")
    config = folder / "Caddyfile"
    text = (BASE_DIR / "deploy" / "caddy" / "Caddyfile").read_text()
    config.write_text(text.replace("{\n", "{\n\tadmin off\n\tauto_https off\n", 1))
    environment = {
        **os.environ,
        "GRPS_SITE": f"http://127.0.0.1:{port}",
        "GRPS_UPSTREAM": upstream,
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [program, "run", "--config", config, "--adapter", "caddyfile"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _nginx(folder: Path, port: int, upstream: str) -> "subprocess.Popen[bytes]":
    program = debian.program("nginx", "usr/sbin/nginx")
    source = BASE_DIR / "deploy" / "nginx"
    site = (source / "grps.conf").read_text().replace("127.0.0.1:8000", upstream)
    site = re.sub(r"ssl_certificate\S* .*\n", "", site)
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    (folder / "site.conf").write_text(site)
    shutil.copy(source / "grps-proxy.conf", folder)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    account = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; {account} pid {folder}/pid; events {{}}\n"
        f"http {{ access_log off; {paths} include {folder}/site.conf; }}\n"
    )
    command = [program, "-p", folder, "-e", folder / "errors", "-c", config]
    return subprocess.Popen(command)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the proxy ended"
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(url)
