"""Public pages for appeals: the form, and the answer by its token.

They use neither sessions nor cookies, so they need no CSRF protection. Turnstile stops bots.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.forms.utils import flatatt
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from turnstile.fields import TurnstileField as PackagedField

from common import database_clock
from common.client_address import client_address
from common.errors import Refused
from grps_site.http import errors, throttling, turnstile
from players import case_codes
from players.discipline import appeals

CLOUDFLARE = "https://challenges.cloudflare.com"
POLICY = settings.SECURE_CSP | {
    "script-src": [*settings.SECURE_CSP["script-src"], CLOUDFLARE],
    "frame-src": [CLOUDFLARE],
}


class Widget(forms.Widget):
    """The element that Cloudflare's script fills. It reads the site key when it is rendered."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        attributes = flatatt({"class": "cf-turnstile", "data-sitekey": settings.TURNSTILE_SITEKEY})
        return format_html("<div{}></div>", attributes)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get("cf-turnstile-response")


class TurnstileField(PackagedField):  # type: ignore[misc]
    """django-turnstile's field with our verification, which refuses tokens that it cannot check."""

    widget = Widget

    def validate(self, value: Any) -> None:
        if not settings.TURNSTILE_SECRET:
            raise forms.ValidationError("Appeals are closed here: the site has no Turnstile key.")
        token = str(value or "")
        if not token or len(token) > turnstile.MAX_TOKEN:
            raise forms.ValidationError(
                "Confirm that you are not a robot, then send the form again."
            )
        found = turnstile.verify(token, self.remote_ip or "")
        if "unreachable" in found.errors:
            raise forms.ValidationError(
                "The robot check is not available now. Try again in a minute."
            )
        if not found.valid:
            raise forms.ValidationError("The robot check has expired. Please repeat it.")


class AppealForm(forms.Form):
    """An appeal against a sanction."""

    user_id = forms.IntegerField(min_value=1, max_value=2**63 - 1, label="Your Roblox user id")
    case = forms.CharField(
        max_length=case_codes.LONGEST,
        label="Case code",
        help_text="Twelve letters from the message in the game. They prove that the case is yours.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    text = forms.CharField(
        min_length=appeals.SHORTEST,
        max_length=appeals.LONGEST,
        label="What happened, and why it should end",
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    robot = TurnstileField(label="", required=False)

    def __init__(self, *args: Any, address: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["robot"].remote_ip = address  # type: ignore[attr-defined]


@never_cache
@csp_override(POLICY)
def appeal(request: HttpRequest) -> HttpResponse:
    """Show the form. After it was sent, show the address of the answer."""
    if request.method != "POST":
        return _page(request, AppealForm())
    wait = throttling.check(request, "write")
    form = AppealForm(request.POST, address=client_address(request))
    if wait is not None:
        form.add_error(None, f"Too many attempts from this address. Wait {int(wait) + 1} seconds.")
        return _page(request, form, status=429)
    if not form.is_valid():
        return _page(request, form, status=400)
    given = form.cleaned_data
    try:
        _, token = appeals.open_(
            given["user_id"], given["case"], given["text"], now=database_clock.now()
        )
    except Refused as refusal:
        field, _, detail = str(refusal).partition(": ")
        form.add_error(field if field in form.fields else None, detail or field)
        return _page(request, form, status=400)
    return render(
        request, "appeals/sent.html", {"address": request.build_absolute_uri(f"/appeal/{token}")}
    )


@never_cache
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the state of an appeal to the holder of its token."""
    wait = throttling.check(request, "read")
    if wait is not None:
        return errors.too_many_requests(wait)
    found = appeals.status(token)
    if found is None:
        raise Http404
    return render(request, "appeals/answer.html", {"appeal": found})


def _page(request: HttpRequest, form: AppealForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "is_open": bool(settings.TURNSTILE_SECRET),
        "script": bool(settings.TURNSTILE_SITEKEY),
    }
    return render(request, "appeals/form.html", context, status=status)
