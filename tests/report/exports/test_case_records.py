"""What is read of requests and deliveries, and how it stands in a pack."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from analysis.test_dealings import deliver
from custody.test_request import ASKED
from support.lab import Lab

from evidence_kit.acquire.received import ask
from evidence_kit.governance.controls.book import framework
from evidence_kit.governance.controls.packing import Standing, build
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.report.exports.case_records import read_records
from evidence_kit.sources.catalogue import load_catalogue

PERIOD = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
AT = datetime(2026, 12, 15, tzinfo=UTC)
NEVER = replace(ASKED, id="REQ-20261120T000001Z-0abcde")
ACME = Entry(target=Target(provider="acme", id="tenant-7", name="acme"))
FILES = ("audit_logs/a.jsonl", "access_logs/a.jsonl", "admins-1.csv", "audit_logs/b.jsonl")


@pytest.fixture
def lab(tmp_path):
    """A case with two requests to one partner."""
    made = Lab(tmp_path / "case", ASKED.window).open()
    with made.vault.lock(), made.vault.working():
        for one in (ASKED, NEVER):
            ask(made.keeper, one, b"text", "request", at=made.now())
    return made


def records(lab):
    return read_records([lab.vault], period=PERIOD, at=AT, specs=load_catalogue(), entries=[ACME])


def answered(lab):
    made = build(framework("nist-csf"), records(lab), seed="s", size=5)
    return next(row for row in made.rows if row.fact == "requests_answered")


def test_a_request_is_told_with_its_deadline_and_its_answer(lab, tmp_path) -> None:
    first, second = records(lab).answers
    assert (first.request, first.provider, first.target) == (ASKED.id, "acme", "tenant-7")
    assert first.due == datetime(2026, 12, 2, tzinfo=UTC)  # its last day counts
    assert (first.answered_at, second.request, second.answered_at) == (None, NEVER.id, None)

    with lab.vault.lock(), lab.vault.working():
        deliver(lab, tmp_path / "1", FILES[0])
    part, _ = records(lab).answers
    with lab.vault.lock(), lab.vault.working():
        deliver(lab, tmp_path / "2", *FILES[1:])
    whole, _ = records(lab).answers

    assert (part.whole, whole.whole) == (False, True)
    assert part.answered_at < whole.answered_at < whole.due


def test_a_pack_shows_the_request_that_was_answered_and_names_the_one_that_was_not(lab, tmp_path) -> None:
    assert answered(lab).standing is Standing.AGAINST
    with lab.vault.lock(), lab.vault.working():
        deliver(lab, tmp_path / "1", FILES[0])
        deliver(lab, tmp_path / "2", *FILES[1:])
    row = answered(lab)

    assert (row.standing, row.label) == (Standing.PARTLY, "acme (tenant-7)")
    assert [one.said for one in row.exceptions] == ["not answered, overdue"]
    assert NEVER.id in row.exceptions[0].id
