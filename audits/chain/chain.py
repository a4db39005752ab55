"""Build and check seals. This module does not use Django, so an export is verified without GRPS.

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
    """A seal. `at` is in microseconds since 1970.

    `root`, `previous` and `hash` are in hex, `signature` in base64.
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
        """The number of events under the seal."""
        return self.last_position - self.first_position + 1

    def computed_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON of all fields except hash and signature."""
        body = {
            key: value for key, value in asdict(self).items() if key not in {"hash", "signature"}
        }
        return hashlib.sha256(canonical(body).encode()).hexdigest()

    def as_json(self) -> str:
        return canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "SealFields":
        """Parse a seal. Raises ValueError or TypeError if the text is not a seal."""
        return cls(**json.loads(text))


def line_of(fields: Sequence[str]) -> bytes:
    """Return the line of an event from its columns as texts, escaped as COPY escapes them."""
    return "\t".join(text.translate(ESCAPES) for text in fields).encode()


def commitment(salt: bytes, value: str) -> str:
    return hashlib.sha256(salt + value.encode()).hexdigest()


def private_key(seed: str) -> Ed25519PrivateKey:
    """Return the signing key from the base64 of its 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))


def public_text(key: Ed25519PublicKey) -> str:
    """Return a public key as base64 of its 32 bytes, the form that auditors get."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def key_id(public: str) -> str:
    """Return the short id of a public key, by which a seal names its signer."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:16]


def keyring(publics: Sequence[str]) -> dict[str, Ed25519PublicKey]:
    """Return trusted public keys by their id."""
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
    """Return the defects of a seal, as sentences.

    `root` is computed from its events, and `previous` is the hash of the seal before it.
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
