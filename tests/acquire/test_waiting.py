"""Waiting: as long as the provider asks for within reason, and never once the operator wants to stop."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from support.lab import BOTH, fast, truth_of
from support.script import playing, refused, said

from evidence_kit.acquire.context import MAX_FAILED, MAX_THROTTLED
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.open_work import find_work
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, OperatorStop
from evidence_kit.model.status import UnitStatus

LOOKUP = "aws.cloudtrail.lookup"
NONE = said(Events=[])


class Watch(Silent):
    """Keeps what the engine says while it waits; may answer the first wait."""

    def __init__(self, answer=None):
        self.waits, self.answer = [], answer or (lambda: None)

    def waiting(self, unit, seconds, reason):
        self.waits.append((seconds, reason))
        self.answer()


@pytest.fixture
def play(monkeypatch):
    with ExitStack() as stack:

        def start(**lines):
            script, environ = stack.enter_context(playing("111122223333", **lines))
            for name, value in environ.items():
                monkeypatch.setenv(name, value)
            return script

        yield start


@pytest.fixture
def one_day(lab):
    lab.window = next(iter(lab.window.split(lab.window.end - lab.window.end.replace(hour=0))))
    return lab


def test_retry_after_is_kept_to(one_day, play):
    play(LookupEvents=[refused("ThrottlingException", Retry_After="0.4"), NONE])
    watch, began = Watch(), time.monotonic()
    assert one_day.collect(LOOKUP, observer=watch).exit is Exit.OK
    assert time.monotonic() - began >= 0.4
    assert any(seconds >= 0.4 and "ThrottlingException" in reason for seconds, reason in watch.waits)


@pytest.mark.parametrize("said_so", ["86400", "1e300", "inf"])
def test_a_provider_that_asks_for_more_patience_than_anybody_has_ends_as_throttled(one_day, play, said_so):
    play(LookupEvents=[refused("ThrottlingException", Retry_After=said_so), NONE])
    (outcome,) = one_day.collect(LOOKUP).outcomes
    assert outcome.status is UnitStatus.PARTIAL_THROTTLED
    assert "asks to wait" in outcome.reason


@pytest.mark.parametrize("said_so", ["nan", "-5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_says_nothing_is_passed_over(one_day, play, said_so):
    play(LookupEvents=[refused("ThrottlingException", Retry_After=said_so), NONE])
    assert one_day.collect(LOOKUP).exit is Exit.OK


def test_throttling_is_tried_ten_times_and_failures_five(one_day, play):
    for line, most in ((refused("ThrottlingException"), MAX_THROTTLED), (refused("X", status=500), MAX_FAILED)):
        script = play(LookupEvents=[line])
        one_day.collect(LOOKUP, backoff=0.000_01)
        assert len(script.heard["LookupEvents"]) == most


def test_a_pause_ends_at_once_when_the_operator_stops(lab, play):
    script = play(LookupEvents=[refused("ThrottlingException", Retry_After="60")])
    watch = Watch()
    engine = lab.engine(build(fast(LOOKUP)), observer=watch)
    watch.answer = engine.stop.set
    began = time.monotonic()
    with lab.vault.lock(), lab.vault.working():
        result = engine.collect(lab.order(LOOKUP))
    assert time.monotonic() - began < min(seconds for seconds, _ in watch.waits)
    assert script.heard["LookupEvents"]
    assert {o.status for o in result.outcomes} == {UnitStatus.SKIPPED_BY_OPERATOR}
    assert result.exit is Exit.INCOMPLETE


def test_stopped_while_planning_nothing_is_written(lab, play):
    play(DescribeTrails=[refused("ThrottlingException", Retry_After="60")])
    before = sorted(lab.root.rglob("*"))
    engine = lab.engine(build(fast("aws.cloudtrail.s3")))
    threading.Timer(0.3, engine.stop.set).start()
    with lab.vault.lock(), lab.vault.working(), pytest.raises(OperatorStop, match="plan"):
        engine.collect(lab.order("aws.cloudtrail.s3"))
    assert sorted(lab.root.rglob("*")) == before


def take_up(lab, *sources):
    """Collect what is open, as `resume` does once everything is sealed."""
    with lab.vault.lock(), lab.vault.working():
        assert find_work(lab.vault).run(lab.engine(build(fast(*sources)))).exit is Exit.OK


class StopAfter(Silent):
    """Sets the stop after some artifacts, as the first Ctrl-C does; raises at once on the second."""

    def __init__(self, artifacts, act):
        self.left, self.act = artifacts, act

    def stored(self, unit, size, records):
        self.left -= 1
        if self.left == 0:
            self.act()


@pytest.mark.slow
def test_stopped_in_the_middle_it_is_sealed_and_what_is_open_can_be_taken_up(cloud, lab):
    engine = lab.engine(build(fast(LOOKUP, "aws.cloudtrail.s3")), workers=2)
    engine.observer = StopAfter(40, engine.stop.set)
    places = (BOTH[0],)
    with lab.vault.lock(), lab.vault.working():
        result = engine.collect(lab.order(LOOKUP, "aws.cloudtrail.s3", targets=places))
    assert result.exit is Exit.INCOMPLETE
    ends = set(lab.outcomes().values())
    assert UnitStatus.SKIPPED_BY_OPERATOR in ends
    assert ends <= {UnitStatus.SKIPPED_BY_OPERATOR, UnitStatus.PARTIAL_TRUNCATED, UnitStatus.COMPLETE}
    report = lab.verify()
    assert (report.exit(), report.exit(require_complete=True)) == (Exit.OK, Exit.INCOMPLETE)
    take_up(lab, LOOKUP, "aws.cloudtrail.s3")
    assert set(lab.looked_up()) == set(truth_of(cloud.truth.lookup, *places))
    assert set(lab.delivered()) == set(truth_of(cloud.truth.delivered, *places))
    assert lab.verify().exit() is Exit.OK


class Interrupting:
    """An executor that is interrupted when one unit has ended, and another may be under way."""

    def __init__(self, workers):
        self._pool = ThreadPoolExecutor(workers)
        self._given = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown(wait=True)

    def shutdown(self, *, wait, cancel_futures):
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def submit(self, work, *args):
        self._given += 1
        if self._given > 2:
            raise KeyboardInterrupt
        done = self._pool.submit(work, *args)
        if self._given == 1:
            done.result()
        return done


def test_stopped_twice_what_had_arrived_is_signed_and_resume_continues(cloud, lab):
    engine = lab.engine(build(fast(LOOKUP)), workers=2)
    engine.executor = Interrupting
    others = set(threading.enumerate())  # tests that crash a run leave its recorder behind
    with lab.vault.lock(), lab.vault.working():
        with pytest.raises(OperatorStop) as stopped:
            engine.collect(lab.order(LOOKUP, targets=BOTH))
        assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "recorder"]
    assert stopped.value.exit is Exit.INTERRUPTED
    assert lab.verify().exit() is Exit.INCOMPLETE
    assert [line for line in lab.exchanges() if line["artifact"]]
    # A unit that was under way may have ended as skipped; sealing says so, and what is open is then taken up.
    if lab.resume(LOOKUP, targets=BOTH).exit is Exit.INCOMPLETE:
        take_up(lab, LOOKUP)
    assert set(lab.looked_up()) == set(truth_of(cloud.truth.lookup, *BOTH))
    assert lab.verify().exit() is Exit.OK
