"""A verification as every format tells it: no exit code without a finding that explains it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus, Defect, Report
from evidence_kit.report.verdict.text import Place, place

COMPLETE = "complete"  # the check that `verify` makes of the whole: sealed, and every unit obtained


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One defect, which check found it, and where."""

    check: str
    defect: Defect
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A report, its verdict, and where the verified folder lies for whoever reads the document.

    `base` is the folder that subjects are relative to: relative to the reader's own root, or absolute; `/` separates.
    """

    report: Report
    code: Exit
    headline: str
    base: str = "."
    require_complete: bool = False

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check, one on the whole last; each that failed has a defect, each uncounted defect is mentioned."""
        checks = tuple(self._told(check) for check in self.report.checks)
        return (*checks, self._complete())

    @property
    def findings(self) -> Iterator[Finding]:
        """Every defect with its place."""
        for check in self.checks:
            for defect in check.defects:
                where = None if defect.subject == self.report.subject else place(defect.subject)
                yield Finding(check=check.id, defect=defect, place=where)

    @property
    def open_questions(self) -> tuple[tuple[str, str], ...]:
        """What was not checked, as check and reason."""
        whole = ((c.id, c.summary or "not checked") for c in self.checks if c.status is CheckStatus.NOT_CHECKED)
        parts = (text.partition(": ") for text in self.report.unasked)
        return (*whole, *((name, said) if said else (COMPLETE, name) for name, _, said in parts))

    def located(self, where: Place) -> str:
        """Return the path of `where` as the reader names it."""
        return where.path if self.base == "." else f"{self.base.rstrip('/')}/{where.path}"

    def _told(self, check: Check) -> Check:
        defects = check.defects
        if check.status is CheckStatus.FAIL and not defects:
            defects = (self._defect(Exit.INTERNAL, check.summary or "failed without saying why"),)
        if check.more_defects:
            verdict = defects[0].verdict if defects else Exit.INTERNAL
            said = f"{check.more_defects:,} more defects of check `{check.id}` are not listed"
            defects = (*defects, self._defect(verdict, said))
        status = CheckStatus.FAIL if defects else check.status
        return replace(check, status=status, defects=defects)

    def _complete(self) -> Check:
        """Ask whether there is a case, sealed, and all of it."""
        report, wrong = self.report, []
        if not report.defects and all(check.status is CheckStatus.NOT_CHECKED for check in report.checks):
            wrong.append(self._defect(Exit.EMPTY, "nothing was checked"))
        if report.unsealed:
            wrong.append(self._defect(Exit.INCOMPLETE, _count(report.unsealed, "acquisition is", "not sealed")))
        if self.require_complete:
            wrong += [self._defect(Exit.INCOMPLETE, said) for said in self._partial()]
        if wrong:
            said = "; ".join(defect.message for defect in wrong)
            return Check(id=COMPLETE, status=CheckStatus.FAIL, summary=said, defects=tuple(wrong))
        if partial := "; ".join(self._partial()):
            return Check(id=COMPLETE, status=CheckStatus.NOT_CHECKED, summary=f"{partial}; `--require-complete`")
        if not report.authentic:
            said = "what is broken may hide what is missing"
            return Check(id=COMPLETE, status=CheckStatus.NOT_CHECKED, summary=said)
        return Check(id=COMPLETE, status=CheckStatus.PASS, summary="sealed, and every unit was obtained in full")

    def _partial(self) -> Iterator[str]:
        """Yield what only `--require-complete` makes a defect."""
        if self.report.missing_units:
            yield _count(self.report.missing_units, "unit was", "not obtained in full (see coverage)")
        for handover in self.report.pending:
            yield f"a hand-over was not answered: {handover}"

    def _defect(self, verdict: Exit, message: str) -> Defect:
        return Defect(verdict=verdict, subject=self.report.subject, message=message)


def _count(count: int, words: str, rest: str) -> str:
    """Return `1 unit was …`, `2 units were …`."""
    if count != 1:
        noun, verb = words.split()
        words = f"{noun}s {'are' if verb == 'is' else 'were'}"
    return f"{count:,} {words} {rest}"
