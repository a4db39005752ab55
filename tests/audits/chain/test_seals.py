"""Sealing of committed events at consecutive positions, and the seal file.

Events of open transactions get later positions.
"""

import threading
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from audits.chain import seal_file, sealing
from audits.chain.merkle import leaf_hash, path_of, root_from_path, root_of, roots_of
from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import Seal, SealedEvent

INSERT = """
    INSERT INTO audits (action, actor_kind, actor_id, target_kind, target_id, experience, request_id, policy_version,
                        details, commitments)
    VALUES ('rank.set', 'system', 'test', '', '', '', '', '', '{}', '{}') RETURNING id"""


def test_an_open_transaction_gets_a_later_place(
    tell: Callable[..., int], other_connection: "psycopg.Connection[Any]"
) -> None:
    (early_id,) = other_connection.execute(INSERT).fetchone() or (0,)
    late_id = tell()
    assert early_id < late_id
    first = seal_pending()
    assert first is not None
    assert [row.event_id for row in SealedEvent.objects.all()] == [late_id]
    other_connection.commit()
    second = seal_pending()
    assert second is not None
    assert list(SealedEvent.objects.order_by("position").values_list("event_id", flat=True)) == [
        late_id,
        early_id,
    ]
    assert second.previous == first.hash
    assert verify().findings == []


def test_there_is_nothing_to_seal_twice(chain: list[int]) -> None:
    assert seal_pending() is None
    assert list(
        SealedEvent.objects.order_by("position").values_list("position", flat=True)
    ) == list(range(1, 10))


def test_two_sealers_at_once_seal_everything_once(tell: Callable[..., int]) -> None:
    for _ in range(30):
        tell()

    def work() -> None:
        try:
            while seal_pending(limit=3):
                pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while seal_pending():
        pass
    assert SealedEvent.objects.count() == 30
    assert verify().findings == []


def test_the_file_catches_up_after_it_was_lost(chain: list[int], settings: Any) -> None:
    file = Path(settings.AUDIT_SEAL_FILE)
    whole = file.read_bytes()
    file.unlink()
    assert seal_file.append(file) == 3
    assert file.read_bytes() == whole


def test_a_torn_last_line_is_mended(chain: list[int], settings: Any) -> None:
    file = Path(settings.AUDIT_SEAL_FILE)
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert seal_file.append(file) == 3
    assert file.read_bytes() == whole


def test_a_rotated_key_is_trusted_as_long_as_it_is_configured(
    chain: list[int], settings: Any
) -> None:
    old_public = sealing.trusted_keys()[0]
    settings.AUDIT_SIGNING_KEY = "A" * 43 + "="
    settings.AUDIT_TRUSTED_KEYS = [old_public]
    assert verify().findings == []
    settings.AUDIT_TRUSTED_KEYS = []
    assert len(verify().findings) == Seal.objects.count()


@given(st.integers(1, 130), st.data())
def test_every_leaf_has_a_proof_and_no_other_leaf_has_it(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path = path_of(leaves, index)
    assert root_from_path(leaves[index], index, size, path) == root_of(leaves)
    assert root_from_path(leaf_hash(b"another"), index, size, path) != root_of(leaves)
    if path:
        with pytest.raises(ValueError, match="too short"):
            root_from_path(leaves[index], index, size, path[:-1])


@given(st.lists(st.integers(0, 40), max_size=8), st.lists(st.integers(0, 50), max_size=12))
def test_roots_do_not_depend_on_the_groups_in_which_leaves_come(
    sizes: list[int], group_sizes: list[int]
) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(sum(sizes))]
    ends = [*accumulate(sizes)]
    cuts = [*accumulate(group_sizes), len(leaves)]
    groups = [leaves[begin:end] for begin, end in pairwise([0, *cuts])]
    assert roots_of(sizes, iter(groups)) == [
        root_of(leaves[end - size : end]) for size, end in zip(sizes, ends, strict=True)
    ]


def test_a_tree_without_some_leaves_has_another_root() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(5)]
    groups = iter([leaves[:2], [], leaves[2:]])
    short, missing = roots_of([7, 2], groups)
    assert (short, missing) == (root_of(leaves), root_of([]))
    groups = iter([leaves, leaves])
    assert roots_of([1], groups) == [leaves[0]]
    assert next(groups, None) is None


def test_the_tree_is_that_of_rfc_9162() -> None:
    # The root of seven leaves is node(node(node(0,1), node(2,3)), node(node(4,5), 6)).
    import hashlib

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    leaf = [leaf_hash(bytes([number])) for number in range(7)]
    expected = node(
        node(node(leaf[0], leaf[1]), node(leaf[2], leaf[3])), node(node(leaf[4], leaf[5]), leaf[6])
    )
    assert root_of(leaf) == expected
