"""A Prometheus that scrapes running processes, for as long as a test needs it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from common.environment import BASE_DIR
from tests import debian
from tests.conftest import free_port
from tests.grps_site.ops.running import TOKEN, Running, wait_for

ALERTS = BASE_DIR / "deploy" / "observe" / "alerts.yml"


@contextmanager
def prometheus(folder: Path, processes: Running) -> Iterator["Server"]:
    """Start it with our alerts. Scrapes every second. Skips where it cannot be had."""
    program = debian.program("prometheus", "usr/bin/prometheus")
    ports = (processes.port, processes.worker_port, processes.beat_port)
    job = {
        "job_name": "grps",
        "authorization": {"credentials": TOKEN},
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
    }
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    server = Server(f"http://127.0.0.1:{(port := free_port())}")
    options = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [program, f"--config.file={folder / 'prometheus.yml'}", *options], stderr=log
        )
    try:
        wait_for(lambda: server.scrapes_all() and "unknown" not in server.rules().values())
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(30)


class Server:
    """The HTTP API of Prometheus."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)  # a client for each query is slow

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression of a dashboard."""
        text = expression.replace("$__rate_interval", "1m")
        answer = self._http.get("/api/v1/query", params={"query": text}).json()
        assert answer["status"] == "success", json.dumps(answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> dict[str, str]:
        """Return the health of each alert's rule."""
        groups = self._http.get("/api/v1/rules").json()["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def close(self) -> None:
        self._http.close()

    def scrapes_all(self) -> bool:
        """Return whether each process was scraped twice, so that rates exist."""
        try:
            series = self.query("sum_over_time(up[1m])")
            return len(series) == 3 and all(float(one["value"][1]) >= 3 for one in series)
        except (httpx.TransportError, json.JSONDecodeError):
            return False
