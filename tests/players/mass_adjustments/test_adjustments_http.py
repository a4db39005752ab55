"""`POST /adjustments` and `GET /adjustments/{id}`, called by a program that signs."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from grps_site.http import request_signing
from players.mass_adjustments import row_checks
from players.models import Adjustment
from players.tasks import apply_adjustments
from tests.conftest import Live
from tests.players.mass_adjustments.conftest import adjusted, make_people

Send = Callable[..., Any]
# The most rows of one request, or fewer in `make test`.
ROWS = 10_000 if os.environ.get("GRPS_LONG") else 3_000


def body(*pairs: tuple[Any, Any], reason: str = "weekly bonus") -> dict[str, Any]:
    return {
        "reason": reason,
        "rows": [{"userId": user_id, "amount": amount} for user_id, amount in pairs],
    }


@pytest.fixture
def send(client: Client, people: Callable[..., None]) -> Send:
    people(range(1, 6))

    def send(
        asked: Any, key: str | None = "a-key", path: str = "/adjustments", method: str = "POST"
    ) -> Any:
        content = json.dumps(asked).encode() if asked is not None else b""
        headers = request_signing.sign(
            django_settings.AUTOMATION_SIGNATURE_SECRET, method, path, content
        )
        if key is not None:
            headers["Idempotency-Key"] = key
        return client.generic(
            method, path, content, content_type="application/json", headers=headers
        )

    return send


def test_it_is_taken_in_applied_in_the_background_and_told(send: Send) -> None:
    answer = send(body((1, 2.5), (2, -1), (404, 3)))
    assert answer.status_code == 202
    made = answer.json()
    assert answer["Location"] == f"/adjustments/{made['id']}"
    assert (made["status"], made["rows"], made["skipped"], made["progress"]) == (
        "applying",
        3,
        1,
        0,
    )
    assert set(map(float, adjusted().values())) == {0}
    apply_adjustments()
    told = send(None, None, answer["Location"], "GET").json()
    assert (told["status"], told["applied"], told["progress"], told["total"], told["moved"]) == (
        "done",
        2,
        1,
        1.5,
        3.5,
    )
    assert told["skippedRows"] == [
        {"line": 3, "userId": 404, "amount": 3, "note": row_checks.UNKNOWN}
    ]
    assert float(adjusted()[1]) == 2.5


def test_the_same_key_with_other_content_conflicts(send: Send) -> None:
    first, again = send(body((1, 2.5))), send(body((1, 2.5)))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    for other in (body((1, 2.51)), body((1, 2.5), reason="another")):
        conflict = send(other)
        assert (conflict.status_code, conflict.json()["type"]) == (409, "/docs/problems#conflict")
        assert "Take a new key" in conflict.json()["detail"]
    assert send(body((1, 2.5)), key="other").json()["id"] != first.json()["id"]
    apply_adjustments()
    assert float(adjusted()[1]) == 5
    assert send(body((1, 2.5))).json()["status"] == "done"
    assert Adjustment.objects.count() == 2


@pytest.mark.parametrize("key", [None, "", "with space", "é", "k" * 129])
def test_it_needs_a_key_of_its_form(send: Send, key: str | None) -> None:
    refused = send(body((1, 1)), key)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


def test_every_bad_row_is_named_and_none_is_taken(send: Send) -> None:
    asked = body((1, 0.001), (2, 0), (0, 1), (3, 1), (3, 2), (4, "5"), (5, 1e12))
    asked["rows"] += [{"userId": 4}, "nonsense", {"userId": 4, "amount": 1, "points": 5}]
    refused = send(asked)
    assert refused.status_code == 400
    errors = {error["field"]: error["detail"] for error in refused.json()["errors"]}
    assert errors["rows[0].amount"] == "must have at most two decimals, like 12.50."
    assert errors["rows[1].amount"] == "must not be 0: leave the row out."
    assert "rows[2].userId" in errors
    assert errors["rows[4].userId"] == "3 stands in rows[3] already; keep one row for a player."
    assert {"rows[5].amount", "rows[6].amount", "rows[7]", "rows[8]", "rows[9]"} <= set(errors)
    assert not Adjustment.objects.exists()


def test_very_many_bad_rows_are_counted(send: Send) -> None:
    errors = send(body(*[(1, 0)] * 500)).json()["errors"]
    assert (len(errors), errors[-1]) == (
        101,
        {"field": "rows", "detail": "have 500 errors; the first 100 are shown."},
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"rows": [{"userId": 1, "amount": 1}]},
        {"reason": "", "rows": [{"userId": 1, "amount": 1}]},
        {"reason": "  ", "rows": [{"userId": 1, "amount": 1}]},
        {"reason": "x", "rows": []},
        {"reason": "x", "rows": [{"userId": 1, "amount": 1}], "approved": True},
        {"reason": "x", "rows": [{"userId": 1, "amount": 1}] * 10_001},
    ],
)
def test_what_is_not_of_its_form_is_refused(send: Send, asked: Any) -> None:
    assert send(asked).status_code == 400


def test_past_the_limit_it_waits_for_a_person(send: Send) -> None:
    made = send(body((1, 100_000.01))).json()
    assert made["status"] == "waiting"
    assert apply_adjustments() == 0


def test_a_row_past_what_anybody_moves_alone_waits_for_a_person(send: Send) -> None:
    assert send(body((1, 1_000))).json()["status"] == "applying"
    assert send(body((1, 1), (2, -1_000.01)), key="another").json()["status"] == "waiting"


def test_nobody_reads_or_adjusts_without_a_signature(client: Client, send: Send) -> None:
    place = send(body((1, 1)))["Location"]
    assert client.get(place).status_code == 401
    assert (
        client.post("/adjustments", body((1, 1)), content_type="application/json").status_code
        == 401
    )
    assert send(None, None, "/adjustments/999999", "GET").status_code == 404


def test_many_rows_sent_four_times_make_one_adjustment(live: Live) -> None:
    people = range(1, ROWS + 1)
    make_people(people)
    asked = body(*[(user_id, 0.5) for user_id in people])

    def post(_: int) -> Any:
        content = json.dumps(asked).encode()
        assert len(content) < 1_048_576
        headers = request_signing.sign(
            django_settings.AUTOMATION_SIGNATURE_SECRET, "POST", "/adjustments", content
        )
        headers |= {"Content-Type": "application/json", "Idempotency-Key": "once"}
        return live.http.post("/adjustments", content=content, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    apply_adjustments()
    told = live.signed("GET", answers[0].headers["Location"]).json()
    assert (told["status"], told["applied"], told["total"]) == ("done", ROWS, ROWS / 2)
    assert set(map(float, adjusted().values())) == {0.5}
