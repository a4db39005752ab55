"""Errors for browsers are pages with the request id; for everybody else they stay JSON."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from grps_site import urls
from grps_site.http import errors
from tests.grps_site.http.test_problems import Away, Broken, problem

pytestmark = pytest.mark.usefixtures("bootstrapped")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
HEADERS = {"Accept": BROWSER}
OTHERS = ["*/*", "application/json", "application/problem+json", "text/html;q=0.5,application/json"]


def _refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("<b>Only owners</b> see this page.")


def _missing(request: HttpRequest) -> HttpResponse:
    raise Http404


def _busy(request: HttpRequest) -> HttpResponse:
    return errors.too_many_requests(7)


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [
    path("broken", Broken.as_view()),
    path("away", Away.as_view()),
    path("refused", _refused),
    path("busy", _busy),
    path("admin/refused", _refused),
    path("admin/missing", _missing),
    path("admin/broken", Broken.as_view()),
    path("admin/away", Away.as_view()),
    *urls.urlpatterns,
]
STATUSES = [("nowhere", 404), ("refused", 403), ("busy", 429), ("broken", 500), ("away", 503)]


@pytest.fixture
def visitor(settings: Any) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def page(answer: Any, status: int) -> str:
    assert (answer.status_code, answer["Content-Type"]) == (status, "text/html; charset=utf-8")
    text: str = answer.content.decode()
    assert f"<code>{answer['X-Request-ID']}</code>" in text
    assert "script-src" in answer["Content-Security-Policy"]
    assert re.search("<script|<style| style=", text) is None
    return text


@pytest.mark.parametrize(("address", "status"), STATUSES)
def test_a_browser_gets_a_page(visitor: Client, address: str, status: int) -> None:
    answer = visitor.get(f"/{address}", headers=HEADERS)
    text = page(answer, status)
    assert 'href="/"' in text
    assert "Accept" in answer["Vary"]
    assert "inside" not in text
    assert answer.get("Retry-After") == {429: "7", 503: "5"}.get(status)
    for accepted in OTHERS:
        told = visitor.get(f"/{address}", headers={"Accept": accepted})
        problem(told, status)
        assert "Accept" in told["Vary"]
    problem(visitor.get(f"/{address}"), status)


@pytest.mark.parametrize(
    ("address", "status"), [("refused", 403), ("missing", 404), ("broken", 500), ("away", 503)]
)
def test_the_console_answers_pages_alone(visitor: Client, address: str, status: int) -> None:
    for headers in (HEADERS, {"Accept": "*/*"}):
        text = page(visitor.get(f"/admin/{address}", headers=headers), status)
        assert 'href="/admin/"' in text
    if status == 403:
        assert "&lt;b&gt;Only owners&lt;/b&gt; see this page." in text


def test_a_form_without_its_token_is_explained(visitor: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    text = page(strict.post("/admin/logout/", headers=HEADERS), 403)
    assert errors.STALE_FORM in text


def test_the_icon_is_ours_at_the_usual_address(visitor: Client) -> None:
    icon = visitor.get("/favicon.ico")
    assert (icon.status_code, icon["Content-Type"]) == (200, "image/x-icon")
    count = int.from_bytes(icon.content[4:6], "little")
    assert icon.content[:4] == bytes((0, 0, 1, 0))
    sides = [icon.content[6 + 16 * place] for place in range(count)]
    assert sides == [16, 32, 48]
    for name in ("docs", "problems", "error", "appeals/base", "admin/base_site", "members/base"):
        template = Path(f"templates/{name}.html").read_text("utf-8")
        assert "{% static 'console/icon.svg' %}" in template, name
