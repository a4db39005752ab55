"""Verification of exports offline, with nothing but the file and a trusted key."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audits.chain import chain as chains
from audits.chain import offline, sealing
from audits.chain.copy_reader import in_order
from audits.chain.export import export
from audits.chain.proofs import prove
from audits.chain.sealing import seal_pending
from audits.chain.verify import verify

# Strings that COPY escapes, strings that look escaped, and characters that other readers take for
# line ends.
AWKWARD = [
    "".join(map(chr, range(1, 0x21))),
    r"\n \t \\ \. \N \x41 \101",
    "\\\n\\\t\\\\\r\n",
    "\\.\n",
    "\\N",
    "\x7f\x85\xa0\u2028\u2029\ufeff",
    "ünïcode 日本 🏅 \U0010ffff",
    '"quoted" \'single\' {"json":1}',
]


@pytest.fixture
def lines(chain: list[int]) -> list[str]:
    """Return the lines of an export: nine events, with a seal after every three."""
    return exported()


def exported() -> list[str]:
    out = io.StringIO()
    export(out)
    return out.getvalue().rstrip("\n").split("\n")


def found(lines: list[str], outside: list[str] | None = None) -> list[str]:
    return offline.verify_export(lines, sealing.trusted_keys(), outside)


def test_awkward_texts_hash_the_same_everywhere(
    tell: Callable[..., int],
) -> None:
    for text in AWKWARD:
        tell(
            reason=text,
            details={"text": text, text: "as a key"},
            experience=text[:32],
            policy_version=text,
        )
    assert seal_pending() is not None
    assert verify().findings == []
    assert found(exported()) == []
    events = [json.loads(line)["event"] for line in exported()[:-1]]
    streamed = in_order([int(event["id"]) for event in events])
    assert [
        chains.line_of([event[column] for column in chains.COLUMNS]) for event in events
    ] == streamed
    assert [event["personal"]["reason"]["value"] for event in events] == AWKWARD


@pytest.mark.parametrize("index", [1, 3])
def test_one_flipped_bit_anywhere_is_found(lines: list[str], index: int) -> None:
    original = lines[index].encode()
    # The last character of a signature has four bits that base64 decoding ignores.
    idle = {match.start() for match in re.finditer(rb'[A-Za-z0-9+/]=="', original)}
    for place in set(range(len(original))) - idle:
        flipped = bytearray(original)
        flipped[place] ^= 1
        altered = [*lines]
        altered[index] = flipped.decode(errors="surrogateescape")
        assert found(altered), (place, altered[index])


@pytest.mark.parametrize(
    "line", ["", "{", "7", "[]", "{}", '{"event":{}}', '{"event":7}', '{"seal":{}}', "null"]
)
def test_a_line_that_is_not_of_an_export_is_named(lines: list[str], line: str) -> None:
    lines[1] = line
    assert "line 2 is not of an export" in found(lines)[0]


def test_a_position_written_anew_is_found(lines: list[str]) -> None:
    lines[1] = lines[1].replace('"position": 2', '"position": 7')
    assert any("position 7 follows 1" in defect for defect in found(lines))


@pytest.mark.parametrize("gone", [0, 1, 3, 7])
def test_a_line_taken_out_is_found(lines: list[str], gone: int) -> None:
    del lines[gone]
    assert found(lines)


def test_two_lines_swapped_are_found(lines: list[str]) -> None:
    lines[0], lines[1] = lines[1], lines[0]
    assert found(lines)


def test_a_cut_off_end_shows_against_the_seal_file(lines: list[str], settings: Any) -> None:
    outside = Path(settings.AUDIT_SEAL_FILE).read_text().splitlines()
    assert found(lines, outside) == []
    cut = lines[:8]
    assert found(cut) == []
    assert "the seal file goes on" in found(cut, outside)[0]
    assert "the seal file does not have it" in found(lines, outside[:2])[0]
    assert "not a seal" in found(lines, ["{}", *outside[1:]])[0]
    later = re.sub(r'"at":(\d+)', lambda at: f'"at":{int(at[1]) + 1}', outside[1])
    assert "disagree" in found(lines, [outside[0], later, outside[2]])[0]


def test_an_export_after_a_seal_agrees_with_the_seal_file(chain: list[int], settings: Any) -> None:
    out = io.StringIO()
    export(out, after=2)
    assert (
        found(out.getvalue().splitlines(), Path(settings.AUDIT_SEAL_FILE).read_text().splitlines())
        == []
    )


@pytest.mark.django_db
def test_an_export_with_nothing_in_it_proves_nothing() -> None:
    assert found([]) == ["there is no seal in it"]


def test_the_command_compares_an_export_with_a_seal_file(
    lines: list[str], settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    call_command(
        "audit",
        "verify",
        "--export",
        str(file),
        "--seals",
        settings.AUDIT_SEAL_FILE,
        stdout=io.StringIO(),
    )
    file.write_text("\n".join(lines[:8]) + "\n", encoding="utf-8")
    with pytest.raises(CommandError, match="1 findings"):
        call_command("audit", "verify", "--export", str(file), "--seals", settings.AUDIT_SEAL_FILE)


def test_bytes_that_are_not_utf_8_are_a_finding(lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_bytes("\n".join(lines).encode().replace(b"Newt", b"N\xffwt", 1))
    assert offline.verify_file(file, sealing.trusted_keys())


def test_it_runs_without_django_settings(chain: list[int], settings: Any, tmp_path: Path) -> None:
    export_file, proof_file = tmp_path / "export.jsonl", tmp_path / "proof.json"
    with export_file.open("w", encoding="utf-8") as out:
        export(out)
    proof_file.write_text(json.dumps(prove(chain[4])))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = (
            "import sys; from audits.chain import offline; code = offline.main();"
            " assert 'django' not in sys.modules; "
        )
        return subprocess.run(
            [
                sys.executable,
                "-c",
                code + "sys.exit(code)",
                *arguments,
                "--key",
                sealing.trusted_keys()[0],
            ],
            cwd=Path(__file__).parents[3],
            env={},
            capture_output=True,
            text=True,
        )

    assert run(str(export_file), "--seals", settings.AUDIT_SEAL_FILE).stdout == "nothing wrong\n"
    assert run(str(proof_file)).returncode == 0
    proof_file.write_text("{}")
    assert "it is not a proof" in run(str(proof_file)).stderr
    proof_file.write_text("{")
    assert run(str(proof_file)).returncode == 1


@pytest.mark.parametrize("missing", ["line", "index", "size", "path", "seal"])
def test_a_proof_without_a_part_proves_nothing(chain: list[int], missing: str) -> None:
    proof = prove(chain[0])
    del proof[missing]
    assert offline.verify_proof(proof, sealing.trusted_keys())
