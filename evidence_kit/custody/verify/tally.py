"""Counting what was checked and collecting every defect, within bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.check import MAX_DEFECTS, Check, CheckStatus, Defect

# The order of design and of reports.
ORDER = (
    "trust", "log", "custody", "case", "seal", "timestamp", "tagmanifest", "manifest", "files", "attestations",
    "ledger", "units", "proofs", "runs", "disclosure", "renewal", "layout",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """One question: how often it was answered well, each time it was not, and what was left unasked."""

    id: str
    passed: int = 0
    notes: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    more: int = 0

    def fail(self, error: EvidenceKitError, subject: str, **facts: str) -> None:
        """Keep what `error` says about `subject` as a defect."""
        self.keep(Defect(verdict=error.exit, subject=subject, message=error.message, facts=tuple(facts.items())))

    def keep(self, defect: Defect) -> None:
        """Keep a defect; beyond MAX_DEFECTS only count."""
        if len(self.defects) < MAX_DEFECTS:
            self.defects.append(defect)
        else:
            self.more += 1

    @contextmanager
    def asking(self, subject: str) -> Iterator[None]:
        """Count the block as passed, or keep what it raised as a defect about `subject`."""
        try:
            yield
        except EvidenceKitError as error:
            self.fail(error, subject)
        else:
            self.passed += 1

    def check(self) -> Check:
        """Return the answer."""
        status = CheckStatus.FAIL if self.defects else CheckStatus.PASS if self.passed else CheckStatus.NOT_CHECKED
        said = self.notes if status is not CheckStatus.NOT_CHECKED else self.unasked
        return Check(
            id=self.id,
            status=status,
            summary="; ".join(dict.fromkeys(said)),
            defects=tuple(self.defects),
            more_defects=self.more,
        )


class Tallies:
    """All questions of one verification."""

    def __init__(self) -> None:
        self._all = {name: Tally(name) for name in ORDER}

    def __getitem__(self, name: str) -> Tally:
        return self._all[name]

    def checks(self) -> tuple[Check, ...]:
        """Return every question that was asked or should have been, in order."""
        return tuple(t.check() for t in self._all.values() if t.passed or t.defects or t.unasked)

    def unasked(self) -> tuple[str, ...]:
        """Return what was not checked although something else in its check was."""
        return tuple(
            f"{t.id}: {text}"
            for t in self._all.values()
            if t.passed or t.defects
            for text in dict.fromkeys(t.unasked)
        )
