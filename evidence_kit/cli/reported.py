"""What a report takes from elsewhere than the case: time line and answers, from tables."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.errors import EvidenceKitError

if TYPE_CHECKING:
    from evidence_kit.analysis.tables.derive import Tables
    from evidence_kit.analysis.timeline.asked import Asked
    from evidence_kit.model.time import Window
    from evidence_kit.report.case.doings import Incident
    from evidence_kit.report.case.model import Answer
    from evidence_kit.report.case.reading import Beside
    from evidence_kit.vaults.registry import Subject


def told(
    subject: "Subject", asked: "Asked | None", questions: Sequence[str], work: Path | None, *, now: datetime
) -> "Beside":
    """Return it; where tables cannot be made, why, for a broken case has a report too."""
    from evidence_kit.report.case.doings import Incident
    from evidence_kit.report.case.holdings import walk
    from evidence_kit.report.case.journal import read_journal
    from evidence_kit.report.case.model import Unread
    from evidence_kit.report.case.reading import Beside

    if asked is None and not questions:
        return Beside(incident=Incident(absent="`--no-timeline` left it out"))
    try:
        tables = _tables(subject, work)
    except EvidenceKitError as error:
        lost = [Unread(f"the answer to `{one[:200]}`", error.message) for one in questions]
        return Beside(incident=Incident(absent=error.message), unread=lost)
    answers = [_answer(tables, text, now) for text in questions]
    if asked is None:
        return Beside(incident=Incident(absent="`--no-timeline` left it out"), answers=answers)
    walked = walk(subject.vault, read_journal(subject.vault).roots)
    return Beside(incident=_incident(subject, tables, asked, walked.coverage.span), answers=answers, walked=walked)


def _tables(subject: "Subject", work: Path | None) -> "list[Tables]":
    """Bring the tables of the case up to date; of one that is no folder every artifact is read through its vault."""
    from evidence_kit.analysis.tables.derive import derive, open_case
    from evidence_kit.cli.query import derived, tables_folder
    from evidence_kit.sources.catalogue import load_catalogue

    if Path(subject.base).is_dir():
        return derived([Path(subject.base)], work)
    return [derive(open_case(subject.vault), tables_folder(work), load_catalogue())]


def _incident(subject: "Subject", tables: "Sequence[Tables]", asked: "Asked", span: "Window | None") -> "Incident":
    from evidence_kit.analysis.timeline.clocks import read_clocks
    from evidence_kit.analysis.timeline.opening import opened
    from evidence_kit.report.case.incident import read_incident

    clocks = read_clocks(subject.vault, tables[0].case)
    with opened(tables, clocks) as evidence:
        return read_incident(evidence, asked, span)


def _answer(tables: "Sequence[Tables]", text: str, now: datetime) -> "Answer":
    from evidence_kit.analysis.pivots.loading import load_pivots
    from evidence_kit.analysis.tables.asking import Limits, Question
    from evidence_kit.report.case.incident import read_answer

    limits = Limits(threads=min(4, os.cpu_count() or 1))
    saved = load_pivots().get(text)
    if saved is None:
        return read_answer(tables, "A question", Question(text), limits)
    return read_answer(tables, saved.question, Question(saved.sql, saved.bind({}, now=now)), limits)
