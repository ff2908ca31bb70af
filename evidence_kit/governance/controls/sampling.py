r"""A sample that anybody can draw again: the smallest SHA-256 digests of a seed and each name.

Whoever sees the names before choosing a seed can choose the sample: let the auditor give it. In a shell:

    while IFS= read -r item; do
      printf '%s %s\n' "$(printf '%s\n%s' "$SEED" "$item" | sha256sum | cut -c1-64)" "$item"
    done < population.txt | LC_ALL=C sort | head -n 25 | cut -c66-
"""

import hashlib
import heapq
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from evidence_kit.errors import UsageError

USUAL = 25  # what auditors commonly take of a control that works many times a day
MAX_SEED = 200


@dataclass(frozen=True, slots=True)
class Population:
    """All names that a sample is drawn from, each on a line, in order."""

    names: tuple[str, ...]

    @property
    def text(self) -> bytes:
        """Return it as a file."""
        return "".join(f"{name}\n" for name in self.names).encode()

    @property
    def sha256(self) -> str:
        """Return the digest of that file."""
        return hashlib.sha256(self.text).hexdigest()

    def sample(self, seed: str, size: int) -> tuple[str, ...]:
        """Return `size` names, or all where there are fewer, in the order of their digests."""
        return tuple(heapq.nsmallest(size, self.names, key=lambda name: (_digest(seed, name), name.encode())))


def population(names: Iterable[str]) -> Population:
    """Return the population of some names, each once."""
    return Population(tuple(sorted({one_line(name) for name in names}, key=str.encode)))


def one_line(name: str) -> str:
    """Return a name that stays on its line: whoever names a log stream must not add lines to a population."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode()
        if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"}
        else char
        for char in name
    )


def require_seed(seed: str) -> str:
    """Return a seed that a shell takes as it stands."""
    if not seed or len(seed) > MAX_SEED or not (seed.isascii() and seed.isprintable()):
        raise UsageError(f"a seed is 1 to {MAX_SEED} printable ASCII characters")
    return seed


def _digest(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
