"""What the console keeps of a person goes when they are erased: their account, their roles, their sessions."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model

from console.models import RoleGrant, SavedFilter, StaffAccount
from players.people import Person


def forget(sender: Any, person: Person, **_: Any) -> None:
    """In the transaction of the erasure."""
    RoleGrant.objects.filter(user_id=person.user_id).update(user_id=person.pseudonym)
    if person.subject:
        SavedFilter.objects.filter(person=person.subject).delete()
    account = StaffAccount.objects.filter(roblox_id=person.user_id).first()
    if account is None:
        return
    for session in UserSession.objects.filter(user=account.user_id):
        session.end()
    get_user_model().objects.filter(pk=account.user_id).delete()  # takes the account and what is linked with it
