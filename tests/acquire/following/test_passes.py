"""Pass after pass, every window is had once: whatever the clocks say, and whoever is killed."""

import os
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from support.casemaker import TARGET, Crash
from support.following import MINUTE, QUICK, REGIONS, SINCE, SLOW, Feed, Hands, Incident, Torn, joined
from support.lab import END

from evidence_kit.acquire.following.had import Had
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import (
    AccessError,
    DigestError,
    EmptyError,
    Exit,
    PluginError,
    ProviderError,
    UsageError,
    VaultError,
)
from evidence_kit.model.source import Param
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit
from evidence_kit.vaults.local import Busy, LocalVault

SETTLES = {QUICK.name: QUICK.settle, SLOW.name: SLOW.settle}


@pytest.fixture
def incident(tmp_path):
    return Incident(tmp_path / "case")


def after(minutes):
    return END + timedelta(minutes=minutes)


def test_windows_of_passes_join_and_end_where_each_source_has_settled(incident):
    incident.run(after(0), after(5), after(11))

    for (source, _), windows in incident.complete().items():
        assert joined(windows) == Window(SINCE, after(11) - SETTLES[source])
    assert len(incident.lab.bags) == 3
    assert {source: set(incident.events(source).values()) for source in SETTLES} == {name: {1} for name in SETTLES}
    assert incident.lab.verify().exit(require_complete=True) is Exit.OK


def test_where_nothing_new_has_settled_nothing_is_asked(incident):
    incident.run(after(0), after(0))

    assert len(incident.lab.bags) == 1
    assert incident.hands.passes[-1].result is None


def test_what_ended_open_is_taken_up_again_and_only_then_had(incident):
    quick, _ = incident.feeds
    quick.broken = frozenset({"us-east-1"})
    incident.run(after(0))
    quick.broken = frozenset()
    follow = incident.run(after(5))

    assert incident.hands.passes[0].open == 1
    assert follow.last.open == 0
    assert joined(incident.complete()[QUICK.name, "us-east-1"]) == Window(SINCE, after(5) - QUICK.settle)
    assert incident.lab.verify().exit(require_complete=True) is Exit.OK


def test_what_could_not_be_planned_is_taken_as_one_window_once_it_can(incident):
    quick, _ = incident.feeds
    incident.run(after(0))
    quick.closed = True
    incident.run(after(5), after(10))
    quick.closed = False
    incident.run(after(15))

    assert [one.open for one in incident.hands.passes] == [0, 1, 2, 0]
    last = incident.complete()[QUICK.name, "us-east-1"][-1]
    assert last == Window(after(0) - QUICK.settle, after(15) - QUICK.settle)
    assert set(incident.events(QUICK.name).values()) == {1}
    assert incident.lab.verify().exit(require_complete=True) is Exit.OK


def test_what_could_not_be_planned_says_so_of_its_own_window_only(incident):
    quick, _ = incident.feeds
    incident.run(after(0))
    quick.closed = True
    incident.run(after(5))

    (denied,) = [name for name, status in incident.lab.outcomes().items() if status is UnitStatus.DENIED]
    assert denied.endswith("|2026-11-21T11:55:00Z/2026-11-21T12:00:00Z")


def test_a_laptop_that_slept_takes_what_it_missed_in_one_pass(incident):
    incident.run(after(0), after(600))

    windows = incident.complete()[QUICK.name, "us-east-1"]
    assert windows == [Window(SINCE, after(-5)), Window(after(-5), after(595))]


def test_until_ends_it_once_every_source_has_settled(incident):
    incident.run(after(0), after(30), after(60), after(90), until=END)

    assert len(incident.hands.passes) == 3
    assert incident.hands.passes[-1].next_at is None
    assert {joined(windows) for windows in incident.complete().values()} == {Window(SINCE, END)}


def test_a_target_that_joins_later_is_taken_from_the_start(incident):
    incident.run(after(0))
    other = Target(provider="aws", id="444455556666", name="data")
    order = Order(sources=incident.order.sources, targets=(other,), window=incident.order.window, params={})
    incident.run(after(5), order=order)

    windows = incident.complete()[QUICK.name, "us-east-1"]
    assert windows == [Window(SINCE, after(-5)), Window(SINCE, after(0))]


