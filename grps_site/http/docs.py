"""The API's description, for programs and for people."""

from functools import cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from grps_site.http.errors import MEANINGS, SLUGS, reading_only
from grps_site.http.json_codec import dumps


@cache
def document() -> bytes:
    """The document as JSON; made once a process, since nothing in it changes while it runs."""
    return dumps(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]


@reading_only
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        document(), content_type="application/json", headers={"Cache-Control": "public, max-age=60"}
    )


@reading_only
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html")


@reading_only
def problem_types(request: HttpRequest) -> HttpResponse:
    """The page that the `type` of every problem document points to."""
    types = [
        (slug, status, HTTPStatus(status).phrase, MEANINGS[slug]) for status, slug in SLUGS.items()
    ]
    return render(request, "problems.html", {"types": types})
