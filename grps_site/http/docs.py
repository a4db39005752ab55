"""The OpenAPI document and the pages that show it."""

from functools import cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from grps_site.http.errors import MEANINGS, SLUGS, read_only
from grps_site.http.json_codec import dumps


@cache
def document() -> bytes:
    """Build the document as JSON, once per process."""
    return dumps(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]


@read_only
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        document(), content_type="application/json", headers={"Cache-Control": "public, max-age=60"}
    )


@read_only
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html")


@read_only
def problem_types(request: HttpRequest) -> HttpResponse:
    """Explain the problem types. The `type` of every problem document links here."""
    types = [
        (slug, status, HTTPStatus(status).phrase, MEANINGS[slug]) for status, slug in SLUGS.items()
    ]
    return render(request, "problems.html", {"types": types})
