"""What real processes log, pass on and measure: one request from the game to webhooks and Roblox."""

import gzip
import http.server
import ipaddress
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from celery import Celery
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from audits.models import AuditEvent
from common import tracing
from common.environment import BASE_DIR
from grps_site.http import request_signing
from grps_site.ops import error_reports
from roblox import keys
from roblox.models import CloudKey, Experience
from tests import first_start
from tests.conftest import TESTER, Live
from tests.grps_site.ops import alloy
from tests.grps_site.ops.prometheus import Server, prometheus
from tests.grps_site.ops.running import Running, running, wait_for, without_table
from tests.grps_site.ops.test_observe import expressions
from tests.roblox.luau.universe import Universe
from tests.roblox.luau.wire import Wire
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput

pytestmark = pytest.mark.django_db
SCHEMA = json.loads((BASE_DIR / "deploy" / "observe" / "log.schema.json").read_text())
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MANY = 1000  # requests for lines
EARNER, SPOILT = 501, 502
SENT = {*error_reports.KEPT, "tags", "exception"}
SYNC_ID = "cron:2027-01-01"


class Outside(http.server.BaseHTTPRequestHandler):
    """Open Cloud, a receiver of webhooks, and Sentry. Keeps the headers of each request."""

    received: list[tuple[str, dict[str, str]]]
    reports: list[str]  # to Sentry

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        type(self).received.append((self.path, headers))
        if self.path.startswith("/api/1/envelope"):
            is_packed = headers.get("content-encoding") == "gzip"
            type(self).reports.append((gzip.decompress(body) if is_packed else body).decode())
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        pass


class SpoilingWire(Wire):
    """A connection that changes the events of one player, so that GRPS refuses them."""

    bodies: list[tuple[str, str]]

    def __call__(self, url: str, method: str, headers: dict[str, str], body: str) -> Any:
        if url.endswith("/roblox/events"):
            batch = json.loads(body)
            for event in batch["events"]:
                if event["userId"] == SPOILT:
                    event["type"] = "spoilt"
            body = json.dumps(batch)
        self.bodies.append((headers.get("x-request-id", ""), body))
        return super().__call__(url, method, headers, body)


