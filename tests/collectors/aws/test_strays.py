"""Events of other times than were asked for are kept and told, and no unit that has any claims to be whole."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.lab import END, SHOP, fast, target
from support.script import refused, said

from evidence_kit.collectors.aws.answering import MAX_NAMED
from evidence_kit.collectors.aws.strays import Strays
from evidence_kit.collectors.registry import build
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, epoch_ms, rfc3339
from evidence_kit.sandbox.applogs import BUSY
from evidence_kit.sandbox.incident import HOME

LOOKUP, LOGS = "aws.cloudtrail.lookup", "aws.cloudwatch.logs"
GROUP = said(logGroups=[{"logGroupName": "g", "arn": "a"}])
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
STEP = {LOOKUP: SECOND, LOGS: MILLISECOND}
WHOLE = Window(END - timedelta(hours=6), END)
# Neither begins nor ends with a second of CloudTrail's, or a millisecond of CloudWatch's.
HALVES = Window(WHOLE.start + timedelta(microseconds=500_500), END + timedelta(microseconds=500_500))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def answer(source, *times, **more):
    """Return a page with an event for each time, which is an instant or what stands in its place."""
    if source == LOOKUP:
        events = [{"EventId": f"e{n}", **_timed("EventTime", at, SECOND)} for n, at in enumerate(times)]
        return said(Events=events, **({"NextToken": more["token"]} if more else {}))
    events = [{"eventId": f"e{n}", **_timed("timestamp", at, MILLISECOND)} for n, at in enumerate(times)]
    return said(events=events, **({"nextToken": more["token"]} if more else {}))


def _timed(member, at, step):
    if isinstance(at, datetime):
        return {member: (at - EPOCH) // step}
    return {} if at is None else {member: at}


@pytest.fixture
def given(desk, play):
    """Collect what a provider gives that never looks at what it is asked; return the outcome and its findings."""

    def collect(source, *pages, window=WHOLE):
        script = (
            {"LookupEvents": pages} if source == LOOKUP else {"DescribeLogGroups": [GROUP], "FilterLogEvents": pages}
        )
        play(**{operation: list(lines) for operation, lines in script.items()})
        (outcome,) = desk.collect(source, window=window).outcomes
        return outcome, {finding.kind: finding for finding in outcome.findings}

    return collect


# -- edges -------------------------------------------------------------------------------------------------------


def edges(source, window):
    """Return the first and the last moment that the question for a window takes in, in the provider's steps."""
    if source == LOGS:
        return EPOCH + epoch_ms(window.start) * MILLISECOND, EPOCH + (epoch_ms(window.end) - 1) * MILLISECOND
    last = window.end - (timedelta(microseconds=window.end.microsecond) or SECOND)
    return window.start.replace(microsecond=0), last


@pytest.mark.parametrize("window", [WHOLE, HALVES], ids=["whole", "halves"])
@pytest.mark.parametrize("source", [LOOKUP, LOGS])
def test_events_on_the_edges_of_what_was_asked_for_are_no_finding(given, source, window):
    outcome, found = given(source, answer(source, *edges(source, window)), window=window)
    assert (outcome.status, outcome.records, found) == (UnitStatus.COMPLETE, 2, {})


@pytest.mark.parametrize("window", [WHOLE, HALVES], ids=["whole", "halves"])
@pytest.mark.parametrize("source", [LOOKUP, LOGS])
def test_events_one_step_beyond_the_edges_are_told_with_number_times_and_ids(given, source, window):
    (first, last), step = edges(source, window), STEP[source]
    page = answer(source, first - step, first, last, last + step)
    outcome, found = given(source, page, window=window)
    facts = found["outside_window"].facts
    assert set(found) == {"outside_window"}
    assert (facts["count"], facts["before"], facts["after"], facts["ids"]) == ("2", "1", "1", "e0, e3")
    assert (facts["first"], facts["last"]) == (rfc3339(first - step), rfc3339(last + step))
    assert (outcome.status, outcome.records) == (UnitStatus.PARTIAL_ERROR, 4)
    assert outcome.reason.endswith("whether all of the window came is not known")


# -- servers that do not listen ----------------------------------------------------------------------------------


@pytest.fixture
def deaf(cloud, monkeypatch):
    """Have the sandbox, moto included, overlook a member of every question."""
    real = cloud.door.answer

    def overlook(member):
        def heard(asked):
            if asked.operation not in {"LookupEvents", "FilterLogEvents"}:
                return real(asked)
            params = {name: value for name, value in json.loads(asked.request.body).items() if name != member}
            return real(replace(asked, request=replace(asked.request, body=json.dumps(params).encode())))

        monkeypatch.setattr(cloud.door, "answer", heard)

    return overlook


