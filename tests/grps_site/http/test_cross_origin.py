from typing import Any

import pytest
from django.test import Client

PORTAL = "https://portal.example.org"

pytestmark = pytest.mark.usefixtures("bootstrapped")


@pytest.fixture(autouse=True)
def _portal(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [PORTAL]


def test_the_portal_may_read_answers_and_their_tags(client: Client) -> None:
    answer = client.get("/ranks", headers={"Origin": PORTAL})
    assert answer["Access-Control-Allow-Origin"] == PORTAL
    assert {"ETag", "X-Request-ID"} <= set(answer["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("origin", ["https://evil.example", PORTAL + ".evil.example", "null"])
def test_no_other_origin_may(client: Client, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/ranks", headers={"Origin": origin})


@pytest.mark.parametrize("headers", [{}, {"Origin": PORTAL}, {"Origin": "https://evil.example"}])
def test_a_shared_cache_varies_by_origin(client: Client, headers: dict[str, str]) -> None:
    assert "origin" in client.get("/ranks", headers=headers)["Vary"].lower().split(", ")


def test_a_preflight_is_answered_without_a_body(client: Client) -> None:
    headers = {"Origin": PORTAL, "Access-Control-Request-Method": "POST"}
    answer = client.options("/turnstile/verify", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "POST" in answer["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer["Access-Control-Allow-Headers"]


def test_the_console_is_nobody_elses(client: Client) -> None:
    assert "Access-Control-Allow-Origin" not in client.get(
        "/admin/login/", headers={"Origin": PORTAL}
    )


def test_errors_can_be_read_too(client: Client) -> None:
    assert (
        client.get("/nowhere", headers={"Origin": PORTAL})["Access-Control-Allow-Origin"] == PORTAL
    )


def test_no_other_methods_are_allowed_from_the_portal(client: Client) -> None:
    headers = {"Origin": PORTAL, "Access-Control-Request-Method": "DELETE"}
    allowed = client.options("/ranks", headers=headers)["Access-Control-Allow-Methods"]
    assert set(allowed.split(", ")) == {"GET", "HEAD", "POST"}


def test_the_portal_may_send_an_appeal_with_its_turnstile_token(client: Client) -> None:
    headers = {
        "Origin": PORTAL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,cf-turnstile-response",
    }
    answer = client.options("/appeals", headers=headers)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == PORTAL
    allowed = answer["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "cf-turnstile-response", "if-none-match", "x-request-id"} == set(
        allowed
    )
