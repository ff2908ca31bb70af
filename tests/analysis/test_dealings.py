"""What cases show of a partner: what was got, what not, and when a request was answered."""

from dataclasses import replace

import pytest
from collectors.intake.conftest import Drop
from custody.test_request import ASKED
from support.lab import END, Lab
from support.partner import acme, kiosk, paged, played

from evidence_kit.acquire.received import ask, make_receipt, note_receipt
from evidence_kit.analysis.dealings import read_dealings
from evidence_kit.analysis.history import history
from evidence_kit.collectors.registry import build
from evidence_kit.custody import log
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.partners.server import Reply
from evidence_kit.sources.catalogue import load_catalogue


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "case", Window(END.replace(hour=0), END)).open()


def said(lab, target):
    return read_dealings([("X", lab.vault)], target)


def test_what_was_got_in_full_is_the_last_success(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(5))) as partner:
        partner.collect(lab)
        found = said(lab, partner.target())
    assert (found.cases, found.cells, found.open) == (1, 1, 0)
    (taking,) = found.takings
    assert found.last_success == taking
    assert (taking.case, taking.units, taking.whole, taking.brought) == ("X", 1, 1, 1)


def test_what_was_refused_is_a_gap_and_no_success(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(5))) as partner:
        partner.server.faults = [lambda _: Reply(status=403, body=b"{}")]
        partner.collect(lab)
        found = said(lab, partner.target())
    assert (found.last_success, found.cells, found.open) == (None, 1, 1)


def test_what_is_not_set_up_there_is_whole_and_still_no_success(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(5))) as partner:
        partner.server.faults = [lambda _: Reply(status=404, body=b"{}")]
        partner.collect(lab)
        found = said(lab, partner.target())
    assert (found.last_success, found.open) == (None, 0)


def test_another_targets_evidence_is_not_this_ones(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(5))) as partner:
        partner.collect(lab)
        found = said(lab, replace(partner.target(), id="other"))
    assert (found.takings, found.cells) == ((), 0)


def test_a_request_is_answered_in_full_by_the_delivery_that_brings_the_last_part(tmp_path):
    target = Target(provider="acme", id="tenant-7", name="acme")
    lab = Lab(tmp_path / "case", ASKED.window).open()
    never = replace(ASKED, id="REQ-20261120T000001Z-0abcde")
    other = replace(ASKED, id="REQ-20261120T000002Z-0abcde", partner={**ASKED.partner, "id": "other"})
    with lab.vault.lock(), lab.vault.working():
        for asked in (ASKED, never, other):
            ask(lab.keeper, asked, b"text", "request", at=lab.now())
        deliver(lab, tmp_path / "1", "audit_logs/a.jsonl")
        part, nothing = said(lab, target).answers
        deliver(lab, tmp_path / "2", "access_logs/a.jsonl", "admins-1.csv")
        deliver(lab, tmp_path / "3", "audit_logs/b.jsonl")
    whole, _ = said(lab, target).answers
    assert (part.whole, part.answered_at is None, str(part.due)) == (False, False, "2026-12-01")
    assert (nothing.whole, nothing.answered_at) == (False, None)
    second = [event for event in history(lab.vault) if event.type == log.RECEIVED][1]
    assert (whole.whole, whole.answered_at) == (True, parse_instant(second.at))


def deliver(lab, folder, *names):
    """Take a delivery of these files in, and give the receipt."""
    folder.mkdir()
    drop = Drop(folder, lab.root)
    for name in names:
        drop.put(name)
    spec = load_catalogue()["intake.files"]
    engine = lab.engine(build({spec.name: spec}))
    result = engine.collect(drop.order(drop.delivery(request=ASKED)))
    made = make_receipt(lab.vault, engine.keeper, result.sealed.acquisition, at=lab.now())
    note_receipt(engine.keeper, made, "receipt.json", at=lab.now())
