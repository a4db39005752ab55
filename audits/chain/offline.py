"""Check an export or a proof anywhere.

It needs nothing but a trusted public key and this package's modules without Django.

python -m audits.chain.offline export.jsonl --key BASE64 [--key BASE64] [--seals seals.jsonl]

python -m audits.chain.offline proof.json --key BASE64
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audits.chain import chain
from audits.chain.chain import COLUMNS, GENESIS, SealFields
from audits.chain.merkle import leaf_hash, root_from_path, root_of

REDACTED = "audit.redacted"  # audits.actions
# Raised by reading a malformed text: bad JSON, a missing field, a wrong type.
NOT_OURS = (ValueError, TypeError, KeyError, AttributeError)


@dataclass(slots=True)
class _Reading:
    """The state of reading an export: the events since the last seal, and the defects so far."""

    trusted: Mapping[str, Ed25519PublicKey]
    outside: Iterator[str] | None
    defects: list[str] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    position: int | None = None
    last: SealFields | None = None
    redacted: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, text: str) -> None:
        record = json.loads(text)
        if "event" in record:
            self._event(record["event"])
            return
        self._seal(SealFields(**record["seal"]))

    def _event(self, event: Mapping[str, Any]) -> None:
        leaf = leaf_hash(chain.line_of([event[column] for column in COLUMNS]))
        commitments = json.loads(event["commitments"])
        for name, personal in event["personal"].items():
            if chain.commitment(
                bytes.fromhex(personal["salt"]), personal["value"]
            ) != commitments.get(name):
                self.defects.append(f"event {event['id']}: its {name} is not what was recorded")
        if self.position is not None and event["position"] != self.position + 1:
            self.defects.append(
                f"event {event['id']}: position {event['position']} follows {self.position}"
            )
        self.position = event["position"]
        if event["action"] == REDACTED:
            said = json.loads(event["details"])
            self.told[str(said["event"])] = (said["leaf"], said["left"])
        if "leaf" in event:
            self.redacted[event["id"]] = (event["leaf"], leaf.hex())
            leaf = bytes.fromhex(event["leaf"])
        self.leaves.append(leaf)

    def _seal(self, seal: SealFields) -> None:
        # An export may begin anywhere. The expected previous hash then comes from its first seal.
        number = self.last.number + 1 if self.last else seal.number
        previous = self.last.hash if self.last else GENESIS if seal.number == 1 else seal.previous
        root = root_of(self.leaves).hex()
        found = chain.seal_defects(
            seal, root=root, previous=previous, number=number, trusted=self.trusted
        )
        if (
            seal.first_position + len(self.leaves) - 1 != seal.last_position
            or self.position != seal.last_position
        ):
            found.append("its positions are not those of its events")
        if self.outside is not None:
            found += _disagreement(seal, self.outside)
        self.defects += [f"seal {seal.number}: {defect}" for defect in found]
        self.last, self.leaves, self.position = seal, [], seal.last_position


def verify_export(
    lines: Iterable[str], keys: Sequence[str], seals: Iterable[str] | None = None
) -> list[str]:
    """Return the defects of an export, as sentences. The list is empty if there are none.

    The export alone cannot show that its end was cut off. `seals`, the lines of a seal file kept
    elsewhere, shows it. Memory holds one seal's events at most.
    """
    reading = _Reading(chain.keyring(keys), iter(seals) if seals is not None else None)
    for number, line in enumerate(lines, start=1):
        try:
            reading.take(line)
        except NOT_OURS as error:
            reading.defects.append(
                f"line {number} is not of an export: {type(error).__name__}: {error}"
            )
    if reading.leaves:
        reading.defects.append(f"{len(reading.leaves)} events at the end are under no seal")
    if reading.last is None:
        reading.defects.append("there is no seal in it")
    for event, hashes in reading.redacted.items():
        if reading.told.get(event) != hashes:
            reading.defects.append(
                f"event {event}: it was redacted, and no later event says so of what is left"
            )
    if reading.outside is not None and next(reading.outside, None) is not None:
        reading.defects.append(
            "the seal file goes on behind the export's last seal: its end was cut, or it is older"
        )
    return reading.defects


def verify_proof(proof: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Return the defects of an inclusion proof, as sentences."""
    try:
        seal = SealFields(**proof["seal"])
        path = [bytes.fromhex(node) for node in proof["path"]]
        root = root_from_path(
            leaf_hash(proof["line"].encode()), proof["index"], proof["size"], path
        ).hex()
        defects = chain.seal_defects(
            seal, root=root, previous=seal.previous, number=seal.number, trusted=chain.keyring(keys)
        )
        if proof["size"] != seal.last_position - seal.first_position + 1:
            defects.append("the tree's size is not the seal's")
    except NOT_OURS as error:
        return [f"it is not a proof, or its path leads to no root: {type(error).__name__}: {error}"]
    return defects


def verify_file(path: Path, keys: Sequence[str], seals: Path | None = None) -> list[str]:
    """Return the defects of an export file. `seals` is the seal file to compare it with.

    Raises OSError for a file that cannot be read. Bytes that are not UTF-8 are a defect like any
    other.
    """
    with path.open(encoding="utf-8", errors="surrogateescape") as export:
        if seals is None:
            return verify_export(export, keys)
        with seals.open(encoding="utf-8", errors="surrogateescape") as outside:
            return verify_export(export, keys, outside)


def _disagreement(seal: SealFields, outside: Iterator[str]) -> list[str]:
    """Compare a seal with the next seal of the seal file, and return the defects.

    Earlier seals in the file are skipped, because an export may begin after them.
    """
    for line in outside:
        try:
            same = SealFields.from_json(line)
            if same.number >= seal.number:
                return [] if same == seal else ["the seal file and the export disagree"]
        except NOT_OURS:
            return ["the seal file has a line that is not a seal"]
    return ["the seal file does not have it"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m audits.chain.offline", description="Verify an export or a proof."
    )
    parser.add_argument("file", type=Path, help="an export (.jsonl) or a proof (.json)")
    parser.add_argument(
        "--key", action="append", required=True, help="a trusted public key, base64"
    )
    parser.add_argument(
        "--seals", type=Path, help="a seal file that the export must agree with to its end"
    )
    options = parser.parse_args(arguments)
    defects = _check(options.file, options.key, options.seals)
    for defect in defects:
        print(defect, file=sys.stderr)
    print("nothing wrong" if not defects else f"{len(defects)} defects")
    return 1 if defects else 0


def _check(path: Path, keys: Sequence[str], seals: Path | None) -> list[str]:
    if path.suffix != ".json":
        return verify_file(path, keys, seals)
    try:
        return verify_proof(json.loads(path.read_bytes()), keys)
    except ValueError as error:
        return [f"it is not JSON: {error}"]


if __name__ == "__main__":
    sys.exit(main())
