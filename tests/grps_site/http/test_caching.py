import time
from collections.abc import Callable

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from grps_site.http import response_cache
from tests.conftest import Live

factory = RequestFactory()


class Counting(APIView):
    """Answers the number of requests so far."""

    caller = "anyone"
    asked = 0

    def get(self, request: Request) -> Response:
        Counting.asked += 1
        if request.query_params.get("broken"):
            return Response({"asked": Counting.asked}, status=404)
        return Response({"asked": Counting.asked})


@pytest.fixture
def view() -> Callable[..., object]:
    Counting.asked = 0
    return response_cache.one_second(Counting.as_view())


def asked(view: Callable[..., object], path: str = "/x") -> object:
    return view(factory.get(path)).content  # type: ignore[attr-defined]


def test_it_asks_once_within_a_second(
    view: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert [asked(view) for _ in range(3)] == [b'{"asked":1}'] * 3


def test_it_asks_again_after_a_second(
    view: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    asked(view)
    monkeypatch.setattr(time, "monotonic", lambda: now + 0.999)
    assert asked(view) == b'{"asked":1}'
    monkeypatch.setattr(time, "monotonic", lambda: now + 1.0)
    assert asked(view) == b'{"asked":2}'


def test_the_second_begins_before_the_view_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    Counting.asked = 0

    class Slow(Counting):
        def get(self, request: Request) -> Response:
            answer = super().get(request)
            clock[0] += 0.6
            return answer

    view = response_cache.one_second(Slow.as_view())
    asked(view)
    clock[0] += 0.5
    assert asked(view) == b'{"asked":2}'


def test_another_query_is_another_answer(view: Callable[..., object]) -> None:
    assert asked(view, "/x?limit=1") != asked(view, "/x?limit=2")


def test_a_refusal_is_not_kept(view: Callable[..., object]) -> None:
    assert asked(view, "/x?broken=1") != asked(view, "/x?broken=1")


def test_it_keeps_a_bounded_number_of_answers(
    view: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "MAX_RESPONSES", 10)
    kept = next(
        cell.cell_contents for cell in view.__closure__ if isinstance(cell.cell_contents, dict)
    )  # type: ignore[attr-defined]
    for number in range(100):
        asked(view, f"/x?n={number}")
    assert 0 < len(kept) <= 10


def test_a_large_answer_is_not_kept(
    view: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "MAX_BODY", 3)
    assert asked(view) != asked(view)


@pytest.mark.django_db(transaction=True)
def test_who_has_the_answer_already_is_told_so(live: Live) -> None:
    first = live.fresh("/ranks")
    again = live.http.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wanted", ["*", "W/{tag}", '"other", {tag}'])
def test_it_reads_every_form_of_the_question(live: Live, wanted: str) -> None:
    first = live.fresh("/ranks")
    tag = first.headers["ETag"].removeprefix("W/")
    asked = {"If-None-Match": wanted.replace("{tag}", tag)}
    assert live.http.get(first.url, headers=asked).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_who_has_another_answer_gets_this_one(live: Live) -> None:
    assert live.fresh("/ranks", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_head_request_gets_the_headers_alone(live: Live) -> None:
    whole = live.fresh("/ranks")
    head = live.http.head(whole.url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.django_db(transaction=True)
def test_nobody_downstream_keeps_it_unasked(live: Live) -> None:
    """A second cache would make responses two seconds old."""
    control = live.fresh("/ranks").headers["Cache-Control"]
    assert "public" in control
    assert "no-cache" in control


@pytest.mark.django_db(transaction=True)
def test_what_needs_a_key_is_not_for_shared_caches(live: Live) -> None:
    answer = live.http.get("/roblox/policy")
    assert isinstance(answer, httpx.Response)
    assert "public" not in answer.headers.get("Cache-Control", "")


def test_the_moment_of_reading_alone_is_no_other_answer() -> None:
    bodies = (b'{"asOf":"2026-11-30T12:00:0%dZ","points":%d}' % pair for pair in ((1, 5), (2, 5)))
    tags = {
        response_cache._snapshot(0.0, HttpResponse(body, content_type="application/json")).etag
        for body in bodies
    }
    assert len(tags) == 1
    assert tags.pop().startswith('W/"'), "the bytes may differ"
