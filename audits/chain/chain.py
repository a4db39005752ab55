"""What seals are made of and how they are checked. No Django here: an export is verified without
the project.

A line is an event as PostgreSQL's COPY prints it: the columns in COLUMNS order, joined by tabs,
with backslash, tab, newline, carriage return and the other control characters escaped as COPY does.
A leaf is the hash of a line.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common.canonical_json import canonical

COLUMNS = (
    "id",
    "at",
    "action",
    "actorKind",
    "actorId",
    "targetKind",
    "targetId",
    "experience",
    "requestId",
    "policyVersion",
    "reverts",
    "details",
    "commitments",
)
GENESIS = "0" * 64
ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)


@dataclass(frozen=True, slots=True)
class SealFields:
    """A seal. `at` in microseconds since 1970; `root`, `previous` and `hash` in hex; `signature` in
    base64.
    """

    number: int
    first_position: int
    last_position: int
    root: str
    previous: str
    at: int
    key_id: str
    hash: str = ""
    signature: str = ""

    @property
    def size(self) -> int:
        """The number of its events."""
        return self.last_position - self.first_position + 1

    def computed_hash(self) -> str:
        """SHA-256 over the canonical JSON of every field but the hash and its signature."""
        body = {
            key: value for key, value in asdict(self).items() if key not in {"hash", "signature"}
        }
        return hashlib.sha256(canonical(body).encode()).hexdigest()

    def as_json(self) -> str:
        return canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "SealFields":
        """Raises ValueError or TypeError when the text is not a seal."""
        return cls(**json.loads(text))


def line_of(fields: Sequence[str]) -> bytes:
    """The line of an event from its columns as texts, escaped as COPY escapes them."""
    return "\t".join(text.translate(ESCAPES) for text in fields).encode()


def commitment(salt: bytes, value: str) -> str:
    return hashlib.sha256(salt + value.encode()).hexdigest()


def private_key(seed: str) -> Ed25519PrivateKey:
    """The signing key from base64 of its 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as base64 of its 32 bytes: what an auditor is given."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def key_id(public: str) -> str:
    """A short name for a public key, by which a seal says who signed it."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:16]


def keyring(publics: Sequence[str]) -> dict[str, Ed25519PublicKey]:
    """Trusted public keys by their id."""
    return {
        key_id(text): Ed25519PublicKey.from_public_bytes(base64.b64decode(text)) for text in publics
    }


def seal_defects(
    seal: SealFields,
    *,
    root: str,
    previous: str,
    number: int,
    trusted: Mapping[str, Ed25519PublicKey],
) -> list[str]:
    """What is wrong with a seal, in sentences, given the root of its events and the hash of the
    seal before it.
    """
    defects = []
    if seal.number != number:
        defects.append(f"its number is {seal.number}, but {number} comes next: a seal is missing")
    if seal.root != root:
        defects.append(
            "its root does not fit its events: an event was changed, added, removed or moved"
        )
    if seal.previous != previous:
        defects.append("it is not chained to the seal before it")
    if seal.hash != seal.computed_hash():
        defects.append("its hash does not fit its fields")
    key = trusted.get(seal.key_id)
    if key is None:
        defects.append(f"it is signed with the key {seal.key_id}, which is not trusted")
        return defects
    try:
        key.verify(base64.b64decode(seal.signature), bytes.fromhex(seal.hash))
    except (InvalidSignature, ValueError):
        defects.append("its signature is wrong")
    return defects
