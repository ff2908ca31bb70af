"""An event that several sources hold is told once with all its witnesses, and nothing that differs is passed over."""

import pytest
from support.evidence import evidence, row

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.groups import groups

LOOKUP, FILES = "aws.cloudtrail.lookup", "aws.cloudtrail.s3"


def told(*rows, **asked):
    with evidence(*rows) as found:
        shown = [(event.text("source"), event.text("witnesses")) for event in found.events(Asked(**asked))]
        assert found.count(Asked(**asked))[0] == len(shown)
        return shown


def test_two_witnesses_of_an_event_are_one_line_that_names_both() -> None:
    pair = row(source=LOOKUP, event_id="e-1", raw='{"wrapped":1}'), row(source=FILES, event_id="e-1")
    assert told(*pair, row(event_id="e-2")) == [(FILES, f"{LOOKUP} {FILES}"), (FILES, FILES)]
    with evidence(*pair) as found:
        (group,) = groups(found, Asked(), "actor")
    assert group.records == 1


@pytest.mark.parametrize("source", [LOOKUP, FILES, "aws.cloudtrail.*"])
def test_an_event_is_found_by_each_source_that_holds_it(source) -> None:
    pair = row(source=LOOKUP, event_id="e-1"), row(source=FILES, event_id="e-1")
    assert len(told(*pair, source=(source,))) == 1
    assert told(*pair, source=("gcp.*",)) == []


def test_the_same_record_collected_twice_is_one_line() -> None:
    assert told(row(event_id="e-1"), row(event_id="e-1", artifact="bags/c/data/a.json")) == [(FILES, FILES)]


@pytest.mark.parametrize(
    "other",
    [
        {"raw": '{"changed":1}'},  # one source, two texts
        {"time": "2026-11-21T12:00:01Z"},
        {"actor": "somebody else"},
        {"outcome": "failure"},
        {"case": "IR-2"},
        {"source": "github.org_audit"},  # ids of another service
        {"source": LOOKUP, "src_ip": None},
    ],
)
def test_one_id_with_different_content_stays_two_lines(other) -> None:
    assert len(told(row(event_id="e-1"), row(event_id="e-1", **other))) == 2


def test_records_without_an_id_or_a_time_are_never_merged() -> None:
    assert len(told(row(), row())) == 2
    with evidence(row(None, event_id="i-1"), row(None, event_id="i-1")) as found:
        assert found.count(Asked()) == (0, 2)
