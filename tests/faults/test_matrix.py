"""The page on faults is what runs said, runs say it still, and no cell is empty without a reason."""

import json

import pytest
from faults import matrix
from faults.matrix import EVER, ONCE, PAGE, RECORD, TABLES, cells, is_silent, page, run

from evidence_kit.collectors.registry import BUILTIN
from evidence_kit.model.status import UnitStatus
from evidence_kit.testing.provider import Kind

CELLS = tuple(cells())
KNOWN = json.loads(RECORD.read_text("utf-8"))
# One mechanism of each cloud, a partner and files meet every fault of the wire in the normal run; the rest is slow.
USUAL = ("gcp.call", "azure.entra_logs", "partner.rest", "intake.files")
# Were silent losses once.
REGAINED = {"aws.call wire again", "aws.s3_objects wire garbage"}
_OUTAGES = {UnitStatus.PARTIAL_THROTTLED, UnitStatus.PARTIAL_ERROR, UnitStatus.INTEGRITY_FAILED}
_DENIALS = {UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY}


def _is_usual(cell):
    return cell.table == "wire" and (cell.mechanism in USUAL or cell.id in REGAINED)


def _runs():
    for cell in CELLS:
        yield pytest.param(cell, id=cell.id, marks=[] if _is_usual(cell) else pytest.mark.slow)


def _told(table):
    return [(cell, KNOWN[cell.id]) for cell in CELLS if cell.table == table and "exempt" not in KNOWN[cell.id]]


@pytest.mark.parametrize("cell", list(_runs()))
def test_a_run_ends_as_the_record_says(cell, clouds, tmp_path):
    assert run(cell, clouds, tmp_path) == KNOWN[cell.id]


def test_every_mechanism_meets_every_fault_or_says_why_not():
    assert KNOWN.keys() == {cell.id for cell in CELLS}
    assert {cell.mechanism for cell in CELLS} == BUILTIN.keys()
    assert all(told.get("exempt", "ran") for told in KNOWN.values())


def test_every_fault_that_the_suite_knows_is_in_a_table():
    assert ONCE.keys() | EVER.keys() == set(Kind.__args__)


def test_every_fault_is_met_by_several_mechanisms():
    for table, (_, kinds) in TABLES.items():
        for kind in kinds:
            assert len([cell for cell, _ in _told(table) if cell.fault == kind]) > 3, (table, kind)


def test_the_page_is_made_of_the_record():
    text = PAGE.read_text("utf-8")
    assert text == page(text, KNOWN), "run `python tests/faults/matrix.py`, or only `… matrix.py NONE` for the page"


def test_a_page_that_says_something_else_is_found():
    text = PAGE.read_text("utf-8")
    told = KNOWN["gcp.call once html"]
    assert page(text, {**KNOWN, "gcp.call once html": {**told, "kept": told["kept"] + 1}}) != text


def test_no_loss_is_silent():
    assert [cell.id for cell in CELLS if is_silent(KNOWN[cell.id], cell.fault)] == []


def test_what_passes_costs_nothing():
    for cell, told in _told("once"):
        if cell.fault in {"throttled", "unavailable"}:
            assert (told["kept"], told["twice"]) == (told["of"], 0), cell
            assert all(UnitStatus(end).is_whole for end in told["ends"]), cell


def test_what_stays_is_said_as_what_it_is():
    for cell, told in _told("ever"):
        ends = {UnitStatus(end) for end in told["ends"]}
        if cell.fault == "denied":
            assert ends & _DENIALS, cell
        elif cell.fault == "loop":
            assert not all(end.is_whole for end in ends), cell
        elif cell.fault != "empty":
            assert ends & _OUTAGES, cell


def test_what_is_broken_once_on_its_way_costs_nothing():
    for cell, told in _told("wire"):
        if cell.fault in {"drip", "skewed", "longer", "hung_up", "garbage"}:
            assert (told["kept"], told["twice"], told["verifies"]) == (told["of"], 0, "OK"), cell


def test_a_page_that_comes_again_is_never_taken_for_the_end():
    for cell, told in _told("wire"):
        if cell.fault in {"repeated", "again", "stale", "swapped"}:
            whole = all(UnitStatus(end).is_whole for end in told["ends"])
            assert not whole or (told["kept"], told["twice"]) == (told["of"], 0), cell


def test_whatever_happened_no_case_lies_and_no_credential_is_anywhere():
    for cell in CELLS:
        told = KNOWN[cell.id]
        if "exempt" not in told:
            assert told["leaked"] == [], cell
            assert told["verifies"] in {"OK", "EMPTY"} or "integrity_failed" in told["ends"], cell


def test_a_silent_loss_would_be_seen():
    told = {"ends": ["complete"], "kept": 1, "of": 2}
    assert is_silent(told, "html")
    assert not is_silent(told | {"ends": ["complete", "partial_error"]}, "html")
    assert not is_silent(told | {"kept": 2}, "html")
    assert matrix.tables(KNOWN)
