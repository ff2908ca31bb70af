"""The streaming prover says what the plain recursive one says, in one pass and little memory."""

import hashlib
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import merkle
from evidence_kit.custody.merkle import Frontier, Prover
from evidence_kit.errors import ChainError

MOST = 70
ENTRIES = [b"entry %d" % n for n in range(MOST)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def prover_over(entries, indices):
    prover = Prover(indices)
    for entry in entries:
        prover.add(entry)
    return prover


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_of_every_small_tree_gets_the_proof_of_the_rfc(size):
    prover = prover_over(ENTRIES[:size], range(size))

    assert prover.root() == merkle.root_of(LEAVES[:size])
    for index in range(size):
        assert prover.proof(index) == merkle.inclusion_proof(index, LEAVES[:size])
        merkle.verify_inclusion(ENTRIES[index], index, size, prover.proof(index), prover.root())


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_a_leaf_chosen_alone_gets_the_same_proof_as_among_others(size):
    for index in range(size):
        assert prover_over(ENTRIES[:size], [index]).proof(index) == merkle.inclusion_proof(index, LEAVES[:size])


@given(st.integers(1, 3000), st.data())
def test_chosen_leaves_of_larger_trees_get_the_proof_of_the_rfc(size, data):
    entries = [b"%d" % n for n in range(size)]
    chosen = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=8))
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    prover = prover_over(entries, chosen)

    for index in chosen:
        assert prover.proof(index) == merkle.inclusion_proof(index, leaves)


def test_proofs_follow_the_tree_as_it_grows():
    prover = Prover([3])
    for size, entry in enumerate(ENTRIES, start=1):
        prover.add(entry)
        if size > 3:
            assert prover.proof(3) == merkle.inclusion_proof(3, LEAVES[:size])


@pytest.mark.parametrize("index", [-1, 4, 7, 70])
def test_a_leaf_that_was_not_chosen_or_is_not_there_has_no_proof(index):
    prover = prover_over(ENTRIES[:7], [2, 7, -1])

    with pytest.raises(ChainError):
        prover.proof(index)


def test_the_root_of_nothing_is_the_one_of_the_empty_tree():
    assert Prover([]).root() == Frontier().root() == hashlib.sha256(b"").digest()


@pytest.mark.slow
def test_memory_grows_with_what_is_chosen_and_not_with_the_tree():
    chosen = random.Random(7).sample(range(200_000), 20)
    tracemalloc.start()
    prover, frontier = Prover(chosen), Frontier()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(200_000):
        entry = b"%d" % number
        prover.add(entry)
        frontier.add(entry)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert used < 100_000
    assert prover.root() == frontier.root()
    merkle.verify_inclusion(b"%d" % chosen[0], chosen[0], 200_000, prover.proof(chosen[0]), frontier.root())
