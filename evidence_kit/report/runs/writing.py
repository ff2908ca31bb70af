"""Writes what a `report` step of a playbook asks for, into files that live until the engine has kept them."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evidence_kit.analysis.minimise import Minimiser
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import read_clocks
from evidence_kit.analysis.timeline.opening import opened
from evidence_kit.errors import EvidenceKitError, UsageError
from evidence_kit.model.time import Window
from evidence_kit.playbook.run.asking import tables_of
from evidence_kit.playbook.run.play import Play
from evidence_kit.report.case import markdown, page, plain
from evidence_kit.report.case.doings import Incident
from evidence_kit.report.case.holdings import walk
from evidence_kit.report.case.incident import read_incident
from evidence_kit.report.case.journal import read_journal
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.reading import Beside, read_case
from evidence_kit.report.documents import pdf, whole
from evidence_kit.report.runs.audience import INTERNAL, Sieve, said_of
from evidence_kit.report.runs.reading import read_runs


def _html(made: CaseReport) -> Iterator[bytes]:
    return (piece.encode() for piece in page.pieces(made))


def _md(made: CaseReport) -> Iterator[bytes]:
    return (f"{line}\n".encode() for line in markdown.lines(made))


def _json(made: CaseReport) -> Iterator[bytes]:
    return (piece.encode() for piece in plain.pieces(made))


def _pdf(made: CaseReport) -> Iterator[bytes]:
    yield pdf.render(whole.document(made))


WRITERS: Mapping[str, Callable[[CaseReport], Iterator[bytes]]] = {
    "html": _html,
    "md": _md,
    "json": _json,
    "pdf": _pdf,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes reports of the case that a run works on; `key` gives the key of pseudonyms when one is needed."""

    key: Callable[[], bytes]

    def __call__(self, asked: Mapping[str, Any]) -> Iterator[Path]:
        """Yield a file for each format; UsageError, once all others are written, for one that cannot be.

        A file is there until the next is asked for.
        """
        made = self._made(asked["run"], str(asked["title"]), str(asked["audience"]))
        kept: list[str] = []
        failed: dict[str, UsageError] = {}
        with tempfile.TemporaryDirectory(prefix="report.") as folder:
            for form in dict.fromkeys(asked["formats"]):
                path = Path(folder) / f"report.{form}"
                try:
                    with path.open("xb") as stream:
                        stream.writelines(WRITERS[form](made))
                except UsageError as error:  # what a format needs is not installed
                    failed[form] = error
                    continue
                yield path
                path.unlink()
                kept.append(f"`{form}`")
        for form, why in failed.items():
            said = f"no report as `{form}`: {why.message}; {', '.join(kept) or 'nothing'} was written"
            raise UsageError(said, hint=why.hint) from why

    def _made(self, play: Play, title: str, audience: str) -> CaseReport:
        if play.tools.verify is None:
            raise UsageError(
                "a report says whether the case stands, by a trust policy", hint="give one with `--trust`"
            )
        vault = play.engine.vault
        judged = play.tools.verify()
        sieve = None if audience == INTERNAL else self._sieve(play)
        walked = walk(vault, read_journal(vault).roots)
        incident = _incident(play, sieve, walked.coverage.span)
        found = read_runs(vault)
        beside = Beside(
            incident=replace(incident, asked=said_of(play.playbook.policy, audience)),
            clocks=play.tools.clocks.clocks if play.tools.clocks is not None else {},
            runs=found.runs,
            unread=found.unread,
            walked=walked,
        )
        made = read_case(vault, report=judged, now=play.now(), specs=play.tools.specs, beside=beside)
        made = sieve.report(made) if sieve is not None else made
        return replace(made, title=title) if title else made

    def _sieve(self, play: Play) -> Sieve | None:
        """Return what minimises for others; nothing where the playbook's policy takes nothing out."""
        policy = play.playbook.policy
        if not policy.drop and not policy.pseudonymise:
            return None
        return Sieve(Minimiser(policy.drop, policy.pseudonymise, self.key() if policy.pseudonymise else b""))


def _incident(play: Play, sieve: Sieve | None, span: Window | None) -> Incident:
    """Return the time line; for others there is no report where there are no tables to know what to take out."""
    vault = play.engine.vault
    try:
        tables = tables_of(play)
        clocks = read_clocks(vault, tables.case)
        with opened([tables], clocks) as evidence:
            shown = evidence if sieve is None else sieve.over(evidence)
            return read_incident(shown, Asked(), span)
    except EvidenceKitError as error:
        if sieve is not None:
            raise
        return Incident(absent=error.message)
