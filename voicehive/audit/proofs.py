"""Verifies inclusion and consistency proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2)."""

from collections.abc import Sequence
from hmac import compare_digest

from voicehive.audit.errors import ProofInvalid
from voicehive.audit.merkle import EMPTY_ROOT, HASH_BYTES, hash_children


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with this hash is number `index` (from 0) of the tree of this size and root.

    Raises:
        ProofInvalid: it is not shown to be.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"index {index} lies outside a tree of {size} entries; compare index and size")
    _check_hashes([leaf_hash, root, *proof])
    at, last, node = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long for the tree's size; fetch it again")
        if at & 1 or at == last:
            node = hash_children(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hash_children(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the inclusion proof is too short for the tree's size; fetch it again")
    if not compare_digest(node, root):
        raise ProofInvalid(f"entry {index} is not in the tree of {size} entries with this root, or not like this")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `size` entries begins with the tree of `old_size`.

    Raises:
        ProofInvalid: it is not shown to.
    """
    if not 0 <= old_size <= size:
        raise ProofInvalid(f"a tree of {size} entries cannot continue one of {old_size}: it is smaller")
    _check_hashes([old_root, root, *proof])
    if old_size in (0, size):
        if proof:
            raise ProofInvalid("between these sizes the consistency proof must be empty; fetch it again")
        if not compare_digest(old_root, EMPTY_ROOT if old_size == 0 else root):
            raise ProofInvalid(f"the old root is not the one of a tree of {old_size} entries")
        return
    found_old, found = _climb(old_size, size, old_root, proof)
    if not compare_digest(found_old, old_root):
        raise ProofInvalid(f"the log of {size} entries does not begin with the {old_size} entries of the old head")
    if not compare_digest(found, root):
        raise ProofInvalid(f"the consistency proof does not lead to the root of the tree of {size} entries")


def _climb(old_size: int, size: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees as the proof gives them."""
    # Where the old tree is complete, its root is the first node of the path and is left out of the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        raise ProofInvalid("the consistency proof is empty; fetch it again")
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long for the trees' sizes; fetch it again")
        if at & 1 or at == last:
            old, new = hash_children(sibling, old), hash_children(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = hash_children(new, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the consistency proof is too short for the trees' sizes; fetch it again")
    return old, new


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid(f"a hash is not of {HASH_BYTES} bytes")
