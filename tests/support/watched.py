"""A vault that counts how often each file of a case is opened."""

from collections import Counter
from pathlib import Path

from evidence_kit.custody import bag
from evidence_kit.vaults.local import LocalVault


class Watched(LocalVault):
    """Counts, and reads as any other."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: Counter = Counter()

    def open(self, path):
        self.opened[path] += 1
        return super().open(path)

    def ledgers(self) -> dict[str, int]:
        """Return how often each ledger was opened."""
        return {path: count for path, count in self.opened.items() if path.endswith(bag.LEDGER)}