def test_what_a_collect_by_hand_has_is_not_asked_for_again(incident):
    vault = incident.lab.vault
    with vault.lock(), vault.working():
        engine = incident.lab.engine({feed.spec.name: feed for feed in incident.feeds})
        engine.collect(
            incident.lab.order(QUICK.name, targets=incident.order.targets, window=Window(SINCE, after(-60)))
        )
    incident.run(after(0))

    assert incident.complete()[QUICK.name, "us-east-1"] == [Window(SINCE, after(-60)), Window(after(-60), after(-5))]


@pytest.mark.parametrize(("params", "since"), [({"pattern": "x"}, SINCE), ({}, after(-5))])
def test_other_parameters_are_another_question(incident, params, since):
    incident.run(after(0))
    spec = replace(QUICK, params=(Param(name="pattern", help=""),))
    had = Had(specs={spec.name: spec}, order=replace(incident.order, params=params))
    had.read(incident.lab.vault)

    unit = Unit(source=QUICK.name, target=TARGET, region="us-east-1", window=Window(SINCE, after(0)))
    assert [one.start for one in had.missing(unit, after(0))] == [since]


# -- clocks --------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_is_not_believed_against_the_providers(tmp_path):
    hands = Hands()
    feed = Feed(QUICK, dated=lambda: END + timedelta(seconds=hands.lived))
    incident = Incident(tmp_path / "case", feeds=(feed,), hands=hands)
    follow = incident.run(after(0))
    hands.at = after(300)  # set, not lived through
    incident.go_on(follow, after(300))
    assert hands.passes[-1].result is None
    assert hands.passes[-1].ahead == timedelta(minutes=300)
    hands.at = after(0)
    incident.go_on(follow, after(10))

    assert joined(incident.complete()[QUICK.name, "us-east-1"]) == Window(SINCE, after(5))


def test_what_was_asked_by_a_clock_ahead_is_had_only_as_far_as_the_provider_had_settled(tmp_path):
    hands = Hands()
    feed = Feed(QUICK, dated=lambda: END)
    incident = Incident(tmp_path / "case", feeds=(feed,), hands=hands)
    hands.at = after(300)
    incident.run(after(300))
    hands.at = END
    feed.dated = None
    incident.run(after(10))

    windows = incident.complete()[QUICK.name, "us-east-1"]
    assert windows[1] == Window(END - QUICK.settle, after(10) - QUICK.settle)


# -- what ends it, and what does not -------------------------------------------------------------------------------


def test_a_bag_that_is_not_what_was_sealed_is_not_believed(incident):
    incident.run(after(0))
    path = incident.lab.bags[0] / "record/exchanges.jsonl"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"us-east-1", b"us-west-1"))

    with pytest.raises(DigestError, match="not what was sealed"):
        incident.run(after(5))


def test_a_case_that_is_written_to_by_another_is_waited_for_but_not_at_first(incident):
    other = LocalVault(incident.root, reserve=0)
    with other.lock(), pytest.raises(Busy):
        incident.run(after(0))
    follow = incident.run(after(0))
    with other.lock():
        done, is_over, _ = follow._turn(2, after(5), 0.0)
    assert (type(done.error), is_over) == (Busy, False)


def opened_but(incident, kind, start, end):
    """Start the command where between two moments there is no cluster, or whatever else a pass opens."""
    follow = incident.start(until=after(10))
    always = follow.opened

    def opened():
        if start <= incident.hands.at < end:
            raise kind("no cluster, or no credentials")
        return always()

    follow.opened = opened
    return follow


@pytest.mark.parametrize("kind", [AccessError, PluginError, ProviderError])
def test_what_keeps_a_pass_from_opening_is_told_and_a_later_one_takes_its_windows(incident, kind):
    follow = opened_but(incident, kind, after(5), after(60))
    incident.go_on(follow, after(0), after(5), after(30), after(90))

    assert [type(one.error) for one in incident.hands.passes] == [type(None), kind, kind, type(None)]
    assert {joined(windows) for windows in incident.complete().values()} == {Window(SINCE, after(10))}


def test_what_keeps_the_first_pass_from_opening_ends_it_and_so_does_the_end(incident):
    with pytest.raises(ProviderError):
        incident.go_on(opened_but(incident, ProviderError, after(0), after(5)), after(0), after(5))
    follow = opened_but(incident, ProviderError, after(5), after(500))
    incident.go_on(follow, after(0), after(90), after(95))

    assert type(follow.last.error) is ProviderError
    assert (follow.last.number, follow.last.next_at) == (2, None)


