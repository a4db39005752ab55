"""A Discord account as a second way in for somebody who signed in with Roblox: linked by them,
unlinked by them or by an owner, each told in the audit log.
"""

import datetime as dt
from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from console.models import StaffAccount
from players.models import Player
from players.moderation.actors import Staff
from players.moderation.authorization import check_reason

DISCORD = "discord"
REMINDED = dt.timedelta(days=7)
MOST = 200  # shown
NOT_ME = "If that was not you: unlink it under My sessions, and tell an owner."


def link(account: SocialAccount, *, by: Staff, user_id: int, address: str) -> None:
    """Link a Discord account to whoever is signed in. Raises Refused."""
    with transaction.atomic():
        if by.user_id is None:
            raise Refused(
                "A Discord account is linked to a Roblox account: sign in with Roblox first."
            )
        StaffAccount.objects.select_for_update(no_key=True).get(user=user_id)
        if SocialAccount.objects.filter(user=user_id, provider=DISCORD).exists():
            raise Refused("A Discord account is linked already: unlink that one first.")
        if SocialAccount.objects.filter(provider=DISCORD, uid=account.uid).exists():
            raise Refused("This Discord account is linked to somebody else.")
        account.user_id = user_id
        try:
            with transaction.atomic():
                account.save()
        except IntegrityError:
            raise Refused("This Discord account is linked to somebody else.") from None
        _tell(Action.STAFF_LINKED, account, by, by.actor.subject, address=address)


def unlink(user_id: int, *, by: Staff, own: bool, reason: str = "", keep: str = "") -> str:
    """Take a linked Discord account away, and end the sessions that it may have begun, all but
    `keep` (by its key).

    Gives its name. Whoever is no owner unlinks their own. Raises Refused, NotAllowed.
    """
    with transaction.atomic():
        if not own and not by.has("console.roles"):
            raise NotAllowed("You may not: only owners unlink the account of somebody else.")
        reason = reason if own else check_reason(reason)
        rows = SocialAccount.objects.select_for_update(no_key=True, of=("self",)).filter(
            provider=DISCORD, user=user_id
        )
        account = rows.first()
        if account is None:
            raise Refused("No Discord account is linked.")
        name = name_of(account)
        _tell(
            Action.STAFF_UNLINKED,
            account,
            by,
            by.actor.subject if own else _subject_of(user_id),
            reason=reason,
        )
        account.delete()
        for session in UserSession.objects.filter(user=user_id).exclude(session_key=keep):
            session.end()
        return name


def remind(request: HttpRequest, user: Any) -> None:
    """Tell whoever signs in of an account that was linked with theirs lately."""
    account = SocialAccount.objects.filter(user=user.pk, provider=DISCORD).first()
    if account is not None and timezone.now() - account.date_joined < REMINDED:
        since = f"{account.date_joined:%Y-%m-%d %H:%M} UTC"
        messages.warning(
            request,
            f"{name_of(account)} of Discord was linked with your account on {since}. {NOT_ME}",
        )


def _subject_of(user_id: int) -> str:
    """Whose data an account of the console is."""
    roblox_id = (
        StaffAccount.objects.filter(user=user_id).values_list("roblox_id", flat=True).first()
    )
    player = Player.objects.filter(user_id=roblox_id).first() if roblox_id else None
    return player.subject if player else f"staff:{user_id}"


def name_of(account: SocialAccount) -> str:
    """What Discord calls them."""
    kept = account.extra_data or {}
    return str(kept.get("username") or kept.get("global_name") or account.uid)


def linked() -> list[tuple[SocialAccount, str, str]]:
    """Linked Discord accounts, the newest first: each with the name of its owner here, and its own."""
    rows = (
        SocialAccount.objects.filter(provider=DISCORD)
        .select_related("user")
        .order_by("-date_joined")
    )
    return [
        (one, str(one.user.first_name or one.user.get_username()), name_of(one))
        for one in rows[:MOST]
    ]


def _tell(
    action: Action,
    account: SocialAccount,
    by: Staff,
    subject: str,
    *,
    reason: str = "",
    address: str = "",
) -> None:
    target = Target("account", DISCORD, name_of(account)[:150], subject)
    personal: dict[str, Any] = {"address": (subject, address)} if address else {}
    record(
        action,
        actor=by.actor,
        target=target,
        reason=reason,
        details={"provider": DISCORD},
        personal=personal,
    )
