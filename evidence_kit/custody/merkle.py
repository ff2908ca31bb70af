"""RFC 6962 Merkle trees: append in O(log n) memory, prove inclusion, prove consistency."""

import hashlib
from collections.abc import Iterable, Sequence

from evidence_kit.errors import ChainError


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: at most 64 hashes, whatever its size."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def add(self, entry: bytes) -> None:
        """Append one entry."""
        self._append(leaf_hash(entry), self.size)
        self.size += 1

    def add_subtree(self, root: bytes, level: int) -> None:
        """Append 2^level entries by the root over them; what is there already must be a multiple of as many."""
        if self.size % (1 << level):
            raise ChainError(f"a subtree of {1 << level} entries does not fit behind {self.size}")
        self._append(root, self.size >> level)
        self.size += 1 << level

    def _append(self, node: bytes, place: int) -> None:
        while place & 1:
            node = node_hash(self._edge.pop(), node)
            place >>= 1
        self._edge.append(node)

    def root(self) -> bytes:
        """Return the root over all entries so far; SHA-256 of nothing for none."""
        if not self._edge:
            return hashlib.sha256(b"").digest()
        node = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            node = node_hash(left, node)
        return node


class Prover:
    """One pass over entries that yields inclusion proofs for chosen leaves of a tree whose size is not known before.

    Holds the tree's right edge and the siblings of the paths to the k chosen leaves: O(k log n) hashes.
    """

    def __init__(self, indices: Iterable[int]) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []  # complete subtrees from left to right, each with its level
        self._kept: dict[tuple[int, int], bytes] = {}  # by level and place
        self._paths = [
            frozenset(index for index in indices if index >= 0)
        ]  # which nodes of each level lie above a chosen leaf
        while self._paths[-1] - {0}:
            self._paths.append(frozenset(index >> 1 for index in self._paths[-1]))

    def add(self, entry: bytes) -> None:
        """Append one entry."""
        level, place, node = 0, self.size, leaf_hash(entry)
        self._keep(level, place, node)
        while place & 1:
            node = node_hash(self._edge.pop()[1], node)
            level, place = level + 1, place >> 1
            self._keep(level, place, node)
        self._edge.append((level, node))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all entries so far."""
        return self._ragged(self.size.bit_length() + 1) if self.size else hashlib.sha256(b"").digest()

    def proof(self, index: int) -> list[bytes]:
        """Return the audit path of a chosen leaf in the tree over all entries so far."""
        if index not in self._paths[0] or index >= self.size:
            raise ChainError(f"entry {index} was not chosen, or lies outside a tree of {self.size}")
        proof: list[bytes] = []
        level, place, last = 0, index, self.size - 1
        while last:
            sibling = place ^ 1
            if sibling <= last:
                is_complete = (sibling + 1) << level <= self.size
                proof.append(self._kept[level, sibling] if is_complete else self._ragged(level))
            level, place, last = level + 1, place >> 1, last >> 1
        return proof

    def _keep(self, level: int, place: int, node: bytes) -> None:
        if place ^ 1 in self._paths[min(level, len(self._paths) - 1)]:
            self._kept[level, place] = node

    def _ragged(self, below: int) -> bytes:
        """Return the last node of level `below`, whose subtree is not complete: what the edge holds under it."""
        small = [node for level, node in self._edge if level < below]
        node = small[-1]
        for left in reversed(small[:-1]):
            node = node_hash(left, node)
        return node


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes held in memory."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of leaf `index` (RFC 6962 section 2.1.1)."""
    if len(leaves) <= 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(index, leaves[:split]), root_of(leaves[split:])]
    return [*inclusion_proof(index - split, leaves[split:]), root_of(leaves[:split])]


def verify_inclusion(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ChainError unless `entry` is leaf `index` of the tree (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        raise ChainError(f"entry {index} lies outside a tree of {size}")
    position, last, node = index, size - 1, leaf_hash(entry)
    for sibling in proof:
        if last == 0:
            raise ChainError("the inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last or node != root:
        raise ChainError(f"entry {index} is not in the tree of {size}")


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree over `leaves` extends its first `old_size` leaves (RFC 6962 2.1.2)."""
    return [] if old_size in {0, len(leaves)} else _consistency(old_size, leaves, whole=True)


def _consistency(old_size: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if old_size <= split:
        return [*_consistency(old_size, leaves[:split], whole=whole), root_of(leaves[split:])]
    return [*_consistency(old_size - split, leaves[split:], whole=False), root_of(leaves[:split])]


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ChainError unless the tree `(size, root)` extends `(old_size, old_root)` (RFC 9162 2.1.4.2)."""
    if not 0 <= old_size <= size:
        raise ChainError(f"the log shrank from {old_size} to {size} entries")
    if old_size in {0, size}:
        empty = hashlib.sha256(b"").digest()
        if proof or old_root != (root if old_size else empty):
            raise ChainError(f"the log was rewritten within its first {old_size} entries")
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path or _climb(old_size, size, path) != (old_root, root):
        raise ChainError(f"the log of {size} entries does not extend the one of {old_size}")


def _climb(old_size: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the two roots that a consistency proof leads to, or None if its length does not fit."""
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return None if last else (old, new)


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
