"""The story as data: whatever is made of it follows from the end of its window and nothing else."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.sandbox.hybrid import cast, google, microsoft, partners
from evidence_kit.sandbox.hybrid.amazon import chapter
from evidence_kit.sandbox.hybrid.sources import SOURCES
from evidence_kit.sandbox.hybrid.story import BY_NAME, STORY, SUPPLIER_AHEAD, of
from evidence_kit.sandbox.incident import LENGTH, make_incident
from evidence_kit.sources.catalogue import load_catalogue

END = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
WINDOW = Window(END - LENGTH, END)
LATER = Window(WINDOW.start + timedelta(days=400), END + timedelta(days=400))


def test_events_stand_in_order_and_each_has_its_own_minute():
    assert all(b.moment - a.moment >= timedelta(minutes=1) for a, b in pairwise(STORY))
    assert len(BY_NAME) == len(STORY)
    assert all(event.at(WINDOW) in WINDOW and event.logged(WINDOW) in WINDOW for event in STORY)


def test_each_event_says_what_it_means_and_lies_in_a_source_that_is_collected():
    known = load_catalogue([partners.CONNECTOR])
    for event in STORY:
        assert event.meaning
        assert event.source in SOURCES
        assert known[event.source].provider == event.provider


def test_the_story_reaches_into_every_estate():
    assert {event.provider for event in STORY} == {"aws", "azure", "gcp", "github", cast.ACME}


def test_by_the_supplier_s_own_clock_its_key_would_be_used_after_what_it_was_used_for():
    issued, poisoned = BY_NAME["issued"], BY_NAME["poisoned"]
    assert issued.at(WINDOW) < poisoned.at(WINDOW) < issued.logged(WINDOW)
    assert issued.logged(WINDOW) - issued.at(WINDOW) == SUPPLIER_AHEAD


def records(window):
    """Return all that estates other than AWS would say of a window."""
    tables = [table.given for table in microsoft.tables(window)]
    return google.estate(window).entries, partners.logs(window), tables


def test_the_same_end_tells_the_same_and_another_end_the_same_at_another_time():
    assert records(WINDOW) == records(WINDOW)
    first, later = google.estate(WINDOW).entries, google.estate(LATER).entries
    moved = LATER.start - WINDOW.start
    assert [rfc3339(parse_instant(one["timestamp"]) + moved) for one in first] == [one["timestamp"] for one in later]


def test_the_intrusion_of_the_shop_is_the_same_with_the_story_and_without():
    alone = make_incident(end=END, seed=1, log_events=10)
    beside = make_incident(end=END, seed=1, log_events=10, more=chapter().acts)
    added = len(chapter().acts)
    assert sum(map(len, beside.events.values())) == sum(map(len, alone.events.values())) + added
    for place, found in alone.events.items():
        assert {record["eventID"] for record in found} <= {record["eventID"] for record in beside.events[place]}


def test_what_the_shop_does_with_the_poisoned_features_lies_before_its_trail_is_stopped():
    assert BY_NAME["deployed"].moment < BY_NAME["entered"].moment < BY_NAME["blinded"].moment


def test_a_source_without_events_tells_none():
    assert of("aws.iam.account") == ()
