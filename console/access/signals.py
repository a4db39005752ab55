"""What follows a sign-in, whichever way it came: the session's clocks, and a line in the audit log."""

import time
from typing import Any

from allauth.account.signals import user_logged_in as entered
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from console.access import telling
from console.doors import SIGNED_IN_AT
from console.middleware import BEGAN_AT, SEEN_AT


@receiver(user_logged_in)
def begin_session(request: HttpRequest, **_: Any) -> None:
    now = int(time.time())
    request.session[SIGNED_IN_AT] = request.session[BEGAN_AT] = request.session[SEEN_AT] = now


@receiver(entered)
def tell(request: HttpRequest, user: Any, **given: Any) -> None:
    login = given.get("sociallogin")
    telling.signed_in(request, user, login.account.provider if login is not None else "local")
