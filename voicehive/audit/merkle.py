"""Merkle trees (RFC 6962 and 9162, section 2.1): hashes, growing, and which nodes a proof consists of.

A tree over `size` leaves is told by its peaks, the roots of the complete subtrees it consists of, at most one for each
bit of its size. A leaf's *completed nodes* are the complete subtrees that end with it, from itself upwards: two on
average. Whoever keeps these for each leaf keeps every inner node exactly once, in append order, and never changes one;
that layout is what `voicehive.storage.audit_log` stores (Crosby and Wallach 2009, "Efficient Data Structures for
Tamper-Evident Logging", section 3).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

_LEAF, _INNER = b"\x00", b"\x01"


def hash_leaf(leaf: bytes) -> bytes:
    """The 32-byte hash of a leaf."""
    return hashlib.sha256(_LEAF + leaf).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of an inner node."""
    return hashlib.sha256(_INNER + left + right).digest()


def join_subtrees(hashes: Sequence[bytes]) -> bytes:
    """The root over adjacent complete subtrees, the largest first; `EMPTY_ROOT` over none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = hash_children(left, root)
    return root


def split_hashes(joined: bytes) -> tuple[bytes, ...]:
    """Hashes that were joined to one string of bytes."""
    return tuple(joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))


@dataclass(frozen=True)
class Frontier:
    """All that is needed of a tree in order to append to it: its size and its peaks, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """The tree's root."""
        return join_subtrees(self.peaks)

    def extend(self, leaf_hashes: Iterable[bytes]) -> tuple["Frontier", list[bytes]]:
        """Append leaves; also gives each one's completed nodes, joined, the leaf's own hash first.

        Amortised one hash a leaf; SHA-256 itself is most of the time, so that arrays would gain nothing.
        """
        size, peaks, completed = self.size, list(self.peaks), list[bytes]()
        sha256 = hashlib.sha256
        for leaf_hash in leaf_hashes:
            node, nodes, carry = leaf_hash, leaf_hash, size
            while carry & 1:
                node = sha256(_INNER + peaks.pop() + node).digest()
                nodes += node
                carry >>= 1
            peaks.append(node)
            completed.append(nodes)
            size += 1
        return Frontier(size, tuple(peaks)), completed


@dataclass(frozen=True, slots=True)
class Node:
    """The complete subtree over the leaves from `index << level` to before `(index + 1) << level`."""

    level: int
    index: int

    @property
    def last_leaf(self) -> int:
        """The leaf that completes it."""
        return ((self.index + 1) << self.level) - 1

    def cut(self, completed: bytes) -> bytes:
        """Its hash, out of the completed nodes of its last leaf."""
        return completed[self.level * HASH_BYTES : (self.level + 1) * HASH_BYTES]


def complete_subtrees(start: int, end: int) -> list[Node]:
    """The complete subtrees that cover the leaves from `start` to before `end`, the largest first.

    `start` must be a multiple of the largest one's size, as it is wherever RFC 6962 splits a tree.
    """
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_path(index: int, size: int) -> list[list[Node]]:
    """What the inclusion proof of a leaf consists of, in its order: each hash as the complete subtrees it joins.

    The definition is PATH(m, D[n]) of RFC 6962 section 2.1.1; `index` must be below `size`.
    """
    path: list[list[Node]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(complete_subtrees(middle, end))
            end = middle
        else:
            path.append(complete_subtrees(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old_size: int, size: int) -> list[list[Node]]:
    """What the consistency proof between two sizes consists of, in its order; like `inclusion_path`.

    The definition is PROOF(m, D[n]) of RFC 6962 section 2.1.2. It is empty for an `old_size` of 0 and for equal sizes.
    """
    if not 0 < old_size < size:
        return []
    path: list[list[Node]] = []
    start, end = 0, size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(complete_subtrees(middle, end))
            end = middle
        else:
            path.append(complete_subtrees(start, middle))
            start = middle
    if start > 0:
        path.append(complete_subtrees(start, end))
    return path[::-1]


def _split(leaves: int) -> int:
    """The largest power of two below a number of leaves, which is at least two."""
    return 1 << ((leaves - 1).bit_length() - 1)