class Story:
    """The scenario, and what it left."""

    def __init__(self, processes: Running, receiver: str) -> None:
        self.processes, self.receiver = processes, receiver
        self.game_line = self.metrics_of_worker = self.metrics_of_beat = ""
        self.audited: list[str] = []
        self.series: dict[str, int] = {}
        self.rules: dict[str, str] = {}
        self.no_prometheus = ""

    def play(self) -> None:
        api_key = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
        endpoint = EndpointInput(
            name="log", kind="standard", address=f"{self.receiver}/hook", events=["*"]
        )
        services.create(endpoint, actor=TESTER)
        with httpx.Client(base_url=self.processes.url, timeout=30) as http:
            self._earn(Live(self.processes.url, http), api_key)
            self._sync(http)
            self._fail(http)
            for _ in range(MANY):
                http.get("/health/live")
        CloudKey.objects.create(fingerprint="f", name="tests", expires_at=timezone.now())
        self._measure()
        self.metrics_of_worker = self.processes.metrics(self.processes.worker_port)
        self.metrics_of_beat = self.processes.metrics(self.processes.beat_port)
        self.audited = list(AuditEvent.objects.values_list("request_id", flat=True))

    def _earn(self, live: Live, api_key: str) -> None:
        wire = SpoilingWire(live, api_key)
        wire.bodies = []
        universe = Universe(http=wire, now=time.time() - 3600)
        server = universe.server()
        server.join(EARNER, "Nia")
        server.join(SPOILT, "Ben")
        universe.run(4)
        server.award(EARNER, "training")
        server.award(SPOILT, "training")
        universe.run(90)
        lines = [body for _, body in wire.bodies if "outbox.notice" in body]
        assert lines, wire.bodies
        self.game_line = lines[0]
        ids = [one for one, body in wire.bodies if one in self.game_line]
        (self.game_id,) = [one for one in dict.fromkeys(ids) if f"request {one})" in self.game_line]
        wait_for(lambda: self.received("/hook", self.game_id))

    def _sync(self, http: httpx.Client) -> None:
        content = b'{"activity": "points"}'
        secret = settings.AUTOMATION_SIGNATURE_SECRET
        signed = request_signing.sign(secret, "POST", "/sync/roblox", content)
        ids = {"X-Request-ID": SYNC_ID, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        headers = {**signed, **ids, "Content-Type": "application/json"}
        answer = http.post("/sync/roblox", content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        wait_for(lambda: self.received("/universes/", SYNC_ID))

    def _measure(self) -> None:
        """Let Prometheus scrape the processes and evaluate everything that we ship."""
        try:
            with prometheus(self.processes.folder, self.processes) as server:
                self._evaluate(server)
                self.rules = server.rules()
        except pytest.skip.Exception as missing:
            self.no_prometheus = str(missing)

    def _evaluate(self, server: Server) -> None:
        """Count the series of every expression. A rate exists after the second sample."""
        for _ in range(100):
            self.series = {each: len(server.query(each)) for _, each in expressions()}
            if all(self.series.values()):
                return
            time.sleep(0.2)

    def _fail(self, http: httpx.Client) -> None:
        with without_table("nonces"):
            target = "/sync/jobs?experience=poison-query"
            secret = settings.AUTOMATION_SIGNATURE_SECRET
            headers = request_signing.sign(secret, "GET", target, b"")
            headers |= {"X-Request-ID": "broken:1", "Cookie": "a=poison-cookie", "X-Mine": "poison"}
            broken = http.get(target, headers=headers)
            assert broken.status_code == 500
            assert broken.json()["requestId"] == "broken:1"
            broker = Celery(broker=settings.CELERY_BROKER_URL, set_as_current=False)
            broker.send_task(
                "grps_site.purge_nonces", queue="grps", headers={"request_id": "broken:2"}
            )
            wait_for(lambda: "broken:2" in self.processes.log("worker").read_text())
        with without_table("experience_keys"):
            assert self.processes.command("experience_key", "list") == 1

    def received(self, path: str, request_id: str) -> list[dict[str, str]]:
        return [
            headers
            for where, headers in Outside.received
            if path in where and headers.get("x-request-id") == request_id
        ]

    def lines_of(self, process: str, request_id: str) -> list[dict[str, Any]]:
        lines = self.processes.lines(process)
        return [line for line in lines if line.get("request_id") == request_id]


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    Outside.received, Outside.reports = [], []
    with serving(Outside) as url:
        yield url


@pytest.fixture(scope="module")
def story(
    outside: str,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    """Play the scenario once, and stop the processes."""
    folder: Path = tmp_path_factory.mktemp("processes")
    environment = {
        "OPEN_CLOUD_URL": outside,
        "ROBLOX_OPEN_CLOUD_API_KEY": "a key of the tests",
        "ROBLOX_UNIVERSE_ID": "5001",
        "ROBLOX_TRAINING_UNIVERSE_ID": "5002",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "AUDIT_SEAL_FILE": str(folder / "seals.jsonl"),
        "LOG_LEVEL": "INFO",
        "SENTRY_DSN": outside.replace("http://", "http://poison-key@") + "/1",
    }
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        first_start.bootstrap()
        Experience.objects.filter(key="nexus").update(universe_id=5001)
        patch.setattr(settings, "WEBHOOK_ALLOWED_NETWORKS", (ipaddress.ip_network("127.0.0.0/8"),))
        try:
            with running(folder, **environment) as processes:
                told = Story(processes, outside)
                told.play()
            yield told
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.mark.parametrize("name", ["web", "worker", "beat", "command"])
def test_every_line_keeps_the_contract(story: Story, name: str) -> None:
    lines = story.processes.lines(name)
    assert lines
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for line in lines:
        assert list(validator.iter_errors(line)) == [], line
        assert line["service"] == f"grps-{name}"


@pytest.mark.parametrize(
    ("name", "starts", "stops"),
    [
        ("web", "Started server process", "Finished server process"),
        ("worker", "worker is ready", "worker has stopped"),
        ("beat", "beat starts", "beat has stopped"),
    ],
)
def test_start_and_stop_are_logged(story: Story, name: str, starts: str, stops: str) -> None:
    messages = [line["message"] for line in story.processes.lines(name)]
    assert any(message.startswith(starts) for message in messages)
    assert any(message.startswith(stops) for message in messages)


def test_one_id_leads_from_the_game_to_the_webhook(story: Story) -> None:
    web = [line for line in story.lines_of("web", story.game_id) if "http" in line]
    tasks = [line for line in story.lines_of("worker", story.game_id) if "task" in line]
    (attempt, *_) = [line for line in tasks if line["message"] == "webhook attempt"]
    (sent, *_) = story.received("/hook", story.game_id)
    assert [line["http"]["route"] for line in web] == ["roblox/events"]
    assert f"request {story.game_id}" in story.game_line
    assert "audits.seal" in {line["task"] for line in tasks}
    assert story.game_id in story.audited
    assert attempt["http"]["status_code"] == 200
    trace = tracing.trace_id_of(story.game_id)
    assert {line["trace_id"] for line in (*web, *tasks)} == {trace}
    assert sent["traceparent"].split("-")[1] == trace


def test_a_trace_leads_from_a_signed_call_to_open_cloud(story: Story) -> None:
    (sent, *_) = story.received("/universes/", SYNC_ID)
    assert sent["traceparent"].split("-")[1] == TRACE
    for process, task in (("web", None), ("worker", "syncs.run_jobs")):
        lines = [line for line in story.lines_of(process, SYNC_ID) if line.get("task") == task]
        assert {line["trace_id"] for line in lines} == {TRACE}


@pytest.mark.parametrize(
    ("process", "request_id"), [("web", "broken:1"), ("worker", "broken:2"), ("command", None)]
)
def test_an_unexpected_error_leaves_one_traceback(
    story: Story, process: str, request_id: str | None
) -> None:
    lines = story.processes.lines(process)
    errors = [line for line in lines if "Traceback" in json.dumps(line)]
    (line,) = [one for one in errors if request_id in (None, one.get("request_id"))]
    assert line["error"]["kind"] == "django.db.utils.ProgrammingError"
    assert line["error"]["stack"].startswith("Traceback")
    assert json.dumps(line).count("Traceback") == line["error"]["stack"].count("Traceback")
    assert line["request_id"]


def test_sentry_gets_each_error_and_nothing_personal(story: Story) -> None:
    events = [
        json.loads(line)
        for report in Outside.reports
        for line in report.splitlines()
        if '"exception"' in line
    ]
    found = {event["tags"]["request_id"] for event in events}
    assert len(events) == len(found)
    # A periodic task may have failed beside them.
    ours = {one for one in found if not one.startswith("task-")}
    assert {"broken:1", "broken:2"} < ours
    assert len(ours) == 3
    text = json.dumps(events)
    assert "ProgrammingError" in text
    for word in ("poison", story.processes.environment["METRICS_TOKEN"], "127.0.0.1", '"vars":'):
        assert word not in text
    assert all(set(event) <= SENT for event in events)


def test_workers_and_beat_serve_their_metrics(story: Story) -> None:
    calls = [
        line
        for line in story.metrics_of_worker.splitlines()
        if line.startswith("grps_open_cloud_calls_total{")
    ]
    assert sum(float(line.split()[-1]) for line in calls) >= 1
    assert "process_cpu_seconds_total" in story.metrics_of_beat or story.metrics_of_beat == ""


def test_every_query_of_the_dashboards_has_data(story: Story) -> None:
    if story.no_prometheus:
        pytest.skip(story.no_prometheus)
    assert story.series
    missing = [expression for expression, count in story.series.items() if not count]
    assert missing == []
    assert set(story.rules.values()) == {"ok"}


class Loki(http.server.BaseHTTPRequestHandler):
    """The push API of Loki, with its limits for labels and structured metadata."""

    streams: list[dict[str, Any]]

    def do_POST(self) -> None:
        assert self.path == "/loki/api/v1/push"
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).streams += body["streams"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_a_thousand_lines_reach_loki_in_a_few_streams(story: Story) -> None:
    names = ("web", "worker", "beat", "command")
    lines = [line for name in names for line in story.processes.log(name).read_text().splitlines()]
    assert len(lines) >= 1000
    Loki.streams = []
    with serving(Loki) as url:
        alloy.push(url, (BASE_DIR / "deploy" / "observe" / "grps.alloy").read_text(), lines)
    assert sum(len(stream["values"]) for stream in Loki.streams) == len(lines)
    assert len(Loki.streams) <= 16
    for stream in Loki.streams:
        assert set(stream["stream"]) == {"service", "env", "level"}
        for stamp, line, metadata in stream["values"]:
            assert len(stamp) == 19
            assert json.loads(line)["message"]
            assert all(isinstance(value, str) for value in metadata.values())
    ids = [row[2].get("request_id") for stream in Loki.streams for row in stream["values"]]
    assert story.game_id in ids


def test_no_line_shows_a_path_or_a_person(story: Story) -> None:
    text = "".join(story.processes.log(name).read_text() for name in ("web", "worker", "beat"))
    assert '"path"' not in text
    assert "Nia" not in text
