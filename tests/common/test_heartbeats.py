import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from common import heartbeats
from tests.conftest import free_port
from tests.players.public.conftest import make


class Monitor(http.server.BaseHTTPRequestHandler):
    """A monitor that keeps the paths it is asked for."""

    paths: list[str]

    def do_GET(self) -> None:
        type(self).paths.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def paths(settings: Any) -> Iterator[list[str]]:
    Monitor.paths = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Monitor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.HEARTBEAT_URLS = {"nightly": f"http://127.0.0.1:{server.server_port}/token"}
    yield Monitor.paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_success_is_reported_at_the_end(paths: list[str]) -> None:
    with heartbeats.reporting("nightly"):
        assert paths == []
    assert paths == ["/token"]


@pytest.mark.parametrize("error", [CommandError("a defect"), SystemExit(1), KeyboardInterrupt()])
def test_an_error_is_reported_and_raised(paths: list[str], error: BaseException) -> None:
    with pytest.raises(type(error)), heartbeats.reporting("nightly"):
        raise error
    assert paths == ["/token/fail"]


def test_an_exit_with_code_0_is_success(paths: list[str]) -> None:
    with pytest.raises(SystemExit), heartbeats.reporting("nightly"):
        raise SystemExit(0)
    assert paths == ["/token"]


def test_nothing_is_reported_without_a_name(paths: list[str]) -> None:
    with heartbeats.reporting(None):
        pass
    assert paths == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", [("ledger", "verify"), ("audit", "verify")])
def test_the_nightly_commands_report(
    paths: list[str], bootstrapped: None, command: tuple[str, str]
) -> None:
    call_command(*command, heartbeat="nightly")
    assert paths == ["/token"]


def test_a_finding_is_reported_as_a_failure(paths: list[str], bootstrapped: None) -> None:
    make(1, points=5)  # without a row of the ledger
    with pytest.raises(CommandError):
        call_command("ledger", "verify", heartbeat="nightly")
    assert paths == ["/token/fail"]


def test_a_job_runs_without_a_url_for_its_name(
    paths: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    done = []
    with heartbeats.reporting("nigthly"):
        done.append(1)
    assert (done, paths) == ([1], [])
    assert "HEARTBEAT_URLS has no such name" in caplog.text


def test_a_monitor_that_is_away_does_not_fail_the_job(settings: Any) -> None:
    settings.HEARTBEAT_URLS = {"nightly": f"http://127.0.0.1:{free_port()}/token"}
    done = []
    with heartbeats.reporting("nightly"):
        done.append(1)
    assert done


def test_urls_are_read_by_name() -> None:
    text = " nightly=https://a.example/1?x=2 , backup=https://b.example/2,"
    read = heartbeats.parse(text)
    assert read == {"nightly": "https://a.example/1?x=2", "backup": "https://b.example/2"}


@pytest.mark.parametrize("text", ["https://a.example/secret", "nightly=ftp://a.example/secret"])
def test_a_malformed_list_stops_the_start_without_showing_urls(text: str) -> None:
    with pytest.raises(SystemExit, match="HEARTBEAT_URLS") as stopped:
        heartbeats.parse(text)
    assert "secret" not in str(stopped.value)
