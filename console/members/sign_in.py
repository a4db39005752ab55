"""Sign members in with Roblox, and link their Discord account.

The sign-in of the console leads here if it began on the members' page: `next` is its address, and
allauth keeps it with the state of the sign-in. No Django user is made or signed in.
"""

from typing import NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialLogin
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.urls import reverse

from audits.actions import Action
from audits.record import record
from common.errors import Refused
from console.accounts import discord_links
from console.members import sessions
from discord import links
from players.leave.records import member_actor
from players.models import Player
from players.moderation.audit_fields import target_of

HOME = "/me"
UNKNOWN = "You are no player of this community yet: join one of its games first."
AGAIN = "Linking needs a sign-in that is younger than 15 minutes: sign in with Roblox, then link."


def is_asked_for(sociallogin: SocialLogin) -> bool:
    """Return whether a sign-in began on the members' page."""
    return bool(sociallogin.state.get("next") == HOME)


def finish(request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
    """Handle the answer of Roblox or Discord. It always ends in a response."""
    if sociallogin.account.provider == discord_links.DISCORD:
        _link(request, sociallogin)
    user_id = int(sociallogin.account.uid)
    player = Player.objects.filter(user_id=user_id, erased_at=None).first()
    if player is None:
        refuse(request, UNKNOWN)
    response = redirect(HOME)
    sessions.begin(response, player)
    raise ImmediateHttpResponse(response)


def _link(request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
    member = sessions.member_of(request)
    if member is None or not member.is_fresh:
        refuse(request, AGAIN)
    account = sociallogin.account
    name = discord_links.name_of(account)
    try:
        with transaction.atomic():
            links.link(member.player.user_id, int(account.uid), name)
            record_link(Action.MEMBER_LINKED, member.player)
    except Refused as refusal:
        refuse(request, str(refusal))
    raise ImmediateHttpResponse(redirect(f"{reverse('me')}?done=linked"))


def unlink(player: Player) -> None:
    """Remove the link of a member's Discord account. Raises Refused."""
    discord_id = links.discord_id_of(player.user_id)
    with transaction.atomic():
        if discord_id is None or not links.unlink(discord_id):
            raise Refused("No Discord account is linked.")
        record_link(Action.MEMBER_UNLINKED, player)


def record_link(action: Action, player: Player) -> None:
    record(action, actor=member_actor(player), target=target_of(player))


def refuse(request: HttpRequest, why: str) -> NoReturn:
    page = render(request, "members/refused.html", {"why": why}, status=403)
    raise ImmediateHttpResponse(page)
