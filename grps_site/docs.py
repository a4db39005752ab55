"""The API's description, for programs and for people."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from grps_site.rendering import dumps


@cache
def document() -> bytes:
    """The document as JSON; made once a process, since nothing in it changes while it runs."""
    return dumps(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/json", headers={"Cache-Control": "public, max-age=60"})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html")
