"""Time to sealed evidence: from the order, the start of a run, the request, and from awareness if it is recorded."""

from dataclasses import replace

import pytest
from support.case_reports import run

from evidence_kit.analysis.history import Told
from evidence_kit.custody import log
from evidence_kit.custody.log import State
from evidence_kit.report.case.holding import Acquisition
from evidence_kit.report.case.journal import Journal
from evidence_kit.report.portfolio.timing import spans

SEALED = Acquisition(
    id="20261121T213000Z-aaaaaa", bag="bags/a", started_at="2026-11-21T21:30:00Z", sealed_at="2026-11-21T22:00:00Z",
    sealed_by="", keyid="", seal_sha256="", artifacts=0, bytes=0, artifacts_root="", ledger_lines=0, units=0,
    units_missing=0, tool="", sources=("aws.x", "aws.y"), window="", note="",
)  # fmt: skip
REQUEST = {"request": {"id": "R-1", "partner": {"id": "acme", "name": "Acme"}}}
RECEIPT = {"receipt": {"request": "R-1"}}


def told(*events) -> Journal:
    """Return a journal of events: each a type, a time and its fields."""
    made = tuple(
        Told(seq=seq, at=at, type=kind, actor="", keyid="", summary="", fields=fields)
        for seq, (kind, at, fields) in enumerate(events)
    )
    return Journal(events=(), told=made, state=State(), unread=())


def found(journal, acquisitions=(), runs=()):
    return [(one.kind, one.name, one.seconds, one.from_aware) for one in spans(journal, acquisitions, runs)]


def test_each_source_of_an_acquisition_waits_until_its_seal() -> None:
    assert found(told(), (SEALED,)) == [("source", "aws.x", 1_800, None), ("source", "aws.y", 1_800, None)]


def test_an_acquisition_without_a_seal_has_not_been_waited_for() -> None:
    assert found(told(), (replace(SEALED, sealed_at=""),)) == []


def test_a_run_waits_from_its_start_to_the_last_seal_of_its_steps() -> None:
    assert found(told(), (replace(SEALED, sources=()),), (run(),)) == [("playbook", run().playbook, 1_800, None)]


def test_a_run_that_sealed_nothing_is_not_counted() -> None:
    assert found(told(), (), (run(),)) == []


def test_a_partner_waits_for_nothing_after_the_first_delivery() -> None:
    journal = told(
        (log.REQUESTED, "2026-11-21T10:00:00Z", REQUEST),
        (log.RECEIVED, "2026-11-21T11:00:00Z", RECEIPT),
        (log.RECEIVED, "2026-11-22T11:00:00Z", RECEIPT),
    )
    assert found(journal) == [("partner", "Acme", 3_600, None)]


def test_awareness_is_the_earliest_that_a_person_has_said() -> None:
    journal = told(
        (log.CLOCK_STARTED, "2026-11-21T21:00:00Z", {"clock": {"startsAt": "2026-11-21T20:00:00Z"}}),
        (log.CLOCK_STARTED, "2026-11-21T21:00:00Z", {"clock": {"startsAt": "2026-11-21T19:00:00Z"}}),
    )
    assert {aware for *_, aware in found(journal, (SEALED,))} == {3 * 3_600}


@pytest.mark.parametrize("at", ["2026-11-21T23:00:00Z", "nonsense", 7])
def test_a_time_that_makes_no_sense_is_not_measured(at) -> None:
    assert found(told(), (replace(SEALED, started_at=str(at)),)) == []
