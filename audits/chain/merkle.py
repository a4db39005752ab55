"""Merkle trees as in RFC 9162: leaves and nodes hashed apart, so that neither passes for the other.
No Django here.
"""

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """SHA-256(0x00 || line)."""
    return sha256(b"\x00" + line).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes: level by level, a last odd node moves up as it is (the same tree
    as RFC 9162's).
    """
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    odd = level[-1:] if len(level) % 2 else []
    one_by_one = iter(level)
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(one_by_one, one_by_one, strict=False)
    ] + list(odd)


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf: the sibling on each level where it has one, from the bottom."""
    path = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _above(level)
        index //= 2
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf and its path lead to. Raises ValueError when the path does not fit index
    and size.
    """
    if not 0 <= index < size:
        raise ValueError("the index lies outside the tree")
    siblings = iter(path)
    node = leaf
    while size > 1:
        if index ^ 1 < size:
            sibling = next(siblings, None)
            if sibling is None:
                raise ValueError("the path is too short")
            left, right = (sibling, node) if index % 2 else (node, sibling)
            node = sha256(b"\x01" + left + right).digest()
        index, size = index // 2, (size + 1) // 2
    if next(siblings, None) is not None:
        raise ValueError("the path is too long")
    return node
