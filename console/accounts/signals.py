"""Signal receivers for sign-ins and second factors: session times and audit events."""

from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.account.signals import user_logged_in as entered
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

from audits.actions import Action
from common import database_clock
from common.parsing import is_row_id
from console.accounts import audit_events, discord_links, recent_sign_in
from console.decorators import BEGAN_AT
from console.middleware.staff import SEEN_AT
from discord import links


@receiver(user_logged_in)
def begin_session(request: HttpRequest, **_: Any) -> None:
    now = int(database_clock.timestamp())
    request.session[BEGAN_AT] = request.session[SEEN_AT] = now
    recent_sign_in.begin(request, now)


@receiver(entered)
def tell(request: HttpRequest, user: Any, **given: Any) -> None:
    login = given.get("sociallogin")
    audit_events.signed_in(request, user, login.account.provider if login is not None else "local")
    discord_links.remind(request, user)


@receiver(post_delete, sender=SocialAccount)
def unlink_discord(instance: SocialAccount, **_: Any) -> None:
    """End the link of a Discord account that no longer signs in, also of a deleted user."""
    if instance.provider == discord_links.DISCORD and is_row_id(instance.uid):
        links.unlink(int(instance.uid))


@receiver(authentication_step_completed)
def proved_again(request: HttpRequest, method: str, **given: Any) -> None:
    """Record that a signed-in person gave their second factor."""
    if method == "mfa" and given.get("reauthenticated") and request.user.is_authenticated:
        recent_sign_in.given(request)
        audit_events.signed_in(request, request.user, "second factor")


@receiver(authenticator_added)
def factor_added(request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    """Record a new factor. Setting it up needs one of its codes, so it counts as given."""
    audit_events.factor(request, user, Action.STAFF_FACTOR_ADDED, authenticator.type)
    if authenticator.type == Authenticator.Type.TOTP:
        recent_sign_in.given(request)


@receiver(authenticator_removed)
def factor_removed(request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    audit_events.factor(request, user, Action.STAFF_FACTOR_REMOVED, authenticator.type)
