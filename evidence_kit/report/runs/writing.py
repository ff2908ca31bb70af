"""Writes what a `report` step of a playbook asks for, into files that live until the engine has kept them."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.minimise import Minimiser
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import read_clocks
from evidence_kit.analysis.timeline.opening import opened
from evidence_kit.errors import EvidenceKitError, UsageError
from evidence_kit.playbook.run.asking import tables_of
from evidence_kit.playbook.run.play import Play
from evidence_kit.report.case import markdown, page, plain
from evidence_kit.report.case.doings import Incident
from evidence_kit.report.case.incident import read_incident
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.reading import Beside, read_case
from evidence_kit.report.runs.audience import INTERNAL, Sieve, said_of
from evidence_kit.report.runs.reading import read_runs


def _lines(made: CaseReport) -> Iterator[str]:
    return (f"{line}\n" for line in markdown.lines(made))


WRITERS: Mapping[str, Callable[[CaseReport], Iterator[str]]] = {
    "html": page.pieces,
    "md": _lines,
    "json": plain.pieces,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes reports of the case that a run works on; `key` gives the key of pseudonyms when one is needed."""

    key: Callable[[], bytes]

    def __call__(self, asked: Mapping[str, Any]) -> Iterator[Path]:
        """Yield a file for each format; UsageError, once all others are written, for formats that nothing writes.

        A file is there until the next is asked for.
        """
        made = self._made(asked["run"], str(asked["title"]), str(asked["audience"]))
        formats = dict.fromkeys(asked["formats"])
        with tempfile.TemporaryDirectory(prefix="report.") as folder:
            for form in formats:
                if form in WRITERS:
                    path = Path(folder) / f"report.{form}"
                    with path.open("x", encoding="utf-8", newline="\n") as stream:
                        stream.writelines(WRITERS[form](made))
                    yield path
                    path.unlink()
        if missing := [form for form in formats if form not in WRITERS]:
            kept = ", ".join(f"`{form}`" for form in formats if form in WRITERS) or "nothing"
            raise UsageError(
                f"nothing here writes a report as `{missing[0]}`; {kept} was written",
                hint="print the page (`html`) from a browser",
            )

    def _made(self, play: Play, title: str, audience: str) -> CaseReport:
        if play.tools.verify is None:
            raise UsageError(
                "a report says whether the case stands, by a trust policy", hint="give one with `--trust`"
            )
        vault = play.engine.vault
        judged = play.tools.verify()
        sieve = None if audience == INTERNAL else self._sieve(play)
        incident = _incident(play, sieve)
        found = read_runs(vault)
        beside = Beside(
            incident=replace(incident, asked=said_of(play.playbook.policy, audience)),
            clocks=play.tools.clocks.clocks if play.tools.clocks is not None else {},
            runs=found.runs,
            unread=found.unread,
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


def _incident(play: Play, sieve: Sieve | None) -> Incident:
    """Return the time line; for others there is no report where there are no tables to know what to take out."""
    vault = play.engine.vault
    try:
        tables = tables_of(play)
        clocks = read_clocks(vault, tables.case)
        with opened([tables], clocks) as evidence:
            shown = evidence if sieve is None else sieve.over(evidence)
            return read_incident(shown, Asked(), read_coverage(vault).span)
    except EvidenceKitError as error:
        if sieve is not None:
            raise
        return Incident(absent=error.message)