def ask(lab, cloud, source):
    """Ask the shop for two hours of one day, of which there are events before and after; return them and the end."""
    noon = cloud.window.start + timedelta(hours=12)
    start = noon.replace(hour=noon.hour // 2 * 2, minute=0, second=0, microsecond=0)
    window = Window(start, start + timedelta(hours=2))
    params = {} if source == LOOKUP else {"log_group_prefix": BUSY}
    with lab.vault.lock(), lab.vault.working():
        asked = replace(lab.order(source, targets=(target(SHOP, HOME),), window=window), params=params)
        (outcome,) = lab.engine(build(fast(source))).collect(asked).outcomes
    return window, outcome


def stored(lab, source):
    """Return the time of every event that is stored."""
    pages = [json.loads(body) for _, body in lab.bodies(source=source)]
    return [datetime.fromtimestamp(event["EventTime"], UTC) for page in pages for event in page.get("Events", ())] + [
        datetime.fromtimestamp(event["timestamp"] / 1000, UTC) for page in pages for event in page.get("events", ())
    ]


@pytest.mark.parametrize(
    ("source", "member", "side"),
    [
        (LOOKUP, "StartTime", "before"),
        (LOOKUP, "EndTime", "after"),
        (LOGS, "startTime", "before"),
        (LOGS, "endTime", "after"),
    ],
)
def test_a_server_that_overlooks_a_bound_is_told_and_all_that_it_gave_is_kept(lab, cloud, deaf, source, member, side):
    deaf(member)
    window, outcome = ask(lab, cloud, source)
    times = stored(lab, source)
    outside = [at for at in times if at not in window]
    facts = {finding.kind: finding for finding in outcome.findings}["outside_window"].facts
    assert (facts["count"], facts[side]) == (str(len(outside)), str(len(outside)))
    assert (facts["first"], facts["last"]) == (rfc3339(min(outside)), rfc3339(max(outside)))
    assert (outcome.status, outcome.records) == (UnitStatus.PARTIAL_ERROR, len(times))
    assert 0 < len(outside) < len(times)


@pytest.mark.parametrize("source", [LOOKUP, LOGS])
def test_a_server_that_listens_is_told_of_nothing(lab, cloud, source):
    window, outcome = ask(lab, cloud, source)
    assert outcome.records == len(stored(lab, source)) > 0
    assert all(at in window for at in stored(lab, source))
    assert not outcome.findings


# -- what else a page can hold -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "times"),
    [(LOOKUP, [None, "2026-11-21T08:00:00"]), (LOGS, [None, "soon", 10**30, [], "0x1"])],
)
def test_events_without_a_readable_time_are_kept_and_counted(given, desk, source, times):
    outcome, found = given(source, answer(source, WHOLE.start, *times))
    assert set(found) == {"times_not_read"}
    assert found["times_not_read"].facts == {
        "count": str(len(times)),
        "ids": ", ".join(f"e{n}" for n in range(1, len(times) + 1)),
    }
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, len(times) + 1)


@pytest.mark.parametrize(
    ("source", "page"), [(LOOKUP, said(Events=[None, {}])), (LOGS, said(events=[None, {"timestamp": None}]))]
)
def test_events_that_are_none_are_counted_too(given, source, page):
    outcome, found = given(source, page)
    assert found["times_not_read"].facts == {"count": "2", "ids": ""}
    assert (outcome.status, outcome.pages) == (UnitStatus.COMPLETE, 1)


@pytest.mark.parametrize("source", [LOOKUP, LOGS])
def test_what_pages_showed_is_told_even_if_a_later_one_cannot_be_had(given, source):
    early = answer(source, WHOLE.start - timedelta(days=1), token="t")
    outcome, found = given(source, early, refused("InvalidNextTokenException"))
    assert found["outside_window"].facts["before"] == "1"
    assert outcome.status is UnitStatus.PARTIAL_TRUNCATED


@pytest.mark.parametrize("source", [LOOKUP, LOGS])
def test_all_pages_of_a_unit_are_one_finding(given, source):
    early, late = WHOLE.start - timedelta(days=1), WHOLE.end + timedelta(days=1)
    outcome, found = given(source, answer(source, late, token="t"), answer(source, early))
    assert len(outcome.findings) == 1
    facts = found["outside_window"].facts
    assert (facts["first"], facts["last"], facts["ids"]) == (rfc3339(early), rfc3339(late), "e0, e0")


def test_however_many_there_are_a_few_ids_are_held():
    strays = Strays(operation="X", window=WHOLE, asked=WHOLE, moment=lambda event: event["at"], id="id")
    for n in range(2_000):
        strays.read([{"id": "x" * 10_000, "at": END + n * SECOND}, {"id": "y", "at": None}])
    assert (strays.after, strays.unread) == (2_000, 2_000)
    assert len(strays.ids) == len(strays.unread_ids) == MAX_NAMED
    assert max(len(one) for one in strays.ids) == 200
    assert strays.edges == (END, END + 1_999 * SECOND)
