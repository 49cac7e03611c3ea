import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicehive.audit.errors import ProofInvalid
from voicehive.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    consistency_path,
    hash_children,
    hash_leaf,
    inclusion_path,
    join_subtrees,
)
from voicehive.audit.proofs import verify_consistency, verify_inclusion

# The leaves and roots of certificate-transparency's own tests (google/certificate-transparency, merkle_tree_test.cc).
LEAVES = [bytes.fromhex(one) for one in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def grow(leaf_hashes: list[bytes]) -> tuple[list[Frontier], list[bytes]]:
    trees, nodes = [Frontier()], list[bytes]()
    for leaf_hash in leaf_hashes:
        tree, (completed,) = trees[-1].extend([leaf_hash])
        trees.append(tree)
        nodes.append(completed)
    return trees, nodes


def proof_of(path: list[list[Node]], nodes: list[bytes]) -> list[bytes]:
    return [join_subtrees([node.cut(nodes[node.last_leaf]) for node in place]) for place in path]


def root_by_definition(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = max(1 << power for power in range(20) if 1 << power < len(hashes))
    return hash_children(root_by_definition(hashes[:middle]), root_by_definition(hashes[middle:]))


def path_by_definition(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    middle = max(1 << power for power in range(20) if 1 << power < len(hashes))
    left, right = hashes[:middle], hashes[middle:]
    if index < middle:
        return [*path_by_definition(index, left), root_by_definition(right)]
    return [*path_by_definition(index - middle, right), root_by_definition(left)]


def test_roots_are_the_ones_of_certificate_transparency() -> None:
    trees, _ = grow([hash_leaf(leaf) for leaf in LEAVES])
    assert [tree.root().hex() for tree in trees] == ROOTS


def test_the_example_proofs_of_rfc_6962() -> None:
    """Section 2.1.3: the tree of seven leaves, its nodes named as there."""
    a, b, c, d, e, f, j = (hash_leaf(bytes([number])) for number in range(7))
    g, h, i = hash_children(a, b), hash_children(c, d), hash_children(e, f)
    k, l_ = hash_children(g, h), hash_children(i, j)
    trees, nodes = grow([a, b, c, d, e, f, j])
    inclusion = {0: [b, h, l_], 3: [c, g, l_], 4: [f, j, k], 6: [i, k]}
    for index, expected in inclusion.items():
        assert proof_of(inclusion_path(index, 7), nodes) == expected
    consistency = {3: [c, d, g, l_], 4: [l_], 6: [i, j, k]}
    for old, expected in consistency.items():
        assert proof_of(consistency_path(old, 7), nodes) == expected
    assert trees[7].root() == hash_children(k, l_)


def test_every_inclusion_proof_of_every_small_tree_is_the_defined_one_and_verifies() -> None:
    hashes = [hash_leaf(bytes([number])) for number in range(40)]
    trees, nodes = grow(hashes)
    for size in range(1, 41):
        assert trees[size].root() == root_by_definition(hashes[:size])
        for index in range(size):
            proof = proof_of(inclusion_path(index, size), nodes)
            assert proof == path_by_definition(index, hashes[:size])
            verify_inclusion(index, size, hashes[index], proof, trees[size].root())


def test_every_consistency_proof_between_small_trees_verifies() -> None:
    trees, nodes = grow([hash_leaf(bytes([number])) for number in range(40)])
    for size in range(41):
        for old in range(size + 1):
            proof = proof_of(consistency_path(old, size), nodes)
            verify_consistency(old, size, trees[old].root(), trees[size].root(), proof)


BIG, BIG_NODES = grow([hash_leaf(number.to_bytes(4, "big")) for number in range(3_000)])


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_inclusion_proof_verifies_after_any_change(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3_000))
    index = data.draw(st.integers(0, size - 1))
    leaf, root = BIG_NODES[index][:32], BIG[size].root()
    proof = proof_of(inclusion_path(index, size), BIG_NODES)
    verify_inclusion(index, size, leaf, proof, root)
    parts = [leaf, root, *proof]
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flip(parts[part], bit)
    other = data.draw(st.integers(0, 4_000).filter(lambda number: number != index))
    for changed in (
        (index, size, parts[0], parts[2:], parts[1]),
        (other, size, leaf, proof, root),
        (index, size, leaf, [*proof, root], root),
        (index, size, leaf, proof[:-1], root if proof else flip(root, bit)),
    ):
        with pytest.raises(ProofInvalid):
            verify_inclusion(*changed)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_consistency_proof_verifies_after_any_change(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3_000))
    old = data.draw(st.integers(0, size))
    roots = [BIG[old].root(), BIG[size].root()]
    proof = proof_of(consistency_path(old, size), BIG_NODES)
    verify_consistency(old, size, *roots, proof)
    # The root of an empty tree is consistent with everything, so that only the old root can be wrong there.
    parts = [roots[0], *roots[1 : 2 if old else 1], *proof]
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flip(parts[part], bit)
    changed_roots, changed_proof = (parts[:2], parts[2:]) if old else ([parts[0], roots[1]], proof)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, size, *changed_roots, changed_proof)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, size, *roots, [*proof, roots[1]])
    with pytest.raises(ProofInvalid):
        verify_consistency(old, old - 1, *roots, proof)
    if proof:
        with pytest.raises(ProofInvalid):
            verify_consistency(old, size, *roots, proof[:-1])


def flip(content: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(content))


@given(sizes=st.lists(st.integers(0, 40), max_size=6))
def test_batches_of_any_sizes_grow_the_same_tree(sizes: list[int]) -> None:
    hashes = [BIG_NODES[index][:32] for index in range(sum(sizes))]
    tree, nodes = Frontier(), list[bytes]()
    for size in sizes:
        tree, completed = tree.extend(hashes[tree.size : tree.size + size])
        nodes += completed
    assert tree == BIG[sum(sizes)]
    assert nodes == BIG_NODES[: sum(sizes)]


def test_an_empty_tree_has_the_empty_root() -> None:
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()
    with pytest.raises(ProofInvalid):
        verify_inclusion(0, 0, EMPTY_ROOT, [], EMPTY_ROOT)
    with pytest.raises(ProofInvalid):
        verify_consistency(0, 1, hash_leaf(b""), hash_leaf(b""), [])


def test_a_proof_that_ends_below_the_root_is_refused() -> None:
    first, second = BIG_NODES[0][:32], BIG_NODES[1][:32]
    verify_inclusion(0, 2, first, [second], BIG[2].root())
    with pytest.raises(ProofInvalid, match="too short"):
        verify_inclusion(0, 4, first, [second], BIG[2].root())
    with pytest.raises(ProofInvalid, match="too short"):
        verify_consistency(2, 4, BIG[2].root(), BIG[2].root(), [])
