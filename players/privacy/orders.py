"""Orders to erase a person: taken down, carried out in our tables at once, and closed when the data
stores are done.

Who has an open order is not brought back by a pull (`pending`), nor, ever after, by an event from
before (`erased`).
"""

import base64
import datetime as dt
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audits.actions import Action
from audits.record import Actor, Target, record
from common.errors import Refused
from players.models import ErasureOrder, Player
from players.moderation.actors import Staff
from players.privacy import texts
from players.privacy.erasure import erase_rows, erase_stranger
from players.privacy.person import Person
from roblox.models import Experience

ALLOWED = dt.timedelta(days=30)  # Roblox's limit, from the notification on
# at every experience: a server that still held the player may have written them again after the
# first
LOOKS = 2
MOST_LOOKS = 3  # who is found even then plays on, and is somebody new
TURN = 120.0  # seconds that texts are read for an order before other work has its turn
SALT = "grps.erased"
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
    """Take down an order, and whether it is new: a notification makes one, however often it comes.

    `games`: the start places that Roblox named.
    """
    with transaction.atomic():
        player = Player.objects.filter(user_id=user_id).first()
        made, created = ErasureOrder.objects.get_or_create(
            notification_id=notification_id,
            defaults={
                "user_id": user_id,
                "mark": _mark(user_id, settings.SECRET_KEY),
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
                # What the reason says is the person's own, and goes with them.
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
    """Take down an order that did not come by the webhook, and carry it out in our tables.

    Raises Refused for what is no Roblox user id, and without a reason.
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
    """Erase the person in our tables, then in what others wrote, for as long (None: to the end);
    False when the tables were done before, or there is no such order.
    """
    with transaction.atomic():
        found = _locked(order_id)
        fresh = found is not None and found.tables_erased_at is None
        if found is not None and fresh:
            person = _erase_in_tables(found, timezone.now())
            # The database's clock, which `created_at` of players goes by: see _erase_latecomer.
            ErasureOrder.objects.filter(pk=found.pk).update(
                tables_erased_at=Now(), player=found.player_id, words_sealed=_seal(person)
            )
    read_texts(order_id, readings=1, seconds=seconds)
    return fresh


def carry_out_due() -> int:
    """Go on with every order whose tables or texts are not done; how many had their tables erased
    now.
    """
    due = waiting().exclude(tables_erased_at__isnull=False, texts__done__gte=1)
    return sum(carry_out(order_id) for order_id in due.values_list("pk", flat=True))


def read_texts(order_id: int, *, readings: int, seconds: float | None) -> bool:
    """Take the person's words out of all that others wrote; whether it was read so many times, from
    end to end.

    Once when the tables are done, and once more before the order is closed: what was being written
    meanwhile.
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
    """The experiences whose data stores are not done: of those that there are, whatever places
    Roblox named.
    """
    experiences = Experience.objects.filter(enabled=True).exclude(universe_id=None)
    return [one for one in experiences if "doneAt" not in found.stores.get(one.key, {})]


def looked_at(found: ErasureOrder, key: str) -> dt.datetime | None:
    """When an experience's stores were last looked at for this order."""
    text = found.stores.get(key, {}).get("lookedAt")
    return dt.datetime.fromisoformat(text) if text else None


def looked(
    order_id: int, found_there: Mapping[str, bool], *, now: dt.datetime
) -> ErasureOrder | None:
    """Note a look at some experiences' stores (by key: whether anything was there to delete), and
    close the order after the last one. None when there is no open order of that id.
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
    """Take somebody's word that a person's keys are deleted: of the experiences `keys`, or of all
    that are left.

    Raises Refused when there is no such open order or experience, no reason, or nothing is left.
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
    """Orders that are not done, the oldest first."""
    return ErasureOrder.objects.filter(status=Status.OPEN).order_by("received_at", "pk")


def pending(user_ids: Iterable[int]) -> set[int]:
    """Those whose data stores are still to be cleaned: nothing that is read there now may be
    written here.
    """
    rows = ErasureOrder.objects.filter(status=Status.OPEN, user_id__in=set(user_ids))
    return {user_id for user_id in rows.values_list("user_id", flat=True) if user_id is not None}


def erased(user_ids: Iterable[int]) -> dict[int, dt.datetime | None]:
    """Those who were ever ordered to be erased, and when they were last (None: not yet)."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    marks = {_mark(user_id, secret): user_id for user_id in set(user_ids) for secret in secrets}
    rows = (
        ErasureOrder.objects.filter(mark__in=marks)
        .order_by("pk")
        .values_list("mark", "tables_erased_at")
    )
    return {marks[mark]: moment for mark, moment in rows}


def _erase_in_tables(held: ErasureOrder, now: dt.datetime) -> Person:
    """Whoever has the user id now; where nobody has, what other tables know of it goes all the
    same.
    """
    assert held.user_id is not None
    player = Player.objects.filter(user_id=held.user_id).first()
    if player is None:
        return erase_stranger(held.user_id)
    held.player = held.player or player
    reason = f"RightToErasureRequest {held.notification_id}"
    return erase_rows(held.user_id, by=Staff(ROBLOX, rank=None), reason=reason, now=now)[0]


def _close(order_id: int, now: dt.datetime) -> ErasureOrder:
    """Close the order when no store is left and all texts were read once more; the order as it is
    then.
    """
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
    """A transaction that looked for the order before it was there may have written the person again
    after they were erased. It began before they were, and so did the player's row that it made; a
    later row is somebody who came back.
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
    """The person of an open order, with the words that were found before their rows were erased."""
    assert held.user_id is not None
    words = json.loads(_cipher().decrypt(held.words_sealed)) if held.words_sealed else {}
    return Person(held.user_id, 0, held.player_id).known_as(
        words.get("names", []), words.get("others", [])
    )


def _seal(person: Person) -> str:
    return (
        _cipher()
        .encrypt(json.dumps({"names": person.names, "others": person.others}).encode())
        .decode("ascii")
    )


def _cipher() -> MultiFernet:
    """Of the secret that the marks go by, too."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    keys = [
        salted_hmac(SALT, "words", secret=secret, algorithm="sha256").digest() for secret in secrets
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _mark(user_id: int, secret: str) -> str:
    """What stays of a user id: without the secret nobody can say whose it is."""
    return salted_hmac(SALT, str(user_id), secret=secret, algorithm="sha256").hexdigest()
