"""Prove that one event is in the chain.

A proof has the event's line, its path to a root, and the signed seal over that root.
"""

from dataclasses import asdict
from typing import Any

from audits.chain import copy_reader, redaction
from audits.chain.merkle import leaf_hash, path_of, root_of
from audits.chain.stored_seals import fields_of
from audits.models import SealedEvent


class NotProvable(Exception):
    """The event does not exist, is not sealed yet, or was redacted. The text says which."""


def prove(event_id: int) -> dict[str, Any]:
    """Return an inclusion proof as JSON-ready values. Raises NotProvable.

    `line` is the event as hashed, `path` the siblings in hex from the bottom.
    `audits.chain.offline` checks the proof with nothing but a trusted public key.
    """
    placed = SealedEvent.objects.select_related("seal").filter(event_id=event_id).first()
    if placed is None:
        raise NotProvable(
            f"Event {event_id} does not exist or is not sealed yet; sealing takes a few seconds."
        )
    seal = fields_of(placed.seal)
    found = copy_reader.in_order(copy_reader.ids_between(seal.first_position, seal.last_position))
    whole = [line for line in found if line is not None]
    index = placed.position - seal.first_position
    redacted = redaction.leaves()
    if event_id in redacted:
        raise NotProvable(
            f"Event {event_id} lost the words of a person who was erased; `audit verify` checks the rest."
        )
    leaves = [redacted.get(int(line[: line.index(b"\t")]), leaf_hash(line)) for line in whole]
    if not 0 <= index < len(whole) or root_of(leaves).hex() != seal.root:
        raise NotProvable(
            f"Seal {seal.number} does not fit its events; run `manage.py audit verify`."
        )
    return {
        "line": whole[index].decode(),
        "index": index,
        "size": len(whole),
        "path": [node.hex() for node in path_of(leaves, index)],
        "seal": asdict(seal),
    }
