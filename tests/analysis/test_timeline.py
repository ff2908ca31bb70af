"""One order over clouds whose clocks differ; gaps and groups beside it."""

from datetime import UTC, datetime, timedelta

import pytest
from support.casemaker import PagesFromMemory, make_case
from support.evidence import clock, evidence, row
from support.lab import Clock, Lab

from evidence_kit.analysis.coverage import Cell, Coverage, Row, read_coverage
from evidence_kit.analysis.moments import instant, micros, nanoseconds
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import Measured, judge, read_clocks
from evidence_kit.analysis.timeline.gaps import gaps
from evidence_kit.analysis.timeline.groups import groups
from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOOGLE = {"source": "gcp.logging.audit", "provider": "gcp"}


def measured(name, offset, *, in_step=True, samples=10):
    return Measured(name=name, offset=offset, low=offset, high=offset, samples=samples, in_step=in_step)


def order(found, asked=None, **kwargs):
    return [event.text("action") for event in found.events(asked or Asked(), **kwargs)]


# -- one order -----------------------------------------------------------------------------------------------


def test_two_clouds_with_different_clocks_stand_in_the_order_in_which_things_happened() -> None:
    rows = (
        row("2026-11-21T12:00:40Z", action="first"),  # AWS is 40 s ahead: this was at 12:00:00
        row("2026-11-21T11:58:45.250Z", action="second", **GOOGLE),  # Google is 90 s behind: 12:00:15.25
        row("2026-11-21T12:01:10Z", action="third"),
    )
    with evidence(*rows) as as_logged, evidence(*rows, clocks=(clock("aws", 40), clock("gcp", -90))) as found:
        events = list(found.events(Asked()))

        assert order(as_logged) == ["second", "first", "third"]
        assert [event.text("action") for event in events] == ["first", "second", "third"]
        assert [event.at for event in events] == [
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:15.250Z",
            "2026-11-21T12:00:30Z",
        ]
        assert events[0].text("time") == "2026-11-21T12:00:40Z"  # what the provider wrote is kept


def test_a_clock_of_one_case_says_nothing_of_another_case() -> None:
    rows = (row("2026-11-21T12:00:40Z", action="a"), row("2026-11-21T12:00:10Z", action="b", case="IR-2"))
    with evidence(*rows, clocks=(clock("aws", 40, case="IR-1"),)) as found:
        assert order(found) == ["a", "b"]


def test_equal_instants_of_mixed_precision_stand_in_the_order_of_their_places_every_time() -> None:
    rows = [
        row("2026-11-21T12:00:00.000000Z", action="b", line=2, artifact="x"),
        row("2026-11-21T12:00:00Z", action="a", line=1, artifact="x"),
        row("2026-11-21T12:00:00.000Z", action="d", line=1, artifact="z"),
        row("2026-11-21T12:00:00.000000000Z", action="c", line=9, artifact="y"),
        row("2026-11-21T12:00:00.000000001Z", action="e", line=1, artifact="a"),
    ]
    for turned in (rows, rows[::-1], rows[2:] + rows[:2]):
        with evidence(*turned) as found:
            assert order(found) == ["a", "b", "c", "d", "e"]


def test_an_instant_keeps_the_digits_that_its_log_wrote() -> None:
    with evidence(row("2026-11-21T12:00:00.500000000Z"), clocks=(clock("aws", 1.5),)) as found:
        (event,) = found.events(Asked())

    assert event.at == "2026-11-21T11:59:59.000000000Z"


def test_what_has_no_time_is_counted_and_given_apart() -> None:
    with evidence(row(None, action="lost"), row(action="kept")) as found:
        assert order(found) == ["kept"]
        assert [event.text("action") for event in found.untimed(Asked())] == ["lost"]
        assert found.count(Asked()) == (1, 1)
        assert found.count(Asked(action=["kept"])) == (1, 0)


@pytest.mark.parametrize(
    ("ns", "digits", "text"),
    [
        (0, 0, "1970-01-01T00:00:00Z"),
        (-1, 0, "1969-12-31T23:59:59.999999999Z"),
        (1_500_000_000, 0, "1970-01-01T00:00:01.5Z"),
        (1_500_000_000, 3, "1970-01-01T00:00:01.500Z"),
    ],
)
def test_nanoseconds_are_written_without_loss(ns, digits, text) -> None:
    assert instant(ns, digits) == text


def test_six_digits_are_cut_and_never_rounded_into_the_next_second() -> None:
    assert micros(1_999_999_999) == "1970-01-01T00:00:01.999999Z"
    assert nanoseconds(NOON) == int(NOON.timestamp()) * 10**9