def unreachable(engine, taken):
    raise ProviderError("the network is unreachable")


def test_an_error_of_one_pass_is_told_and_the_next_tries_again_until_it_is_over(incident):
    follow = incident.run(after(0), after(30), after(60), after(90), look=unreachable, until=END)

    assert {type(one.error) for one in incident.hands.passes} == {ProviderError}
    assert len(incident.hands.passes) == 3
    assert follow.last.next_at is None
    incident.run(after(90), until=END)
    assert {joined(windows) for windows in incident.complete().values()} == {Window(SINCE, END)}


class Full(LocalVault):
    """A disk that takes no evidence any more."""

    def stage(self, chunks):
        raise VaultError("cannot store evidence: no space left on device")


def test_a_vault_that_fails_ends_it(incident):
    with pytest.raises(VaultError, match="no space left"):
        incident.run(after(0), after(5), vault=Full(incident.root, reserve=0))

    assert len(incident.hands.passes) == 1


def test_an_unsealed_acquisition_of_other_sources_is_left_to_resume(incident):
    with pytest.raises(Crash):
        incident.run(after(0), vault=Torn(incident.root, 5))
    incident.feeds = incident.feeds[:1]
    with pytest.raises(UsageError, match="of other sources"):
        incident.run(after(5), order=Order(sources=(QUICK.name,), targets=(), window=Window(SINCE, END), params={}))


def test_a_pass_that_was_killed_before_its_plan_was_written_is_only_for_follow_to_finish(incident):
    with pytest.raises(Crash):
        incident.run(after(0), vault=Torn(incident.root, 2))
    vault = incident.lab.vault = LocalVault(incident.root)
    with vault.lock(), vault.working():
        work, engine = find_work(vault), incident.lab.engine({feed.spec.name: feed for feed in incident.feeds})
        with pytest.raises(UsageError, match="had not been planned"):
            work.run(engine)


# -- every sequence ------------------------------------------------------------------------------------------------

TURNS = st.lists(
    st.tuples(
        st.integers(min_value=-90, max_value=240),  # minutes by which the clock moves, either way
        st.sampled_from(("", "", "broken", "closed", "killed")),
        st.integers(min_value=0, max_value=14),  # the write at which it is killed
        st.booleans(),  # whether the command is given anew
    ),
    min_size=1,
    max_size=6,
)


def follow_through(root, turns):
    """Follow through `turns`, then once more undisturbed; return the incident and the latest reading."""
    incident = Incident(root)
    latest, follow = END, None
    for minutes, what, nth, anew in turns:
        incident.hands.at += minutes * MINUTE
        latest = max(latest, incident.hands.at)
        for feed in incident.feeds:
            feed.broken = frozenset({REGIONS[0]} if what == "broken" else ())
            feed.closed = what == "closed"
        if follow is None or anew or what == "killed":
            follow = incident.start(vault=Torn(root, nth if what == "killed" else None))
        try:
            incident.go_on(follow, incident.hands.at)
        except Crash:
            follow = None
    for feed in incident.feeds:
        feed.broken, feed.closed = frozenset(), False
    incident.hands.at = latest
    incident.run(latest)
    return incident, latest


def assert_had_once(incident, latest):
    complete = incident.complete()
    assert set(complete) == {(source, region) for source in SETTLES for region in REGIONS}
    for (source, _), windows in complete.items():
        assert joined(windows) == Window(SINCE, latest - SETTLES[source])
    assert incident.lab.verify(each_signature=False).exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError):
        find_work(incident.lab.vault)


LOOSE = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@given(TURNS)
@settings(max_examples=int(os.environ.get("EVIDENCE_KIT_EXAMPLES", "8")), **LOOSE)
def test_whatever_happens_every_window_is_had_once(tmp_path_factory, turns):
    assert_had_once(*follow_through(tmp_path_factory.mktemp("followed") / "case", turns))


@pytest.mark.slow
@given(TURNS)
@settings(max_examples=150, **LOOSE)
def test_whatever_happens_every_window_is_had_once_at_length(tmp_path_factory, turns):
    assert_had_once(*follow_through(tmp_path_factory.mktemp("followed") / "case", turns))
