"""Decide who can sign in through allauth.

Nobody can register. A Roblox account needs a rank or role with access. A Discord account must be
linked to such an account.
"""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.urls import reverse

from common.client_address import client_address
from common.errors import Refused
from common.visible_text import clean_name, isolated
from console.accounts import audit_events, discord_links, identity, recent_sign_in
from console.accounts.oauth_views import refused
from console.accounts.permissions import of_roblox, rights_of
from console.decorators import sign_in_again
from console.members import sign_in as member_sign_in
from console.models import StaffAccount
from players.membership import freshness
from players.moderation.actors import Staff


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Local sign-in of owners with a local account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return str(settings.LOGIN_URL)

    def is_safe_url(self, url: str) -> bool:
        own_page = url == member_sign_in.HOME
        return bool(super().is_safe_url(url)) and (url.startswith("/admin/") or own_page)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        audit_events.failed(
            request, "local", "name or password is wrong", str(credentials.get("username", ""))
        )
        super().authentication_failed(request, **credentials)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: the audit log and its webhooks report changes."""


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Check whether this account may sign in. Members who want their own page never do.

        The user of a Roblox account is created or updated.
        """
        if member_sign_in.is_asked_for(sociallogin):
            member_sign_in.finish(request, sociallogin)
        provider = sociallogin.account.provider
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            self._link(request, sociallogin)
        if provider == "roblox":
            self._check_proof(request)
            self._enter(request, sociallogin)
        elif not sociallogin.is_existing:
            self._refuse(
                request,
                provider,
                "This Discord account is not linked. Sign in with Roblox once, then link Discord under Sessions.",
                _name(sociallogin),
                _subject(sociallogin),
            )
        else:
            found = rights_of(sociallogin.user)
            if found.staff is None:
                self._refuse(
                    request, provider, found.why, _name(sociallogin), _subject(sociallogin)
                )
        recent_sign_in.began(request, provider)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Show why a sign-in failed."""
        # The text after the colon is the provider's answer. It may name a person, and the audit log
        # would keep it.
        why = (
            str(exception).partition(": ")[0]
            if exception is not None
            else f"{provider.name} answered: {error}"
        )
        if str(error) == "cancelled":
            why = f"You did not let {provider.name} tell who you are."
        self._refuse(request, provider.id, why[:300], "")

    def _enter(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        user_id, name = int(sociallogin.account.uid), _name(sociallogin)
        freshness.before_act(user_id)
        found = of_roblox(user_id)
        if found.staff is None:
            self._refuse(request, "roblox", found.why, name, _subject(sociallogin))
        with transaction.atomic():
            user = _user_of(user_id, name)
            sociallogin.user = sociallogin.account.user = user
            sociallogin.account.save()
            get_user_model().objects.filter(pk=user.pk).update(first_name=name[:150])

    def _check_proof(self, request: HttpRequest) -> None:
        """Refuse a repeated sign-in if Roblox confirms no recent proof of identity."""
        proof = recent_sign_in.of(request)
        if proof.again and request.user.is_authenticated and not proof.is_fresh:
            context = {
                "title": "Not proved again",
                "at": proof.at_text,
                "factor": recent_sign_in.has_factor(request.user),
            }
            raise ImmediateHttpResponse(
                render(request, "account/not_proved.html", context, status=403)
            )

    def _link(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Link an account to the signed-in person. This always ends in a response."""
        by: Staff | None = getattr(request, "staff", None)
        provider = sociallogin.account.provider
        if by is not None and by.user_id is None and provider == "roblox":
            self._say_who(request, sociallogin, by)
        if by is None or request.user.pk is None or provider != discord_links.DISCORD:
            why = "Only Discord is linked, by who is signed in."
            self._refuse(request, provider, why, _name(sociallogin), _subject(sociallogin))
        if (first := sign_in_again(request)) is not None:
            raise ImmediateHttpResponse(first)
        try:
            discord_links.link(
                sociallogin.account,
                by=by,
                user_id=request.user.pk,
                address=client_address(request),
            )
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            name = discord_links.name_of(sociallogin.account)
            messages.warning(
                request,
                f"{name} of Discord is linked: whoever has it signs in as you. {discord_links.NOT_ME}",
            )
        raise ImmediateHttpResponse(redirect("console:sessions"))

    def _say_who(self, request: HttpRequest, sociallogin: SocialLogin, by: Staff) -> NoReturn:
        """Link a local owner to their Roblox account."""
        if (first := sign_in_again(request)) is not None:
            raise ImmediateHttpResponse(first)
        account = StaffAccount.objects.get(user=request.user.pk)
        user_id, reason = int(sociallogin.account.uid), "shown by signing in with it"
        try:
            player = identity.link(account, user_id, by=by, reason=reason)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request,
                f"You are {isolated(player.username)} to everybody who needs a second person.",
            )
        raise ImmediateHttpResponse(redirect("console:sessions"))

    def _refuse(
        self, request: HttpRequest, provider: str, why: str, name: str, subject: str = ""
    ) -> NoReturn:
        audit_events.failed(request, provider, why, name, subject)
        raise ImmediateHttpResponse(refused(request, why))


def _name(sociallogin: SocialLogin) -> str:
    kept = sociallogin.account.extra_data or {}
    names = (kept.get(name) for name in ("preferred_username", "username", "name"))
    return next(filter(None, (clean_name(str(name or ""), 150) for name in names)), "")


def _subject(sociallogin: SocialLogin) -> str:
    """Return the audit subject of a refused sign-in, so that an erasure finds it."""
    kind = "user" if sociallogin.account.provider == "roblox" else sociallogin.account.provider
    return f"{kind}:{sociallogin.account.uid}"


def _user_of(user_id: int, name: str) -> Any:
    """Return the user of a Roblox account. It is created at the first sign-in and named by the id."""
    account = StaffAccount.objects.select_related("user").filter(roblox_id=user_id).first()
    if account is not None:
        return account.user
    user, _ = get_user_model().objects.get_or_create(
        username=f"roblox-{user_id}", defaults={"first_name": name[:150]}
    )
    user.set_unusable_password()
    user.save(update_fields=["password"])
    StaffAccount.objects.get_or_create(
        roblox_id=user_id, defaults={"user": user}
    )  # another sign-in may create it at the same time
    return user
