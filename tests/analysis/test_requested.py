"""What partners still owe is worked out over all their deliveries."""

from dataclasses import replace
from datetime import UTC, datetime

from collectors.intake.conftest import Drop, lines
from custody.test_request import ASKED
from support.lab import Lab

from evidence_kit.acquire.received import ask
from evidence_kit.analysis.requested import read_answers
from evidence_kit.collectors.registry import build
from evidence_kit.sources.catalogue import load_catalogue

SPEC = load_catalogue()["intake.files"]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def deliver(tmp_path, *deliveries, asked=ASKED):
    """Ask, take each delivery in, and return what is still missing."""
    lab = Lab(tmp_path / "case", asked.window).open()
    with lab.vault.lock(), lab.vault.working():
        ask(lab.keeper, asked, b"text", "request", at=lab.now())
        for number, files in enumerate(deliveries):
            (tmp_path / str(number)).mkdir()
            drop = Drop(tmp_path / str(number), tmp_path / "case")
            for name, body in files.items():
                drop.put(name, body)
            lab.engine(build({SPEC.name: SPEC})).collect(drop.order(drop.delivery(request=asked)))
    (answered,) = read_answers(lab.vault)
    return answered


def day(number):
    return lines({"time": f"2026-11-{number:02}T00:30:00Z"})


def test_nothing_delivered_is_everything_missing(tmp_path):
    answered = deliver(tmp_path)
    assert list(answered.missing()) == ["no audit_logs", "no access_logs", "no file `admins-*.csv`"]
    assert answered.said(NOW)[0] == f"{ASKED.id} to acme: no audit_logs (due by 2026-12-01)"
    assert "overdue since 2026-12-01" in answered.said(NOW.replace(year=2027))[0]


def test_deliveries_add_up(tmp_path):
    first = {"audit_logs/a.jsonl": day(1), "audit_logs/b.jsonl": day(19)}
    second = {"access_logs/a.jsonl": day(1) + day(19), "admins-1.csv": b"a\n"}
    answered = deliver(tmp_path, first, second)
    assert len(answered.deliveries) == 2
    assert list(answered.missing()) == []


def test_an_end_of_the_window_without_records_is_asked_about(tmp_path):
    asked = replace(ASKED, classes={"audit_logs": ""}, files=())
    answered = deliver(tmp_path, {"audit_logs/a.jsonl": day(3) + day(10)}, asked=asked)
    early, late = answered.missing()
    assert early.startswith("audit_logs: no record before 2026-11-03T00:30:00Z, asked from 2026-11-01T00:00:00Z")
    assert late.startswith("audit_logs: no record after 2026-11-10T00:30:00Z, asked to 2026-11-20T00:00:00Z")


def test_a_later_delivery_closes_the_gap(tmp_path):
    asked = replace(ASKED, classes={"audit_logs": ""}, files=())
    answered = deliver(
        tmp_path, {"audit_logs/a.jsonl": day(3)}, {"audit_logs/b.jsonl": day(1) + day(19)}, asked=asked
    )
    assert list(answered.missing()) == []


def test_a_case_without_requests_owes_nothing(tmp_path):
    assert read_answers(Lab(tmp_path / "case", ASKED.window).open().vault) == ()
