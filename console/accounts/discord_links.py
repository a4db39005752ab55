"""Link and unlink Discord accounts, a second way for staff to sign in besides Roblox."""

import datetime as dt
from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from audits.actions import Action
from audits.record import Target, record
from common import database_clock
from common.errors import NotAllowed, Refused
from common.visible_text import clean_name
from console.models import StaffAccount
from discord import links
from players.models import Player
from players.moderation.actors import Staff
from players.moderation.input import check_reason

DISCORD = "discord"
REMINDED = dt.timedelta(days=7)
MOST = 200  # accounts in the list
NOT_ME = "If that was not you: unlink it under My sessions, and tell an owner."


def link(account: SocialAccount, *, by: Staff, user_id: int, address: str) -> None:
    """Link a Discord account to a signed-in person. Raises Refused."""
    with transaction.atomic():
        if by.user_id is None:
            raise Refused(
                "A Discord account is linked to a Roblox account: sign in with Roblox first."
            )
        StaffAccount.objects.select_for_update(no_key=True).get(user=user_id)
        if SocialAccount.objects.filter(user=user_id, provider=DISCORD).exists():
            raise Refused("A Discord account is linked already: unlink that one first.")
        if SocialAccount.objects.filter(provider=DISCORD, uid=account.uid).exists():
            raise Refused(links.TAKEN)
        account.user_id = user_id
        try:
            with transaction.atomic():
                account.save()
        except IntegrityError:
            raise Refused(links.TAKEN) from None
        links.link(by.user_id, int(account.uid), name_of(account))
        subject = by.actor.subject
        personal = {"address": (subject, address)} if address else {}
        _record(Action.STAFF_LINKED, account, by, subject, personal=personal)


def unlink_own(user_id: int, *, by: Staff, keep: str) -> str:
    """Unlink one's own Discord account and return its name. Raises Refused.

    All sessions of the user end, except the one with the key `keep`.
    """
    with transaction.atomic():
        account = _locked(user_id)
        _record(Action.STAFF_UNLINKED, account, by, by.actor.subject)
        return _delete(account, keep)


def unlink_other(user_id: int, *, by: Staff, reason: str) -> str:
    """Unlink another person's Discord account and return its name. Raises Refused, NotAllowed.

    All their sessions end.
    """
    if not by.has("console.roles"):
        raise NotAllowed("You may not: only owners unlink the account of somebody else.")
    reason = check_reason(reason)
    with transaction.atomic():
        account = _locked(user_id)
        _record(Action.STAFF_UNLINKED, account, by, _subject_of(user_id), reason=reason)
        return _delete(account, keep="")


def _locked(user_id: int) -> SocialAccount:
    rows = SocialAccount.objects.select_for_update(no_key=True, of=("self",))
    account = rows.filter(provider=DISCORD, user=user_id).first()
    if account is None:
        raise Refused("No Discord account is linked.")
    return account


def _delete(account: SocialAccount, keep: str) -> str:
    """Delete the link, and end the sessions that may have begun with it, except `keep`."""
    sessions = UserSession.objects.filter(user=account.user_id).exclude(session_key=keep)
    account.delete()
    for session in sessions:
        session.end()
    return name_of(account)


def remind(request: HttpRequest, user: Any) -> None:
    """Show a message at sign-in if a Discord account was linked within the last days."""
    account = SocialAccount.objects.filter(user=user.pk, provider=DISCORD).first()
    if account is not None and database_clock.now() - account.date_joined < REMINDED:
        since = f"{account.date_joined:%Y-%m-%d %H:%M} UTC"
        messages.warning(
            request,
            f"{name_of(account)} of Discord was linked with your account on {since}. {NOT_ME}",
        )


def _subject_of(user_id: int) -> str:
    """Return the audit subject of a console account."""
    roblox_id = (
        StaffAccount.objects.filter(user=user_id).values_list("roblox_id", flat=True).first()
    )
    player = Player.objects.filter(user_id=roblox_id).first() if roblox_id else None
    return player.subject if player else f"staff:{user_id}"


def name_of(account: SocialAccount) -> str:
    """Return the name of a Discord account."""
    kept = account.extra_data or {}
    names = (clean_name(str(kept.get(name) or "")) for name in ("username", "global_name"))
    return next(filter(None, names), account.uid)


def linked() -> list[tuple[SocialAccount, str, str]]:
    """Return the linked accounts, newest first, with the owner's name here and the name on Discord."""
    rows = (
        SocialAccount.objects.filter(provider=DISCORD)
        .select_related("user")
        .order_by("-date_joined")
    )
    return [
        (one, str(one.user.first_name or one.user.get_username()), name_of(one))
        for one in rows[:MOST]
    ]


def _record(action: Action, account: SocialAccount, by: Staff, subject: str, **values: Any) -> None:
    target = Target("account", DISCORD, name_of(account)[:150], subject)
    record(action, actor=by.actor, target=target, details={"provider": DISCORD}, **values)
