from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from grps_site import urls
from grps_site.http import errors

pytestmark = pytest.mark.usefixtures("bootstrapped")


class Broken(APIView):
    caller = "anyone"

    def get(self, request: Request) -> Response:
        raise ZeroDivisionError("a secret of the inside")


class Away(APIView):
    caller = "anyone"

    def get(self, request: Request) -> Response:
        raise OperationalError("the server closed the connection")


class Silent(APIView):
    """A view without `caller`."""

    def get(self, request: Request) -> Response:
        return Response({"open": True})


class Misspelt(Silent):
    caller = "everyone"


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [
    path("broken", Broken.as_view()),
    path("away", Away.as_view()),
    path("silent", Silent.as_view()),
    path("misspelt", Misspelt.as_view()),
    *urls.urlpatterns,
]


@pytest.fixture
def visitor(settings: Any) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"].startswith("/docs/problems#")
    assert body["requestId"] == response["X-Request-ID"] != ""
    return body


def test_an_unknown_address_is_a_problem(visitor: Client) -> None:
    problem(visitor.get("/nowhere"), 404)


def test_a_method_that_is_not_there_says_which_are(visitor: Client) -> None:
    refused = visitor.delete("/leaderboard/top")
    problem(refused, 405)
    assert "GET" in refused["Allow"]


@pytest.mark.parametrize(
    "address",
    ["/health/live", "/health/ready", "/health/deep", "/metrics/health", "/openapi.json", "/docs"],
)
def test_site_models_are_read_only_in_the_admin(visitor: Client, address: str) -> None:
    problem(visitor.post(address), 405)


def test_an_error_of_ours_shows_nothing_of_the_inside(visitor: Client) -> None:
    body = problem(visitor.get("/broken"), 500)
    assert "inside" not in str(body)
    assert "Traceback" not in str(body)


def test_a_database_that_is_away_is_worth_another_try(visitor: Client) -> None:
    answer = visitor.get("/away")
    problem(answer, 503)
    assert answer["Retry-After"] == "5"


def test_a_database_that_is_away_fills_no_log_with_tracebacks(
    visitor: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "_TRACEBACKS", errors._OnceASecond())
    monkeypatch.setattr(errors, "time", SimpleNamespace(monotonic=lambda: 7.0))
    for _ in range(3):
        problem(visitor.get("/away"), 503)
    lines = [line.msg for line in caplog.records if isinstance(line.msg, dict)]
    told = [line for line in lines if line["event"] == "database unavailable"]
    assert [bool(line.get("exc_info")) for line in told] == [True, False, False]
    assert {line["error"] for line in told} == {"OperationalError"}


def test_a_plain_view_tells_the_same_of_a_database_that_is_away(visitor: Client) -> None:
    with connection.execute_wrapper(_away):
        answer = visitor.get("/metrics/health?database=away")
    problem(answer, 503)
    assert answer["Retry-After"] == "5"


@pytest.mark.parametrize("address", ["/silent", "/misspelt"])
def test_a_view_that_names_no_known_caller_serves_nobody(
    visitor: Client, address: str, api_key: str
) -> None:
    assert visitor.get(address, headers={"x-grps-api-key": api_key}).status_code in {401, 403}


def test_a_field_that_is_wrong_is_named(visitor: Client) -> None:
    body = problem(visitor.get("/leaderboard/top?limit=0"), 400)
    assert [error["field"] for error in body["errors"]] == ["limit"]


def test_a_foreign_host_is_refused(visitor: Client) -> None:
    problem(visitor.get("/ranks", headers={"Host": "evil.example"}), 400)


def test_a_game_server_without_a_key_is_told_what_to_send(visitor: Client) -> None:
    refused = visitor.post("/roblox/events", {}, content_type="application/json")
    assert "x-grps-api-key" in problem(refused, 401)["detail"]
    assert refused["WWW-Authenticate"]


def test_every_type_has_its_line_in_the_documentation(visitor: Client) -> None:
    anchor = problem(visitor.get("/nowhere"), 404)["type"].partition("#")[2]
    page = visitor.get("/docs/problems")
    assert page.status_code == 200
    assert f'id="{anchor}"' in page.content.decode()


def _away(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
    raise OperationalError("the server closed the connection")


def test_an_unexpected_error_logs_one_traceback(
    visitor: Client, caplog: pytest.LogCaptureFixture
) -> None:
    problem(visitor.get("/broken", headers={"X-Request-ID": "find-me"}), 500)
    told = [
        line.msg
        for line in caplog.records
        if isinstance(line.msg, dict) and line.levelname == "ERROR"
    ]
    (one,) = [line for line in told if line.get("request_id") == "find-me"]
    assert one["event"] == "unexpected error"
    assert one["exc_info"]
