import hashlib

import pytest

from evidence_kit.custody import merkle
from evidence_kit.custody.merkle import Frontier
from evidence_kit.errors import ChainError

MOST = 70
ENTRIES = [b"entry %d" % n for n in range(MOST)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def sha256(data):
    return hashlib.sha256(data).digest()


def plain_root(entries):
    """RFC 6962 section 2.1, word for word."""
    if not entries:
        return sha256(b"")
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0])
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + plain_root(entries[:k]) + plain_root(entries[k:]))


ROOTS = [plain_root(ENTRIES[:size]) for size in range(MOST + 1)]


def test_the_root_of_the_empty_tree_is_the_one_of_the_rfc():
    assert Frontier().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_are_those_of_the_certificate_transparency_test_vectors():
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = Frontier()
    for entry in inputs:
        tree.add(bytes.fromhex(entry))
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_frontier_agrees_with_the_definition_at_every_size():
    tree = Frontier()
    for size in range(MOST + 1):
        assert (tree.size, tree.root()) == (size, ROOTS[size])
        assert merkle.root_of(LEAVES[:size]) == ROOTS[size]
        if size < MOST:
            tree.add(ENTRIES[size])


def test_every_inclusion_proof_verifies():
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, LEAVES[:size])
            merkle.verify_inclusion(ENTRIES[index], index, size, proof, ROOTS[size])


def test_every_mutated_inclusion_proof_fails():
    for size in range(1, 34):
        for index in range(size):
            proof = merkle.inclusion_proof(index, LEAVES[:size])
            for bad in mutations(proof):
                with pytest.raises(ChainError):
                    merkle.verify_inclusion(ENTRIES[index], index, size, bad, ROOTS[size])


def mutations(proof):
    yield [*proof, b"\0" * 32]
    yield [b"\0" * 32, *proof]
    for position in range(len(proof)):
        yield proof[:position] + proof[position + 1 :]
        yield [*proof[:position], bytes([proof[position][0] ^ 1]) + proof[position][1:], *proof[position + 1 :]]
    if len(proof) > 1:
        yield proof[::-1]


def test_an_inclusion_proof_holds_for_its_entry_place_and_size_only():
    proof = merkle.inclusion_proof(3, LEAVES[:11])
    for entry, index, size in [(ENTRIES[4], 3, 11), (ENTRIES[3], 4, 11), (ENTRIES[3], 3, 7), (ENTRIES[3], 3, 70)]:
        with pytest.raises(ChainError):
            merkle.verify_inclusion(entry, index, size, proof, ROOTS[11])


def test_a_node_is_not_accepted_as_an_entry():
    node = LEAVES[0] + LEAVES[1]
    with pytest.raises(ChainError):
        merkle.verify_inclusion(node, 0, 2, merkle.inclusion_proof(2, LEAVES[:4]), ROOTS[4])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_an_entry_outside_the_tree_is_refused(index, size):
    with pytest.raises(ChainError, match="lies outside"):
        merkle.verify_inclusion(b"x", index, size, [], ROOTS[size])


def test_every_consistency_proof_verifies():
    for size in range(MOST + 1):
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, LEAVES[:size])
            merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)


def test_every_mutated_consistency_proof_fails():
    for size in range(34):
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, LEAVES[:size])
            for bad in mutations(proof):
                with pytest.raises(ChainError):
                    merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], bad)


def test_no_consistency_proof_joins_other_roots():
    for size in range(1, 20):
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, LEAVES[:size])
            for old_root, root in [(b"\0" * 32, ROOTS[size]), (ROOTS[old], b"\0" * 32)]:
                if old == 0 and old_root == ROOTS[0]:
                    continue  # everything extends nothing
                with pytest.raises(ChainError):
                    merkle.verify_consistency(old, old_root, size, root, proof)


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 4)])
def test_a_log_that_shrank_is_refused(old, new):
    with pytest.raises(ChainError, match="shrank"):
        merkle.verify_consistency(old, ROOTS[5], new, ROOTS[new], [])


@pytest.mark.parametrize("level", [0, 1, 3])
def test_subtrees_give_the_root_of_their_entries(level):
    width = 1 << level
    for size in range(MOST // width + 1):
        tree = Frontier()
        for start in range(0, size * width, width):
            if start % 3:
                tree.add_subtree(merkle.root_of(LEAVES[start : start + width]), level)
            else:
                for entry in ENTRIES[start : start + width]:
                    tree.add(entry)
        assert (tree.size, tree.root()) == (size * width, ROOTS[size * width])


def test_a_subtree_stands_only_where_one_can():
    tree = Frontier()
    tree.add(b"x")
    with pytest.raises(ChainError, match="does not fit behind 1"):
        tree.add_subtree(bytes(32), 1)
