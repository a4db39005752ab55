"""Link the accounts of one person. A linked local owner and their player count as one person."""

import re
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, record
from common.errors import NotAllowed, Refused
from console.models import StaffAccount
from players.models import Adjustment, Approval, BulkJob, Decision, GuardTrip, Player, StaffAct
from players.moderation.actors import Staff
from players.moderation.audit_fields import target_of
from players.moderation.input import check_reason

LOCAL_NAME = re.compile(r"local-([0-9]+)")
MERGE_SPENDING = """
    INSERT INTO spending (person, day, spent, alone, players)
    SELECT %s, day, spent, alone, players FROM spending WHERE person = %s
    ON CONFLICT (person, day) DO UPDATE SET spent = spending.spent + excluded.spent,
        alone = spending.alone + excluded.alone, players = spending.players + excluded.players"""


def of_actor(actor: Actor) -> frozenset[tuple[str, str]]:
    """Return the other accounts of an actor, each as (name, person)."""
    local = LOCAL_NAME.fullmatch(actor.id)
    if local is not None:
        return of_local(
            StaffAccount.objects.filter(user=int(local[1]))
            .values_list("same_as", flat=True)
            .first()
        )
    if actor.kind != "staff" or not actor.id.isdecimal():
        return frozenset()
    same = StaffAccount.objects.filter(
        same_as__in=Player.objects.filter(pk=int(actor.id)).values("user_id")
    )
    return frozenset(
        (f"staff:local-{pk}", f"staff:{pk}") for pk in same.values_list("user_id", flat=True)
    )


def of_local(user_id: int | None) -> frozenset[tuple[str, str]]:
    """Return the player account of a linked local owner, as (name, person)."""
    player = Player.objects.filter(user_id=user_id, erased_at=None).first() if user_id else None
    return frozenset({(f"staff:{player.pk}", player.subject)} if player else ())


def unlinked(persons: Iterable[str]) -> set[str]:
    """Return the persons among these who are local owners without a linked player."""
    ids = {
        int(person.removeprefix("staff:"))
        for person in persons
        if re.fullmatch("staff:[0-9]{1,9}", person)
    }
    linked = set(
        StaffAccount.objects.filter(user__in=ids)
        .exclude(same_as=None)
        .values_list("user_id", flat=True)
    )
    return {f"staff:{pk}" for pk in ids - linked}


def called(name: str) -> tuple[str, bool]:
    """Return the name to show for an actor, and whether it is an unlinked local owner.

    Actors are named as `staff:12` or `staff:local-5`.
    """
    kind, _, key = name.partition(":")
    local = LOCAL_NAME.fullmatch(key)
    if local is not None:
        user = User.objects.filter(pk=int(local[1])).first()
        return (user.get_username() if user else name), bool(unlinked([f"staff:{local[1]}"]))
    found = (
        Player.objects.filter(pk=int(key)).first() if kind == "staff" and key.isdecimal() else None
    )
    return (found.username if found else name), False


def link(account: StaffAccount, user_id: int, *, by: Staff, reason: str) -> Player:
    """Record that a local owner is this Roblox user. Raises Refused."""
    with transaction.atomic():
        player = (
            Player.objects.select_for_update(no_key=True)
            .filter(user_id=user_id, erased_at=None)
            .first()
        )
        if player is None:
            raise Refused("This Roblox account is no player here yet: join one of the games first.")
        account = StaffAccount.objects.select_for_update().get(pk=account.pk)
        if account.roblox_id is not None:
            raise Refused("Only a local owner is linked like this.")
        if account.same_as is not None:
            raise Refused(
                "They are linked already; the operator unlinks them (manage.py staff unlink)."
            )
        person = f"staff:{account.user_id}"
        if GuardTrip.objects.filter(person=person, ended_at=None).exists():
            raise Refused("The guard holds what they do: wait until another owner lets them act.")
        account.same_as = user_id
        account.save(update_fields=["same_as"])
        _rename(person, player.subject, f"staff:local-{account.user_id}", f"staff:{player.pk}")
        record(
            Action.STAFF_LINKED,
            actor=by.actor,
            target=target_of(player),
            reason=check_reason(reason),
            details={"provider": "roblox", "account": f"staff:local-{account.user_id}"},
        )
        return player


def unlink(account: StaffAccount, *, by: Staff, reason: str) -> None:
    """Remove the link of a local owner. Only the operator may. Raises Refused, NotAllowed."""
    if not by.bypasses_second_person:
        raise NotAllowed("You may not: only the operator takes this back.")
    with transaction.atomic():
        account = StaffAccount.objects.select_for_update().get(pk=account.pk)
        player = Player.objects.filter(user_id=account.same_as).first() if account.same_as else None
        if player is None:
            raise Refused("They are not linked.")
        account.same_as = None
        account.save(update_fields=["same_as"])
        record(
            Action.STAFF_UNLINKED,
            actor=by.actor,
            target=target_of(player),
            reason=check_reason(reason),
            details={"provider": "roblox", "account": f"staff:local-{account.user_id}"},
        )


def _rename(person: str, to: str, name: str, to_name: str) -> None:
    """Move open requests and spent limits of the local account to the player."""
    Approval.objects.filter(requested_by=person, status=Approval.Status.WAITING).update(
        requested_by=to
    )
    Adjustment.objects.filter(requested_by=person, status__in=["preview", "waiting"]).update(
        requested_by=to
    )
    BulkJob.objects.filter(requested_by=person, status__in=["preview", "waiting"]).update(
        requested_by=to
    )
    Decision.objects.filter(proposed_by=name, status=Decision.Status.PROPOSED).update(
        proposed_by=to_name
    )
    StaffAct.objects.filter(person=person).update(person=to)
    with connection.cursor() as cursor:
        cursor.execute(MERGE_SPENDING, [to, person])
        cursor.execute("DELETE FROM spending WHERE person = %s", [person])
