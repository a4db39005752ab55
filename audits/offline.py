"""Check an export or a proof anywhere, with nothing but this package's two pure modules and a trusted public key.

python -m audits.offline export.jsonl --key BASE64 [--key BASE64]
python -m audits.offline proof.json --key BASE64
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audits import chain
from audits.chain import COLUMNS, GENESIS, SealFields
from audits.merkle import leaf_hash, root_from_path, root_of


def verify_export(lines: Iterable[str], keys: Sequence[str]) -> list[str]:
    """What is wrong with an export, in sentences; an empty list means that everything in it holds.

    A cut-off end cannot be seen from the export alone: compare the last seal with the one that you were given.
    """
    trusted = chain.keyring(keys)
    defects: list[str] = []
    leaves: list[bytes] = []
    previous: str | None = None
    number = 0
    for line in lines:
        record = json.loads(line)
        if "event" in record:
            leaves.append(_leaf(record["event"], defects))
            continue
        seal = SealFields(**record["seal"])
        # An export may begin anywhere; what it follows is then taken from its first seal.
        number = number + 1 if previous is not None else seal.number
        expected = previous if previous is not None else GENESIS if seal.number == 1 else seal.previous
        found = chain.seal_defects(seal, root=root_of(leaves).hex(), previous=expected, number=number, trusted=trusted)
        defects += [f"seal {seal.number}: {defect}" for defect in found]
        previous, leaves = seal.hash, []
    if leaves:
        defects.append(f"{len(leaves)} events at the end are under no seal")
    return defects


def verify_proof(proof: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """What is wrong with an inclusion proof, in sentences."""
    seal = SealFields(**proof["seal"])
    leaf = leaf_hash(proof["line"].encode())
    try:
        path = [bytes.fromhex(node) for node in proof["path"]]
        root = root_from_path(leaf, proof["index"], proof["size"], path).hex()
    except ValueError as error:
        return [f"the path leads to no root: {error}"]
    defects = chain.seal_defects(
        seal, root=root, previous=seal.previous, number=seal.number, trusted=chain.keyring(keys)
    )
    if proof["size"] != seal.last_position - seal.first_position + 1:
        defects.append("the tree's size is not the seal's")
    return defects


def _leaf(event: Mapping[str, Any], defects: list[str]) -> bytes:
    commitments = json.loads(event["commitments"])
    for name, personal in event["personal"].items():
        if chain.commitment(bytes.fromhex(personal["salt"]), personal["value"]) != commitments.get(name):
            defects.append(f"event {event['id']}: its {name} is not what was recorded")
    return leaf_hash(chain.line_of([event[column] for column in COLUMNS]))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m audits.offline", description="Verify an export or a proof.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", action="append", required=True, help="a trusted public key, base64")
    options = parser.parse_args(arguments)
    with options.file.open(encoding="utf-8") as file:
        if options.file.suffix == ".json":
            defects = verify_proof(json.load(file), options.key)
        else:
            defects = verify_export(file, options.key)
    for defect in defects:
        print(defect, file=sys.stderr)
    print("nothing wrong" if not defects else f"{len(defects)} defects")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
