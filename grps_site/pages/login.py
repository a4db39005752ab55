"""The form of the local sign-in, with Turnstile if it is configured."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from django import forms
from django.conf import settings

from common.client_address import client_address
from grps_site.http import throttling, turnstile


class LoginForm(AllauthLoginForm):  # type: ignore[misc]
    """Username and password of a local owner."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("remember", None)
        for name in ("login", "password"):
            self.fields[name].widget.attrs.pop("placeholder", None)

    def clean(self) -> Any:
        if not settings.LOCAL_LOGIN:
            raise forms.ValidationError("The local sign-in is switched off (LOCAL_LOGIN).")
        request = self.request
        wait = throttling.check(request, "write")
        if wait is not None:
            raise forms.ValidationError(
                f"Too many attempts from this address. Wait {int(wait) + 1} seconds."
            )
        if settings.TURNSTILE_SECRET:
            token = request.POST.get("cf-turnstile-response", "")[: turnstile.MAX_TOKEN]
            if not turnstile.verify(token, client_address(request)).valid:
                raise forms.ValidationError("The robot check failed. Please try again.")
        return super().clean()
