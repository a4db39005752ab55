"""Erasure orders: stored, carried out in our tables at once, and closed after the data stores.

`pending` keeps pulls from recreating a person with an open order. `erased` drops their old events
later.
"""

import datetime as dt
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from common.errors import Refused
from players.models import ErasureOrder, Player
from players.moderation.actors import Staff
from players.privacy import marks, texts
from players.privacy.erasure import erase_rows, erase_stranger
from players.privacy.person import Person
from roblox.models import Experience

ALLOWED = dt.timedelta(days=30)  # Roblox's limit, counted from the notification
# checks of every experience: a server that still held the player may write again after the first
LOOKS = 2
MOST_LOOKS = 3  # a user found even then goes on playing and counts as a new person
TURN = 120.0  # seconds of reading texts for an order before other work continues
ROBLOX = Actor("system", "roblox", "roblox")
Status = ErasureOrder.Status


def order(
    notification_id: str,
    user_id: int,
    games: Sequence[int],
    *,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
) -> tuple[ErasureOrder, bool]:
    """Store an order. Return it, and whether it is new.

    Repeats of a notification create no second order. `games`: the start places that Roblox named.
    """
    with transaction.atomic():
        player = Player.objects.filter(user_id=user_id).first()
        key = marks.keys()[0]
        made, created = ErasureOrder.objects.get_or_create(
            notification_id=notification_id,
            defaults={
                "user_id": user_id,
                "mark": marks.mark(user_id, key),
                "mark_key": marks.key_id(key),
                "player": player,
                "games": list(games),
                "received_at": now,
                "due_at": now + ALLOWED,
            },
        )
        if created:
            record(
                Action.ERASURE_ORDERED,
                actor=actor,
                # The reason counts as the person's own data and is erased with them.
                target=Target(
                    "erasure", str(made.pk), "", player.subject if player else f"user:{user_id}"
                ),
                reason=reason,
                details={
                    "notification": notification_id,
                    "games": list(games),
                    "player": made.player_id,
                    "due": made.due_at.isoformat(),
                },
            )
        return made, created


