"""Read the seals from the database."""

from collections.abc import Iterator

from audits.chain.chain import SealFields
from audits.models import Seal
from common.time import micros


def fields_of(seal: Seal) -> SealFields:
    return SealFields(
        number=seal.number,
        first_position=seal.first_position,
        last_position=seal.last_position,
        root=seal.root,
        previous=seal.previous,
        at=micros(seal.at),
        key_id=seal.key_id,
        hash=seal.hash,
        signature=seal.signature,
    )


def stream_seals(after: int = 0) -> Iterator[SealFields]:
    """Yield every seal after the number `after`, in order, with a thousand in memory at a time."""
    while True:
        batch = list(Seal.objects.filter(number__gt=after).order_by("number")[:1000])
        if not batch:
            return
        yield from map(fields_of, batch)
        after = batch[-1].number
