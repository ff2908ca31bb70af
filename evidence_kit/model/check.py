"""What a verification found: one `Check` a question, never a bare boolean."""

from dataclasses import dataclass
from enum import StrEnum

from evidence_kit.errors import EvidenceKitError, Exit


class CheckStatus(StrEnum):
    """The answer. Absence of proof is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong, where, and which verdict it carries."""

    verdict: Exit
    subject: str
    message: str
    facts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, error: EvidenceKitError, subject: str) -> "Defect":
        """Turn a raised error into a defect about `subject`."""
        return cls(verdict=error.exit, subject=subject, message=error.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question put to the evidence: passed with a summary, failed with defects, or not checked and why."""

    id: str
    status: CheckStatus
    summary: str
    defects: tuple[Defect, ...] = ()
    more_defects: int = 0  # counted beyond MAX_DEFECTS, not listed


# A bag of a million altered files must not make a report of a million entries.
MAX_DEFECTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one verification. An empty report is a failure."""

    subject: str
    checks: tuple[Check, ...]
    missing_units: int = 0
    unsealed: int = 0
    unasked: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()  # hand-overs that were offered and not answered

    @property
    def defects(self) -> tuple[Defect, ...]:
        """Every defect of every check."""
        return tuple(defect for check in self.checks for defect in check.defects)

    @property
    def authentic(self) -> bool:
        """Whether at least one check passed and none failed."""
        return any(c.status is CheckStatus.PASS for c in self.checks) and not any(
            c.status is CheckStatus.FAIL for c in self.checks
        )

    def exit(self, *, require_complete: bool = False) -> Exit:
        """Return the verdict: the lowest defect code; else EMPTY, INCOMPLETE or OK.

        An acquisition without a seal is INCOMPLETE; units never obtained and hand-overs never answered are so if the
        caller asks for them.
        """
        if self.defects:
            return min(defect.verdict for defect in self.defects)
        if any(check.status is CheckStatus.FAIL for check in self.checks):
            return Exit.INTERNAL
        if not any(check.status is CheckStatus.PASS for check in self.checks):
            return Exit.EMPTY
        partial = self.unsealed or (require_complete and (self.missing_units or self.pending))
        return Exit.INCOMPLETE if partial else Exit.OK
