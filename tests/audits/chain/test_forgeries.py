"""Forgeries by attackers who know the scheme, with their own signing key or with ours."""

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from audits.chain import chain as chains
from audits.chain import stored_seals
from audits.chain import verify as verifying
from audits.chain.chain import GENESIS, SealFields
from audits.chain.copy_reader import ids_between, in_order
from audits.chain.merkle import leaf_hash, root_of
from audits.chain.proofs import NotProvable, prove
from audits.models import Seal
from tests.audits.conftest import past_the_triggers

FORGE = """
    INSERT INTO audits (action, actor_kind, actor_id, target_kind, target_id, experience, request_id, policy_version,
                        details, commitments)
    SELECT 'rank.set', actor_kind, actor_id, target_kind, target_id, experience, request_id, policy_version, details,
           '{}' FROM audits WHERE id = %s RETURNING id"""
FOREIGN_SEED = base64.b64encode(bytes(range(32))).decode()


def said() -> list[str]:
    return [f"{finding.where}: {finding.message}" for finding in verifying.verify().findings]


def rewrite_history(seed: str) -> None:
    """Recompute every root, hash and signature from the present rows."""
    key = chains.private_key(seed)
    public = chains.public_text(key.public_key())
    previous = GENESIS
    for row in list(Seal.objects.order_by("number")):
        old = stored_seals.fields_of(row)
        lines = in_order(ids_between(old.first_position, old.last_position))
        fields = {
            "number": old.number,
            "first_position": old.first_position,
            "last_position": old.last_position,
            "root": root_of([leaf_hash(line) for line in lines if line is not None]).hex(),
            "previous": previous,
            "at": old.at,
            "key_id": chains.key_id(public),
        }
        previous = SealFields(**fields).computed_hash()  # type: ignore[arg-type]
        signature = base64.b64encode(key.sign(bytes.fromhex(previous))).decode()
        with past_the_triggers() as cursor:
            cursor.execute(
                "UPDATE seals SET root = %s, previous = %s, hash = %s, key_id = %s, signature = %s WHERE number = %s",
                [
                    fields["root"],
                    fields["previous"],
                    previous,
                    fields["key_id"],
                    signature,
                    old.number,
                ],
            )


@pytest.mark.parametrize("position", [0, -4, 10])
def test_an_event_put_beside_the_chain_is_found(chain: list[int], position: int) -> None:
    with past_the_triggers() as cursor:
        cursor.execute(FORGE, [chain[0]])
        cursor.execute(
            "INSERT INTO sealed_events VALUES (%s, %s, 1)", [position, cursor.fetchone()[0]]
        )
    assert any("put beside the chain" in line for line in said())


def test_an_event_moved_to_another_seal_is_found(chain: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE sealed_events SET seal_id = 3 WHERE position = 1")
    assert "position 1: it is said to be under seal 3, which does not cover it" in said()
    with pytest.raises(NotProvable, match="does not fit"):
        prove(chain[0])


def test_a_sealed_event_put_back_to_wait_is_found(chain: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("INSERT INTO audit_pending VALUES (%s)", [chain[0]])
    assert any("sealed and yet waits" in line for line in said())


def test_an_event_that_was_changed_is_not_proved(chain: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE audits SET actor_id = '6' WHERE id = %s", [chain[1]])
    with pytest.raises(NotProvable, match="does not fit"):
        prove(chain[0])


def test_a_history_signed_with_another_key_is_not_believed(chain: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE audits SET actor_id = '6' WHERE id = %s", [chain[0]])
    rewrite_history(FOREIGN_SEED)
    assert sum("not trusted" in line for line in said()) == 3


def test_a_history_signed_by_a_thief_disagrees_with_the_file(
    chain: list[int], settings: Any
) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE audits SET actor_id = '6' WHERE id = %s", [chain[0]])
    rewrite_history(settings.AUDIT_SIGNING_KEY)
    assert said() == ["seal 1: the seal file and the database disagree"]


def test_rewriting_without_a_change_changes_nothing(chain: list[int], settings: Any) -> None:
    before = Path(settings.AUDIT_SEAL_FILE).read_text()
    rewrite_history(settings.AUDIT_SIGNING_KEY)
    assert said() == []
    assert [seal.as_json() for seal in stored_seals.stream_seals()] == before.splitlines()


def test_a_seal_moved_in_time_is_found(chain: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE seals SET at = at - %s WHERE number = 2", [dt.timedelta(microseconds=1)]
        )
    assert any("hash does not fit its fields" in line for line in said())


@pytest.mark.parametrize("position", [2, 5, 8])
def test_a_place_taken_out_of_a_long_chain_is_found(
    chain: list[int], position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "STRETCH", 2)  # each seal is checked alone, as in a long chain
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM sealed_events WHERE position = %s", [position])
    broken = [line.partition(":")[0] for line in said() if "root does not fit" in line]
    assert broken == [f"seal {(position + 2) // 3}"]