def order_by_hand(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> ErasureOrder:
    """Store an order that did not come by the webhook, and carry it out in our tables.

    Raises Refused for an invalid Roblox user id, and without a reason.
    """
    if not 0 < user_id < 2**63:
        raise Refused(f"{user_id} is not a Roblox user id.")
    if not reason.strip():
        raise Refused("A reason is required: say where the order came from.")
    made, _ = order(f"by-hand-{uuid4()}", user_id, [], actor=by.actor, now=now, reason=reason)
    carry_out(made.pk, seconds=None)
    made.refresh_from_db()
    return made


def carry_out(order_id: int, *, seconds: float | None = TURN) -> bool:
    """Erase the person in our tables, then in texts. Return whether the tables were erased now.

    Reading texts takes up to `seconds` (None: to the end). Returns False also if there is no such
    order.
    """
    with transaction.atomic():
        found = _locked(order_id)
        fresh = found is not None and found.tables_erased_at is None
        if found is not None and fresh:
            person = _erase_in_tables(found, database_clock.now())
            # The database's clock, which also sets `created_at` of players: see _erase_latecomer.
            ErasureOrder.objects.filter(pk=found.pk).update(
                tables_erased_at=Now(), player=found.player_id, words_sealed=_seal(person)
            )
    read_texts(order_id, readings=1, seconds=seconds)
    return fresh


def carry_out_due() -> int:
    """Continue every order whose tables or texts are not done.

    Returns the number of orders whose tables were erased now.
    """
    due = waiting().exclude(tables_erased_at__isnull=False, texts__done__gte=1)
    return sum(carry_out(order_id) for order_id in due.values_list("pk", flat=True))


def read_texts(order_id: int, *, readings: int, seconds: float | None) -> bool:
    """Remove the person's names from texts. Return whether all were read `readings` times.

    The first reading follows the erasure of the tables. The second, before the order is closed,
    finds texts that were written during the first.
    """
    found = ErasureOrder.objects.filter(pk=order_id, status=Status.OPEN).first()
    if found is None or found.user_id is None or found.tables_erased_at is None:
        return False
    until = None if seconds is None else time.monotonic() + seconds
    progress, person = dict(found.texts), _person(found)
    done = int(progress.pop("done", 0))
    while done < readings:
        over = texts.sweep(person, progress, until=until)
        done += over
        ErasureOrder.objects.filter(pk=order_id, status=Status.OPEN).update(
            texts=progress | {"done": done}
        )
        if not over:
            return False
    return True


def left(found: ErasureOrder) -> list[Experience]:
    """Return the experiences whose data stores are not done.

    All enabled experiences with a universe count, not only the places that Roblox named.
    """
    experiences = Experience.objects.filter(enabled=True).exclude(universe_id=None)
    return [one for one in experiences if "doneAt" not in found.stores.get(one.key, {})]


def looked_at(found: ErasureOrder, key: str) -> dt.datetime | None:
    """Return when an experience's stores were last checked for this order."""
    text = found.stores.get(key, {}).get("lookedAt")
    return dt.datetime.fromisoformat(text) if text else None


def looked(
    order_id: int, found_there: Mapping[str, bool], *, now: dt.datetime
) -> ErasureOrder | None:
    """Record a check of some experiences' stores, and close the order after the last one.

    `found_there`: by key, whether there was anything to delete. Returns None if there is no open
    order with that id.
    """
    with transaction.atomic():
        held = _locked(order_id)
        if held is None or held.status == Status.DONE:
            return None
        for key, was_there in found_there.items():
            looks = held.stores.get(key, {}).get("looks", 0) + 1
            over = looks >= MOST_LOOKS or (looks >= LOOKS and not was_there)
            done = {"doneAt": now.isoformat(), "by": "GRPS"} if over else {}
            held.stores[key] = {"looks": looks, "lookedAt": now.isoformat()} | done
        ErasureOrder.objects.filter(pk=held.pk).update(stores=held.stores)
    return _close(order_id, now)


def done_by_hand(
    order_id: int, keys: Collection[str], *, by: Staff, reason: str, now: dt.datetime
) -> ErasureOrder:
    """Record that somebody deleted a person's keys by hand.

    `keys` are the experiences, empty for all that are left. Raises Refused if there is no such open
    order or experience, no reason, or nothing is left.
    """
    if not reason.strip():
        raise Refused("A reason is required: say who deleted the keys, and how.")
    carry_out(order_id, seconds=None)
    with transaction.atomic():
        held = _locked(order_id)
        if held is None or held.status == Status.DONE:
            raise Refused(f"There is no open erasure order {order_id}.")
        waiting = [one.key for one in left(held)]
        unknown = sorted(set(keys) - set(waiting))
        if unknown:
            raise Refused(
                f"{', '.join(unknown)}: nothing is left to delete there; left are {', '.join(waiting)}."
            )
        for key in keys or waiting:
            held.stores[key] = {
                **held.stores.get(key, {}),
                "doneAt": now.isoformat(),
                "by": by.name,
            }
        details = {"experiences": sorted(keys or waiting)}
        record(
            Action.ERASURE_CONFIRMED,
            actor=by.actor,
            target=_target(held),
            reason=reason,
            details=details,
        )
        ErasureOrder.objects.filter(pk=held.pk).update(stores=held.stores)
    return _close(order_id, now)


def waiting() -> QuerySet[ErasureOrder]:
    """Return the open orders, oldest first."""
    return ErasureOrder.objects.filter(status=Status.OPEN).order_by("received_at", "pk")


def pending(user_ids: Iterable[int]) -> set[int]:
    """Return the users with an open order.

    Their data in the data stores must not be copied here again.
    """
    rows = ErasureOrder.objects.filter(status=Status.OPEN, user_id__in=set(user_ids))
    return {user_id for user_id in rows.values_list("user_id", flat=True) if user_id is not None}


def erased(user_ids: Iterable[int]) -> dict[int, dt.datetime | None]:
    """Return the users with any erasure order, and when they were last erased (None: not yet)."""
    by_mark = marks.marks(user_ids)
    # An open order has the user id too. Its mark may be of a key that only newer processes know.
    rows = (
        ErasureOrder.objects.filter(Q(mark__in=by_mark) | Q(user_id__in=set(by_mark.values())))
        .order_by("pk")
        .values_list("mark", "user_id", "tables_erased_at")
    )
    return {
        by_mark[mark] if mark in by_mark else int(user_id or 0): at for mark, user_id, at in rows
    }


def _erase_in_tables(held: ErasureOrder, now: dt.datetime) -> Person:
    """Erase the player with the order's user id.

    If there is none, erase the user's data in other tables.
    """
    assert held.user_id is not None
    player = Player.objects.filter(user_id=held.user_id).first()
    if player is None:
        return erase_stranger(held.user_id)
    held.player = held.player or player
    reason = f"RightToErasureRequest {held.notification_id}"
    return erase_rows(held.user_id, by=Staff(ROBLOX, rank=None), reason=reason, now=now)[0]


def _close(order_id: int, now: dt.datetime) -> ErasureOrder:
    """Close the order if no store is left and all texts were read again. Return the order."""
    with transaction.atomic():
        held = ErasureOrder.objects.select_for_update(no_key=True).get(pk=order_id)
        if held.status == Status.DONE or left(held) or held.tables_erased_at is None:
            return held
        _erase_latecomer(held, now)
    if not read_texts(order_id, readings=2, seconds=TURN):
        return held
    with transaction.atomic():
        held = ErasureOrder.objects.select_for_update(no_key=True).get(pk=order_id)
        return held if held.status == Status.DONE or left(held) else _done(held, now)


def _done(held: ErasureOrder, now: dt.datetime) -> ErasureOrder:
    assert held.tables_erased_at is not None
    held.user_id, held.status, held.stores_erased_at, held.reason = None, Status.DONE, now, ""
    written: dict[str, Any] = {
        name: getattr(held, name) for name in ("user_id", "status", "stores_erased_at", "reason")
    }
    ErasureOrder.objects.filter(pk=held.pk).update(
        **written, words_sealed="", lease="", lease_until=None
    )
    record(
        Action.ERASURE_COMPLETED,
        actor=ROBLOX,
        target=_target(held),
        details={
            "player": held.player_id,
            "tables": held.tables_erased_at.isoformat(),
            "stores": {
                key: {"doneAt": one["doneAt"], "by": one["by"]}
                for key, one in sorted(held.stores.items())
            },
        },
    )
    return held


def _erase_latecomer(held: ErasureOrder, now: dt.datetime) -> None:
    """Erase the person again if a transaction rewrote them after they were erased.

    Such a transaction looked for the order before it existed, so it began before the erasure, and
    so did the player row that it created. A player row created later is somebody who came back.
    """
    assert held.user_id is not None
    came_back = Player.objects.filter(
        user_id=held.user_id, created_at__gt=held.tables_erased_at
    ).exists()
    if came_back:
        return
    _erase_in_tables(held, now)
    ErasureOrder.objects.filter(pk=held.pk).update(player=held.player_id)


def _locked(order_id: int) -> ErasureOrder | None:
    return ErasureOrder.objects.select_for_update(no_key=True).filter(pk=order_id).first()


def _target(found: ErasureOrder) -> Target:
    return Target("erasure", str(found.pk), "")


def _person(held: ErasureOrder) -> Person:
    """Return the person of an open order, with the names found before their rows were erased."""
    assert held.user_id is not None
    words = json.loads(marks.cipher().decrypt(held.words_sealed)) if held.words_sealed else {}
    return Person(held.user_id, 0, held.player_id).known_as(
        words.get("names", []), words.get("others", [])
    )


def _seal(person: Person) -> str:
    return (
        marks.cipher()
        .encrypt(json.dumps({"names": person.names, "others": person.others}).encode())
        .decode("ascii")
    )