# -- what is asked for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"actor": ["*/ana"]}, ["a"]),
        ({"actor": ["*/ana", "*/bo"]}, ["a", "b"]),
        ({"action": ["a"], "actor": ["*/bo"]}, []),
        ({"address": ["192.0.2.0/24"]}, ["b"]),
        ({"address": ["2001:db8::/32"]}, ["c"]),
        ({"address": ["2001:DB8:0::0001"]}, ["c"]),  # an IPv6 address has many spellings
        ({"address": ["a:b"]}, []),
        ({"resource": ["100%_*"]}, ["c"]),  # `%` and `_` are no wildcards
        ({"source": ["gcp.*"]}, ["c"]),
        ({"outcome": ["failure"]}, ["b"]),
        ({"credential": ["' OR true --"]}, []),
        ({"since": NOON + HOUR}, ["b", "c"]),
        ({"since": NOON + HOUR, "until": NOON + 2 * HOUR}, ["b"]),
    ],
)
def test_a_question_finds_what_it_asks_for(asked, expected) -> None:
    rows = (
        row("2026-11-21T12:00:00Z", action="a"),
        row("2026-11-21T13:00:00Z", action="b", actor="x/bo", src_ip="192.0.2.9", outcome="failure"),
        row("2026-11-21T14:00:00Z", action="c", actor="x/cy", src_ip="2001:db8::1", resource="100%_x", **GOOGLE),
        row("2026-11-21T14:30:00Z", action="d", actor="x/cy", src_ip="lambda.amazonaws.com", resource="100 x"),
    )
    with evidence(*rows) as found:
        known = [name for name in order(found, Asked(**asked)) if name != "d"]

    assert known == expected


def test_a_period_is_asked_for_in_common_time() -> None:
    with evidence(row("2026-11-21T12:00:30Z", action="late"), clocks=(clock("aws", 40),)) as found:
        assert order(found, Asked(since=NOON)) == []
        assert order(found, Asked(until=NOON)) == ["late"]


def test_a_wrong_network_and_a_period_that_ends_before_it_starts_are_said() -> None:
    with evidence(row()) as found, pytest.raises(UsageError, match="not a network"):
        order(found, Asked(address=["192.0.2.0/99"]))
    with pytest.raises(UsageError, match="before it starts"):
        Asked(since=NOON, until=NOON)


# -- clocks --------------------------------------------------------------------------------------------------


def test_an_offset_within_a_second_is_not_taken_off() -> None:
    (found,) = judge("IR-1", [[measured("aws", 0.9)]])

    assert found.shift == 0
    assert "within the second" in found.why


def test_beside_a_clock_in_step_the_whole_offset_is_the_providers() -> None:
    aws, gcp = judge("IR-1", [[measured("gcp", -90.2), measured("aws", 40.0)]])

    assert (aws.name, aws.shift, gcp.name, gcp.shift) == ("aws", 40.0, "gcp", -90.2)
    assert gcp.shift_ns == -90_200_000_000


@pytest.mark.parametrize("in_step", [False, None])
def test_a_clock_not_in_step_tells_only_how_far_providers_are_apart(in_step) -> None:
    aws, gcp = judge("IR-1", [[measured("aws", 3600.0, in_step=in_step), measured("gcp", 3640.0, in_step=in_step)]])
    (alone,) = judge("IR-1", [[measured("aws", 3600.0, in_step=in_step)]])

    assert (aws.shift, gcp.shift) == (0.0, 40.0)
    assert alone.shift == 0
    assert "own clock" in alone.why


def test_an_acquisition_in_step_outweighs_one_that_was_not() -> None:
    (found,) = judge("IR-1", [[measured("aws", 500.0, in_step=False, samples=99)], [measured("aws", 3.0)]])

    assert (found.shift, found.high) == (3.0, 3.0)


def test_the_clocks_of_a_case_are_those_that_its_acquisitions_recorded(small_case) -> None:
    (found,) = read_clocks(small_case.vault, "IR-2026-014")

    assert (found.case, found.name) == ("IR-2026-014", "test")
    assert found.samples > 0
    assert abs(found.offset) <= 1


def test_an_acquisition_without_a_record_still_tells_its_clocks_by_its_ledger(tmp_path) -> None:
    unsealed = make_case(tmp_path / "case", sealed=False)

    assert [one.name for one in read_clocks(unsealed.vault, "X")] == ["test"]


def test_a_provider_whose_clock_is_ahead_is_found_by_the_dates_of_its_answers(cloud, tmp_path) -> None:
    behind = Clock(datetime.now(UTC) - timedelta(seconds=90))
    lab = Lab(tmp_path / "case", cloud.window, now=behind).open()
    lab.collect("aws.iam.account")
    found = {one.name: one for one in read_clocks(lab.vault, "X")}

    assert 88 < found["aws"].offset < 91
    assert found["aws"].shift in {found["aws"].offset, 0.0}  # whether it is taken off, this machine's clock decides


# -- gaps ----------------------------------------------------------------------------------------------------


def cells(*said):
    """Return a coverage of one row: (first hour, last hour, status)."""
    made = [
        Cell(
            window=Window(NOON + first * HOUR, NOON + last * HOUR) if first is not None else None,
            status=status,
            reason=f"{status}",
            records=0,
            artifacts=0,
            acquisition="a",
        )
        for first, last, status in said
    ]
    rows = Row(source="aws.x", target="1", name="", region="us-east-1", stream="", cells=made)
    return Coverage(rows=(rows,), findings=())


