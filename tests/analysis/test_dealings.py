"""What cases show of a partner: what was got, what not, and when a request was answered."""

from dataclasses import replace

import pytest
from support.lab import END, Lab
from support.partner import acme, kiosk, paged, played

from evidence_kit.acquire.handover import subject_of
from evidence_kit.analysis.dealings import read_dealings
from evidence_kit.custody import log
from evidence_kit.model.time import Window
from evidence_kit.sandbox.partners.server import Reply


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "case", Window(END.replace(hour=0), END)).open()


def said(lab, target):
    return read_dealings([("X", lab.vault)], target)


def note(lab, kind, fields):
    with lab.vault.lock(), lab.vault.working():
        keeper = lab.keeper
        keeper.append(kind, at=lab.now(), subjects=[subject_of(keeper.state())], fields=fields)


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


def request(number, target_id="kiosk"):
    partner = {"name": "kiosk", "id": target_id, "provider": "acme"}
    return {"request": {"id": f"REQ-{number}", "partner": partner, "deadline": "2026-11-30"}}


def receipt(number, status):
    return {"receipt": {"request": f"REQ-{number}", "status": status}}


def test_a_request_is_paired_with_its_receipt_the_whole_one_first(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(5))) as partner:
        for number, target_id in ((1, "kiosk"), (2, "kiosk"), (3, "kiosk"), (4, "other")):
            note(lab, log.REQUESTED, request(number, target_id))
        note(lab, log.RECEIVED, receipt(1, "partial_error"))
        note(lab, log.RECEIVED, receipt(1, "complete"))
        note(lab, log.RECEIVED, receipt(2, "partial_error"))
        one, two, three = said(lab, partner.target()).answers
    assert (one.whole, one.answered_at is None, str(one.due)) == (True, False, "2026-11-30")
    assert (two.whole, two.answered_at is None) == (False, False)
    assert (three.whole, three.answered_at) == (False, None)
