"""Verification finds changes made with the triggers disabled, in the database and exports."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audits.actions import Action
from audits.chain import offline, sealing
from audits.chain.export import export
from audits.chain.proofs import NotProvable, prove
from audits.chain.verify import verify
from audits.record import erase, record
from tests.audits.conftest import STAFF, past_the_triggers

Tamper = Callable[[Any, list[int]], object]


def exported() -> list[str]:
    out = io.StringIO()
    export(out)
    return out.getvalue().splitlines()


def drop_tail(cursor: Any, ids: list[int]) -> None:
    cursor.execute("DELETE FROM sealed_events WHERE position > 6")
    cursor.execute("DELETE FROM seals WHERE number = 3")
    cursor.execute("DELETE FROM audit_personal WHERE event_id = ANY(%s)", [ids[6:]])
    cursor.execute("DELETE FROM audits WHERE id = ANY(%s)", [ids[6:]])


def swap(cursor: Any, ids: list[int]) -> None:
    cursor.execute("UPDATE audits SET id = -1 WHERE id = %s", [ids[0]])
    cursor.execute("UPDATE audits SET id = %s WHERE id = %s", [ids[0], ids[1]])
    cursor.execute("UPDATE audits SET id = %s WHERE id = -1", [ids[1]])


def forge(cursor: Any, ids: list[int]) -> None:
    cursor.execute(
        "INSERT INTO audits (action, actor_kind, actor_id, target_kind, target_id, experience, request_id,"
        " policy_version, details, commitments) SELECT 'rank.set', actor_kind, actor_id, target_kind, target_id,"
        " experience, request_id, policy_version, details, commitments FROM audits WHERE id = %s",
        [ids[0]],
    )


def one(statement: str, index: int = 4) -> Tamper:
    return lambda cursor, ids: cursor.execute(statement, [ids[index]])


TAMPERED: dict[str, tuple[Tamper, str, bool]] = {
    "one byte of an actor": (
        one("UPDATE audits SET actor_id = '6' WHERE id = %s"),
        "root does not fit",
        True,
    ),
    "one byte of the details": (
        one(
            "UPDATE audits SET details = replace(details::text, '12.50', '12.51')::json WHERE id = %s"
        ),
        "root does not fit",
        True,
    ),
    "a microsecond": (
        one("UPDATE audits SET at = at + interval '1 microsecond' WHERE id = %s"),
        "root does not",
        True,
    ),
    "a tab moved between columns": (
        one(
            "UPDATE audits SET target_kind = target_kind || chr(9) || target_id, target_id = '' WHERE id = %s"
        ),
        "root does not",
        True,
    ),
    "the tail dropped": (drop_tail, "its end was dropped", False),
    "two rows swapped": (swap, "root does not fit", True),
    "a row forged": (forge, "forged", False),
    "a row deleted": (one("DELETE FROM audits WHERE id = %s"), "root does not fit", True),
    "a name rewritten": (
        one(
            "UPDATE audit_personal SET value = 'Nemo' WHERE event_id = %s AND field = 'targetName'"
        ),
        "targetName is not what was recorded",
        True,
    ),
    "a reason deleted": (
        one("DELETE FROM audit_personal WHERE event_id = %s AND field = 'reason'"),
        "erasures account for 0",
        False,
    ),
    "a seal re-signed by another": (
        lambda cursor, ids: cursor.execute(
            "UPDATE seals SET key_id = 'ffffffffffffffff' WHERE number = 2"
        ),
        "not trusted",
        True,
    ),
    "a root rewritten": (
        lambda cursor, ids: cursor.execute(
            "UPDATE seals SET root = repeat('0', 64) WHERE number = 2"
        ),
        "hash does not fit",
        True,
    ),
    "a seal in the middle dropped": (
        lambda cursor, ids: cursor.execute("DELETE FROM seals WHERE number = 2"),
        "a seal is missing",
        True,
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_it_finds(what: str, chain: list[int]) -> None:
    tamper, words, in_export = TAMPERED[what]
    assert verify().findings == []
    assert offline.verify_export(exported(), sealing.trusted_keys()) == []
    with past_the_triggers() as cursor:
        tamper(cursor, chain)
    said = [f"{finding.where}: {finding.message}" for finding in verify().findings]
    assert any(words in line for line in said), said
    found_in_export = offline.verify_export(exported(), sealing.trusted_keys())
    assert bool(found_in_export) == in_export, found_in_export
    with pytest.raises(CommandError, match="findings"):
        call_command("audit", "verify")


@pytest.mark.parametrize(
    "edit", [("Mona", "Moni"), ("12.50", "12.51"), ("points.adjusted", "points.ingested")]
)
def test_an_export_edited_by_hand_is_found(chain: list[int], edit: tuple[str, str]) -> None:
    lines = exported()
    lines[4] = lines[4].replace(*edit)
    assert offline.verify_export(lines, sealing.trusted_keys())


def test_an_export_needs_no_django(
    chain: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.jsonl"
    call_command("audit", "export", str(file), stdout=io.StringIO())
    assert offline.main([str(file), "--key", sealing.trusted_keys()[0]]) == 0
    file.write_text(file.read_text().replace("Newt", "Nemo", 1))
    assert offline.main([str(file), "--key", sealing.trusted_keys()[0]]) == 1
    assert "targetName is not what was recorded" in capsys.readouterr().err


def test_an_export_can_begin_behind_a_seal(chain: list[int]) -> None:
    out = io.StringIO()
    assert export(out, after=1) == 6
    assert offline.verify_export(out.getvalue().splitlines(), sealing.trusted_keys()) == []


def test_erasing_a_person_keeps_the_chain_verifiable(chain: list[int]) -> None:
    with transaction.atomic():
        removed = erase("player:7")
        record(
            Action.PLAYER_ERASED,
            actor=STAFF,
            details={"subjects": ["player:7"], "personalRows": removed},
        )
    assert removed == 18
    assert verify().findings == []
    assert sealing.seal_pending() is not None
    assert verify().findings == []
    assert "Newt" not in "".join(exported())
    assert offline.verify_export(exported(), sealing.trusted_keys()) == []


def test_a_proof_holds_and_an_altered_one_does_not(chain: list[int], tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("audit", "prove", str(chain[4]), stdout=out)
    proof = json.loads(out.getvalue())
    keys = sealing.trusted_keys()
    assert offline.verify_proof(proof, keys) == []
    assert offline.verify_proof(proof | {"line": proof["line"].replace("12.50", "99.50")}, keys)
    assert offline.verify_proof(proof | {"index": 0}, keys)
    assert offline.verify_proof(proof | {"path": proof["path"][:-1]}, keys)
    assert offline.verify_proof(proof, ["A" * 43 + "="])


def test_an_unsealed_event_has_no_proof_yet(tell: Callable[..., int]) -> None:
    with pytest.raises(NotProvable, match="not sealed yet"):
        prove(tell())


def test_a_missing_seal_file_is_said(chain: list[int], settings: Any) -> None:
    Path(settings.AUDIT_SEAL_FILE).unlink()
    assert "seal file is missing" in verify().findings[0].message


def test_the_command_counts_what_it_checked(chain: list[int]) -> None:
    out = io.StringIO()
    call_command("audit", "verify", stdout=out)
    assert "9 events under 3 seals; everything holds." in out.getvalue()