def spans(found):
    return [(gap.kind, gap.window and (gap.window.start - NOON) / HOUR, gap.window and (gap.window.end - NOON) / HOUR)
            for gap in found]  # fmt: skip


def test_a_complete_unit_is_no_gap_and_adjoining_gaps_are_one() -> None:
    found = cells((0, 1, UnitStatus.COMPLETE), (1, 2, UnitStatus.DENIED), (2, 3, UnitStatus.DENIED))

    assert spans(gaps(found, Asked())) == [("denied", 1, 3)]


def test_a_gap_is_cut_to_the_period_and_one_outside_is_left_out() -> None:
    found = cells((0, 4, UnitStatus.DENIED), (4, 8, UnitStatus.COMPLETE))
    asked = Asked(since=NOON + 3 * HOUR, until=NOON + 6 * HOUR)

    assert spans(gaps(found, asked)) == [("denied", 3, 4)]
    assert spans(gaps(found, Asked(since=NOON + 5 * HOUR, until=NOON + 6 * HOUR))) == []


def test_time_that_no_source_was_asked_about_is_a_gap() -> None:
    found = cells((0, 1, UnitStatus.COMPLETE), (2, 3, UnitStatus.COMPLETE))
    asked = Asked(since=NOON - HOUR, until=NOON + 5 * HOUR)

    assert spans(gaps(found, asked)) == [
        ("never_asked", -1, 0),
        ("never_asked", 1, 2),
        ("never_asked", 3, 5),
    ]


def test_a_unit_that_never_ended_and_a_state_that_was_not_read_are_gaps() -> None:
    found = cells((0, 1, None), (None, None, UnitStatus.NOT_ENABLED))

    assert spans(gaps(found, Asked())) == [("not_enabled", None, None), ("unfinished", 0, 1)]


def test_what_a_provider_says_it_did_not_log_is_a_gap_of_a_complete_source() -> None:
    found = cells((0, 4, UnitStatus.COMPLETE))
    window = Window(NOON + HOUR, NOON + 2 * HOUR)
    found.rows[0].gaps.append(Finding(kind="not_logged", message="stopped", window=window))

    assert spans(gaps(found, Asked())) == [("not_logged", 1, 2)]


def test_a_source_not_asked_about_brings_no_gaps() -> None:
    found = cells((0, 1, UnitStatus.DENIED))

    assert gaps(found, Asked(source=["gcp.*"])) == ()
    assert len(gaps(found, Asked(source=["aws.*"]))) == 1


def test_a_real_case_that_was_cut_short_shows_it(small_case) -> None:
    small_case.collect(PagesFromMemory(regions=("eu-west-1",), partial=frozenset({"eu-west-1"})))
    (gap,) = gaps(read_coverage(small_case.vault), Asked())

    assert (gap.kind, gap.places) == ("partial_truncated", ("eu-west-1",))


# -- groups --------------------------------------------------------------------------------------------------

_SEEN = (
    row("2026-11-21T12:00:00Z", actor="ana"),
    row("2026-11-21T13:00:00Z", actor="ana", src_ip="192.0.2.1"),
    row("2026-11-21T13:10:00Z", actor="bo", outcome="AccessDenied"),
    row("2026-11-21T13:50:00Z", actor="bo"),
    row("2026-11-21T15:10:00Z", actor="bo", action="other"),
)


def test_groups_say_how_often_since_when_how_fast_and_what_failed() -> None:
    with evidence(*_SEEN) as found:
        ana, bo = groups(found, Asked(), "actor")

    assert (ana.key, ana.records, ana.first, ana.last, ana.addresses) == (
        "ana", 2, "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z", 2,
    )  # fmt: skip
    assert (bo.records, bo.failures, bo.per_hour, bo.actions) == (3, 1, 1.5, 2)
    assert [(one.artifact, one.line) for one in (ana, bo)] == [
        (_SEEN[at]["artifact"], _SEEN[at]["line"]) for at in (0, 2)
    ]
    assert (bo.busiest, bo.busiest_hour) == (2, "2026-11-21T13:00:00Z")


def test_what_was_seen_before_the_period_is_not_new_and_what_was_not_is() -> None:
    with evidence(*_SEEN) as found:
        ana, bo = groups(found, Asked(since=NOON + HOUR), "actor")

    assert (ana.is_new, ana.seen_before) == (False, "2026-11-21T12:00:00Z")
    assert (bo.is_new, bo.seen_before) == (True, "")


def test_nobody_is_called_new_where_the_evidence_does_not_reach_back() -> None:
    with evidence(*_SEEN) as found:
        assert {one.is_new for one in groups(found, Asked(since=NOON), "actor")} == {None}
        assert {one.is_new for one in groups(found, Asked(), "address")} == {None}


def test_a_limit_and_an_unknown_group() -> None:
    with evidence(*_SEEN) as found:
        assert [one.key for one in groups(found, Asked(), "actor", limit=1)] == ["ana"]
        with pytest.raises(UsageError, match="cannot group"):
            list(groups(found, Asked(), "raw; DROP TABLE evidence"))
