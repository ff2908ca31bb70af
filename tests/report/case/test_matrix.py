"""The picture of coverage draws what adjoins as one, what looks alike once, and the worst first."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.casemaker import NOW

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.report.case import matrix
from evidence_kit.report.case.holding import Cell, Row
from evidence_kit.report.case.states import STATES, is_mild, state_of

HOUR = timedelta(hours=1)


def window(first, last):
    return Window(NOW + HOUR * first, NOW + HOUR * last)


def cell(status, span=None, reason=""):
    return Cell(window=span, status=status, reason=reason, records=1, artifacts=2, acquisition="a")


def row(*cells, region="r", source="s", gaps=()):
    return Row(source=source, target="t", name="n", region=region, stream="", cells=cells, gaps=gaps)


@pytest.fixture
def drawn(report):
    """Draw rows over ten hours."""

    def draw(*rows, **how):
        return matrix.lines(replace(report, coverage=rows, span=window(0, 10)), **how)

    return draw


def test_cells_that_adjoin_and_are_alike_are_one_stretch(drawn) -> None:
    (line,) = drawn(row(cell(UnitStatus.COMPLETE, window(5, 10)), cell(UnitStatus.COMPLETE, window(0, 5))))
    (stretch,) = line.stretches
    assert (stretch.starts, stretch.lasts, stretch.cells, stretch.records, stretch.artifacts) == (0, 100, 2, 2, 4)


def test_a_hole_between_cells_stays_a_hole(drawn) -> None:
    (line,) = drawn(row(cell(UnitStatus.COMPLETE, window(0, 4)), cell(UnitStatus.COMPLETE, window(5, 10))))
    assert [(one.starts, one.lasts) for one in line.stretches] == [(0, 40), (50, 50)]


def test_rows_that_look_alike_are_one_line_and_reasons_tell_them_apart(drawn) -> None:
    rows = [row(cell(UnitStatus.DENIED, window(0, 10), reason), region=reason) for reason in ("a", "b")]
    (line,) = drawn(*rows)
    assert line.place == "a, b"
    assert line.stretches[0].cells == 2
    assert len(drawn(*rows, with_reasons=True)) == 2


def test_regions_beyond_a_few_are_counted(drawn) -> None:
    (line,) = drawn(*(row(cell(UnitStatus.COMPLETE, window(0, 10)), region=f"r{at}") for at in range(9)))
    assert line.place == "r0, r1, r2, r3 and 5 more"


def test_the_worst_line_comes_first_and_nothing_to_have_last(drawn) -> None:
    rows = [row(cell(status, window(0, 10)), source=status.value) for status in UnitStatus]
    gap = row(cell(UnitStatus.COMPLETE, window(0, 10)), source="gap", gaps=((window(1, 2), "off"),))
    sources = [line.source for line in drawn(*rows, gap)]
    assert sources[:2] == ["integrity_failed", "gap"]
    assert set(sources[-5:]) == {"not_enabled", "not_configured", "not_licensed", "region_disabled", "out_of_scope"}


def test_what_was_not_logged_lies_over_what_was_collected(drawn) -> None:
    (line,) = drawn(
        row(cell(UnitStatus.COMPLETE, window(0, 10)), gaps=((window(2, 4), "off"), (window(2, 4), "off")))
    )
    assert [(one.state.id, one.starts, one.lasts) for one in line.stretches] == [
        ("complete", 0, 100),
        ("gap", 20, 20),
    ]
    assert line.words == "complete, not logged"


def test_a_cell_without_a_window_fills_the_line(drawn) -> None:
    (line,) = drawn(row(cell(UnitStatus.COMPLETE)))
    assert (line.stretches[0].said, line.stretches[0].lasts) == (matrix.NO_TIME, 100)


@pytest.mark.parametrize("status", [*UnitStatus, None])
def test_every_end_of_a_unit_has_a_state(status) -> None:
    assert state_of(cell(status)) in STATES


def test_nothing_that_is_missing_is_mild() -> None:
    assert not any(
        is_mild(status) for status in UnitStatus if status.value.startswith(("partial", "denied", "expired"))
    )
    assert len({state.sign for state in STATES}) == len({state.id for state in STATES}) == len(STATES)
