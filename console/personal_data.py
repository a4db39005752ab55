"""Personal data in the tables of the console, Django and allauth, and how each is erased."""

from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session

from audits.record import FORGETTING
from common import database_clock
from console.accounts import role_grants
from console.models import StaffAccount
from players.models import Approval
from players.moderation import approvals
from players.moderation.approvals import Closure
from players.personal_data import ACTOR, HASH, LIST, OURS
from players.privacy.person import Person
from players.privacy.registry import (
    By,
    Drop,
    Elsewhere,
    Pseudonym,
    Text,
    Until,
    held,
    impersonal,
    naming,
    sweeping,
)

NAMES = ("username", "global_name", "preferred_username", "name", "nickname", "display_name")
STRETCH = 500  # sessions in one batch; each is decoded
DJANGO = "Django's own names of tables and permissions"


@naming
def accounts_of(person: Person) -> Person:
    """Add the person's console accounts, with the names and Discord ids linked to them."""
    users = get_user_model().objects.filter(account__roblox_id=person.user_id)
    found = Person(
        person.user_id,
        person.pseudonym,
        person.player_id,
        tuple(users.values_list("pk", flat=True)),
    )
    found = found.known_as(person.names, person.others)
    for user in users:
        found = found.known_as([user.first_name, user.last_name, user.email])
    for social in SocialAccount.objects.filter(user__in=found.accounts):
        said: dict[str, Any] = social.extra_data or {}
        found = found.known_as(
            [str(said[name]) for name in NAMES if said.get(name)],
            [social.uid] if social.provider != "roblox" else [],
        )
    return found


def forget_account(person: Person) -> None:
    """End the person's sessions, and delete the account with everything linked to it."""
    for account in StaffAccount.objects.filter(user__in=person.accounts):
        for session in UserSession.objects.filter(user=account.user_id):
            session.end()
        get_user_model().objects.filter(pk=account.user_id).delete()


def forget_link(person: Person) -> None:
    """Remove the link from a local owner's account to the person."""
    StaffAccount.objects.filter(same_as=person.user_id).update(same_as=None)


def close_requests(person: Person) -> None:
    """Withdraw pending role changes of the person. An erased person gets no role."""
    waiting = Approval.objects.select_for_update(no_key=True).filter(
        act__in=[role_grants.GRANT, role_grants.REVOKE],
        status=Approval.Status.WAITING,
        arguments__userId=str(person.user_id),
    )
    for request in waiting.order_by("pk"):
        approvals.withdraw_for(
            request, Closure(FORGETTING, "", "The person was erased.", database_clock.now())
        )


@sweeping("sessions of browsers")
def sweep_sessions(person: Person, after: str | None) -> str | None:
    """Delete expired sessions, and sessions that name the person.

    The session of a started sign-in stores the answer of Roblox or Discord.
    """
    if after is None:
        Session.objects.filter(expire_date__lt=database_clock.now()).delete()
    rows = list(
        Session.objects.filter(session_key__gt=after or "").order_by("session_key")[:STRETCH]
    )
    named = [row.pk for row in rows if person.without_in(row.get_decoded()) != row.get_decoded()]
    Session.objects.filter(pk__in=named).delete()
    return str(rows[-1].pk) if rows else None


WITH_ACCOUNT = By(forget_account)

held("staff_accounts", "roblox_id", WITH_ACCOUNT)
held("staff_accounts", "same_as", By(forget_link))
held("role_grants", "user_id", Pseudonym(), By(close_requests))
impersonal("role_grants", LIST, "role")
impersonal("role_grants", ACTOR, "granted_by", "approved_by", "revoked_by")
held("saved_filters", "name", Drop("person"), Text(unique=True))
held("saved_filters", "query", Drop("person"), Text())
impersonal("saved_filters", LIST, "page")
impersonal("saved_filters", ACTOR, "person")
impersonal("refused_sign_ins", LIST, "way")
impersonal("refused_sign_ins", "how many", "waiting")
held("refused_sign_ins", "why", Until("the next cause of the same way takes its place"))
impersonal("seen_up_to", LIST, "kind")
impersonal("seen_up_to", OURS, "event")
impersonal("seen_up_to", ACTOR, "person")

for column in ("username", "first_name", "last_name", "email", "password"):
    held("auth_user", column, WITH_ACCOUNT)
held("account_emailaddress", "email", WITH_ACCOUNT)
held("account_emailconfirmation", "key", WITH_ACCOUNT)
held("socialaccount_socialaccount", "uid", WITH_ACCOUNT)
held("socialaccount_socialaccount", "extra_data", WITH_ACCOUNT)
held("socialaccount_socialtoken", "token", WITH_ACCOUNT)
held("socialaccount_socialtoken", "token_secret", WITH_ACCOUNT)
held("mfa_authenticator", "data", WITH_ACCOUNT)
OVER = Until("12 hours, or the sign-out")
for column in ("ip", "user_agent", "data", "session_key"):
    held("usersessions_usersession", column, WITH_ACCOUNT, OVER)
held("django_session", "session_data", Elsewhere("`sessions of browsers` reads each of them"), OVER)
for column in ("object_id", "object_repr", "change_message"):
    held("django_admin_log", column, WITH_ACCOUNT, Text())

impersonal("socialaccount_socialaccount", LIST, "provider")
impersonal("mfa_authenticator", LIST, "type")
impersonal("django_session", HASH, "session_key")
impersonal(
    "socialaccount_socialapp",
    "what Roblox and Discord know this site by",
    *("provider", "name", "client_id", "secret", "key", "provider_id", "settings"),
)
impersonal("auth_group", DJANGO, "name")
impersonal("auth_permission", DJANGO, "name", "codename")
impersonal("django_content_type", DJANGO, "app_label", "model")
impersonal("django_migrations", DJANGO, "app", "name")
