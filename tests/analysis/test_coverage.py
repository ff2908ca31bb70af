"""Coverage over several acquisitions: the best try of each unit counts, and every gap has a place."""

import pytest
from support.casemaker import PagesFromMemory, make_case
from support.forging import change_ledger

from evidence_kit.analysis.bagfiles import find_artifact
from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.crosscheck import cross_check
from evidence_kit.analysis.history import history
from evidence_kit.cli import coverage_lines
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.status import UnitStatus


@pytest.fixture
def partial(tmp_path):
    """One region whole, one cut short."""
    return make_case(tmp_path / "case", sealed=False)


def test_a_region_cut_short_is_missing_until_a_later_try_is_whole(small_case) -> None:
    small_case.collect(PagesFromMemory(regions=("eu-west-1",), partial=frozenset({"eu-west-1"})))
    before = read_coverage(small_case.vault)
    small_case.collect(PagesFromMemory(regions=("eu-west-1",)))
    after = read_coverage(small_case.vault)

    assert (before.missing, after.missing) == (1, 0)
    (row,) = [row for row in after.rows if row.region == "eu-west-1"]
    assert [cell.status for cell in row.cells] == [UnitStatus.COMPLETE]


@pytest.mark.parametrize(
    "said",
    [
        {"status": "novel"},
        {"findings": ["x"]},
        {"findings": [{"kind": "k", "message": "m", "facts": {}, "window": {}}]},
    ],
)
def test_an_end_that_makes_no_sense_is_an_error_of_the_case(small_case, said) -> None:
    change_ledger(small_case, lambda entries: next(one for one in entries if one["type"] == "unit").update(said))

    with pytest.raises(EvidenceKitError, match=r"no status|not an object|`start` is missing"):
        read_coverage(small_case.vault)


def test_a_worse_later_try_does_not_hide_a_better_one(small_case) -> None:
    small_case.collect(PagesFromMemory(partial=frozenset({"us-east-1"})))

    assert read_coverage(small_case.vault).missing == 0


def test_an_acquisition_that_crashed_is_shown_as_never_finished(partial) -> None:
    found = read_coverage(partial.vault)
    text = "\n".join(coverage_lines.lines(found, None, width=40))

    assert found.span is not None
    assert found.rows
    assert "complete" in text or "never finished" in text


def test_the_picture_fills_its_width_and_needs_no_colour(small_case) -> None:
    first, *_ = [
        line for line in coverage_lines.lines(read_coverage(small_case.vault), None, width=40) if "├" in line
    ]
    picture = first[first.index("├") + 1 : first.index("┤")]

    assert len(picture) == 40
    assert set(picture) == {"─"}
    assert "\x1b" not in first


def test_coverage_as_json_keeps_every_cell(small_case) -> None:
    said = coverage_lines.as_json(read_coverage(small_case.vault), None)

    assert [cell["status"] for row in said["rows"] for cell in row["cells"]] == ["complete"]
    assert said["unitsMissing"] == 0


def test_two_witnesses_are_compared_only_where_both_were_asked(small_case) -> None:
    assert cross_check(small_case.vault) is None


def test_the_ledger_finds_where_an_artifact_came_from(small_case) -> None:
    path = next(name for name in small_case.files if "/data/" in name and name.endswith(".json"))
    root, _, inner = path.partition("/data/")
    entry = find_artifact(small_case.vault, root, f"data/{inner}")

    assert entry is not None
    assert entry["requestId"] == "req-1"
    assert find_artifact(small_case.vault, root, "data/nothing") is None


def test_history_tells_events_in_order(small_case) -> None:
    assert [event.type for event in history(small_case.vault)] == [
        "case.opened",
        "acquisition.started",
        "acquisition.sealed",
    ]
