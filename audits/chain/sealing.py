"""Seal committed events: give each a position in the chain, under a signed Merkle root.

An event's id is taken when it is written, long before its transaction commits. So ids do not show
which events can still appear. Therefore a trigger marks every event as pending in the event's own
transaction, and the sealer takes the pending rows that it can see. A transaction that is still open
commits later and its events get later positions. No event can appear behind a seal, and no reader
waits for a writer. No transaction number is stored that a restored database would not know.
"""

import base64
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from audits.chain import chain, copy_reader, key_succession, seal_file
from audits.chain.chain import GENESIS, SealFields
from audits.chain.merkle import leaf_hash, root_of
from audits.models import Seal
from audits.signals import sealed
from common import advisory_lock
from common.database_clock import database_time
from common.time import from_micros, micros

LOCK = 4_710_010  # advisory lock: one sealer at a time
LIMIT = 10_000  # events under one seal
# Seconds between two seals while there is no backlog: seals are kept for ever.
SPACING = 1.0

TAKE = """
    WITH taken AS (
        DELETE FROM audit_pending WHERE event_id IN (SELECT event_id FROM audit_pending ORDER BY event_id LIMIT %s)
        RETURNING event_id
    )
    SELECT event_id FROM taken ORDER BY event_id"""

# Uses the database's clock, which all sealers share.
UNTIL_DUE = """
    SELECT extract(epoch FROM at + %s * interval '1 second' - clock_timestamp())::float
    FROM seals ORDER BY number DESC LIMIT 1"""

PLACE = """
    INSERT INTO sealed_events (position, event_id, seal_id)
    SELECT %s + place, event, %s FROM unnest(%s::bigint[]) WITH ORDINALITY AS t(event, place)"""


def seal_pending(limit: int = LIMIT) -> SealFields | None:
    """Seal up to `limit` committed events at once.

    Returns None if there are none, or another sealer works. The seal is also appended to
    settings.AUDIT_SEAL_FILE, with every earlier one that the file lacks. Raises RuntimeError inside
    a transaction: the file must not name a seal that is rolled back.
    """
    with transaction.atomic(durable=True):
        seal = _seal_visible(limit) if advisory_lock.try_lock(LOCK) else None
    _publish(seal)
    return seal


def seal_due() -> float:
    """Seal all committed events, but not within SPACING of the last seal.

    Returns 0, or the seconds after which to call again for the events that are left.
    """
    with transaction.atomic(durable=True):
        wait = _seconds_until_due() if advisory_lock.try_lock(LOCK) else SPACING
        seal = None if wait else _seal_visible(LIMIT)
    _publish(seal)
    while seal is not None and seal.size == LIMIT:
        seal = seal_pending()  # a backlog does not wait for SPACING
    return wait


def trusted_keys() -> list[str]:
    """Return the trusted public keys: the signing key's own, former ones, AUDIT_TRUSTED_KEYS."""
    own = key_succession.own_key()
    return list(dict.fromkeys([own, *key_succession.followed(own), *settings.AUDIT_TRUSTED_KEYS]))


def _publish(seal: SealFields | None) -> None:
    # Also without a new seal: a process may have died between its commit and its line in the file.
    seal_file.publish(Path(settings.AUDIT_SEAL_FILE))
    if seal is not None:
        sealed.send_robust(Seal, seal=seal)


def _seconds_until_due() -> float:
    """Return the seconds until SPACING has passed since the last seal.

    Returns 0 also for a seal dated in the future, which a wrong clock made.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNTIL_DUE, [SPACING])
        row = cursor.fetchone()
    return row[0] if row and 0 < row[0] <= SPACING else 0.0


def _seal_visible(limit: int) -> SealFields | None:
    """Seal up to `limit` committed events. The caller holds LOCK."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [limit])
        events = [row[0] for row in cursor.fetchall()]
    if not events:
        return None
    seal = _sign(events)
    _write(seal, events)
    return seal


def _sign(events: list[int]) -> SealFields:
    last = Seal.objects.order_by("-number").first()
    first_position = last.last_position + 1 if last else 1
    key = chain.private_key(settings.AUDIT_SIGNING_KEY)
    unsigned = SealFields(
        number=last.number + 1 if last else 1,
        first_position=first_position,
        last_position=first_position + len(events) - 1,
        root=root_of(_leaves(events)).hex(),
        previous=last.hash if last else GENESIS,
        at=micros(database_time()),
        key_id=chain.key_id(chain.public_text(key.public_key())),
    )
    digest = unsigned.computed_hash()
    signature = base64.b64encode(key.sign(bytes.fromhex(digest))).decode()
    return SealFields(
        unsigned.number,
        unsigned.first_position,
        unsigned.last_position,
        unsigned.root,
        unsigned.previous,
        unsigned.at,
        unsigned.key_id,
        digest,
        signature,
    )


def _leaves(events: list[int]) -> list[bytes]:
    leaves = [leaf_hash(line) for line in copy_reader.in_order(events) if line is not None]
    if len(leaves) != len(events):
        raise RuntimeError(
            "a pending event has no row in audits: somebody deleted it; run `manage.py audit verify`"
        )
    return leaves


def _write(seal: SealFields, events: list[int]) -> None:
    Seal.objects.create(
        number=seal.number,
        first_position=seal.first_position,
        last_position=seal.last_position,
        root=seal.root,
        previous=seal.previous,
        hash=seal.hash,
        key_id=seal.key_id,
        signature=seal.signature,
        at=from_micros(seal.at),
    )
    with connection.cursor() as cursor:
        cursor.execute(PLACE, [seal.first_position - 1, seal.number, events])
