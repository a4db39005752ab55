"""Merkle trees as in RFC 9162, without Django.

Leaves and nodes are hashed with different prefixes, so that neither can pass for the other.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """Return SHA-256(0x00 || line)."""
    return sha256(b"\x00" + line).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes.

    A last odd node moves up a level unchanged, which makes the tree of RFC 9162.
    """
    tree = Tree()
    tree.extend(leaves)
    return tree.root()


def roots_of(sizes: Iterable[int], groups: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Return the roots of consecutive trees of these sizes, from leaves in groups of any length.

    Reads every group. If leaves are missing, a tree gets the root over those that there are.
    """
    leaves = _Groups(groups)
    roots = [leaves.take(size).root() for size in sizes]
    leaves.exhaust()
    return roots


class Tree:
    """A tree that grows at its end and holds at most one node a level."""

    def __init__(self) -> None:
        self._odd: list[Sequence[bytes]] = []  # by level: the node without a sibling, if any

    def extend(self, leaves: Sequence[bytes]) -> None:
        nodes, level = list(leaves), 0
        while nodes:
            if level == len(self._odd):
                self._odd.append([])
            nodes = [*self._odd[level], *nodes]
            self._odd[level] = _odd(nodes)
            nodes, level = _parents(nodes), level + 1

    def root(self) -> bytes:
        below: Sequence[bytes] = ()
        for odd in self._odd:
            both = [*odd, *below]
            below = _parents(both) if len(both) == 2 else both
        return below[0] if below else EMPTY_ROOT


class _Groups:
    """Leaves that come in groups and are read tree by tree."""

    def __init__(self, groups: Iterable[Sequence[bytes]]) -> None:
        self._groups = (group for group in groups if group)
        self._rest: Sequence[bytes] = ()

    def take(self, size: int) -> Tree:
        """Return a tree of the next `size` leaves, or of fewer at the end."""
        tree = Tree()
        while size > 0:
            if not self._rest:
                self._rest = next(self._groups, ())
                if not self._rest:
                    break
            taken, self._rest = self._rest[:size], self._rest[size:]
            tree.extend(taken)
            size -= len(taken)
        return tree

    def exhaust(self) -> None:
        for _ in self._groups:
            pass


def _above(level: Sequence[bytes]) -> list[bytes]:
    return [*_parents(level), *_odd(level)]


def _parents(level: Sequence[bytes]) -> list[bytes]:
    one_by_one = iter(level)
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(one_by_one, one_by_one, strict=False)
    ]


def _odd(level: Sequence[bytes]) -> Sequence[bytes]:
    return level[-1:] if len(level) % 2 else []


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of one leaf: its siblings from the bottom, on each level with one."""
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
    """Return the root that a leaf and its path lead to.

    Raises ValueError if the path does not fit index and size.
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
