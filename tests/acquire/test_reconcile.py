"""A second pass after the settle time: what came late is fetched, and what changed is said."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.open_work import find_unsettled
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.analysis.passes import Change, changes
from evidence_kit.errors import EmptyError, Exit, UsageError
from evidence_kit.model.exchange import Closed, Page
from evidence_kit.model.source import RecordPath
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit

SLOW = replace(SPEC, settle=timedelta(hours=1), records=RecordPath(path="Events", id="id", time="at"))
EARLY, LATE = WINDOW.end + timedelta(minutes=1), WINDOW.end + timedelta(hours=2)


@dataclass
class Growing:
    """A source whose provider delivers some events late, and takes some away."""

    bodies: list[bytes]
    spec: object = SLOW
    asked: int = field(default=0)

    def units(self, scope, ctx):
        yield Unit(source=SOURCE, target=scope.target, region="us-east-1", window=scope.window)

    def acquire(self, unit, ctx):
        body = self.bodies[min(self.asked, len(self.bodies) - 1)]
        self.asked += 1
        yield Page(name="list", body=body, exchange=exchange("List", body), next_cursor=None, records=1)


@pytest.fixture
def case(tmp_path):
    made = Case(tmp_path / "case")
    made.open()
    return made


def engine(case, collector, now):
    vault = case.vault
    return Engine(
        vault=vault, keeper=case.keeper_of(vault), collectors={SOURCE: collector}, now=lambda: now, workers=1
    )


def run(case, collector, now, work=None):
    made = engine(case, collector, now)
    with made.vault.lock(), made.vault.working():
        if work is not None:
            return work.run(made)
        return made.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))


def settled(now):
    return lambda unit: unit.window.end + SLOW.settle <= now


def two_passes(case, *bodies):
    collector = Growing(list(bodies))
    run(case, collector, EARLY)
    run(case, collector, LATE, find_unsettled(case.vault, settled(LATE)))
    (change,) = changes(case.vault, {SOURCE: SLOW})
    return change


def test_what_came_late_and_what_is_gone_is_counted(case):
    change = two_passes(case, b'{"Events":[{"id":"a"},{"id":"b"}]}', b'{"Events":[{"id":"b"},{"id":"c"},{"id":"d"}]}')
    assert (change.both, change.late, change.gone) == (1, 2, 1)
    assert change.before != change.after


def test_two_passes_that_agree_have_nothing_to_tell(case):
    change = two_passes(case, b'{"Events":[{"id":"a"}]}', b'{"Events": [{"id": "a"}]}')
    assert (change.both, change.late, change.gone) == (1, 0, 0)


def test_both_passes_stay_in_the_case_and_it_verifies(case):
    two_passes(case, b'{"Events":[{"id":"a"}]}', b'{"Events":[{"id":"a"},{"id":"b"}]}')
    assert len(list((case.root / "bags").iterdir())) == 2
    assert case.verify(each_signature=True).exit(require_complete=True) is Exit.OK


def test_a_body_that_is_no_json_stands_for_itself(case):
    change = two_passes(case, b"<a/>", b"<b/>")
    assert (change.both, change.late, change.gone) == (0, 1, 1)


def test_what_has_not_settled_is_left_alone(case):
    run(case, Growing([b'{"Events":[]}']), EARLY)
    with pytest.raises(EmptyError, match="1 are not settled yet"):
        find_unsettled(case.vault, settled(EARLY))


def test_what_was_complete_is_not_asked_for_again(case):
    run(case, Growing([b'{"Events":[]}']), NOW)
    with pytest.raises(EmptyError, match="nothing is left to reconcile"):
        find_unsettled(case.vault, settled(NOW))


def test_after_the_second_pass_nothing_is_left(case):
    two_passes(case, b'{"Events":[{"id":"a"}]}', b'{"Events":[{"id":"a"}]}')
    with pytest.raises(EmptyError):
        find_unsettled(case.vault, settled(LATE))


@dataclass
class Sampled(Growing):
    """Such a source whose provider records a sample only."""

    def acquire(self, unit, ctx):
        yield from super().acquire(unit, ctx)
        yield Closed(status=UnitStatus.SAMPLED_AT_SOURCE, reason="best effort")


def test_a_limit_does_not_hide_that_more_may_come_and_the_second_pass_takes_it_up_once(case):
    collector = Sampled([b'{"Events":[{"id":"a"}]}', b'{"Events":[{"id":"a"},{"id":"b"}]}'])
    (early,) = run(case, collector, EARLY).outcomes
    until = (WINDOW.end + SLOW.settle).strftime("%Y-%m-%dT%H:%M")
    assert early.status is UnitStatus.SAMPLED_AT_SOURCE
    assert early.reason.startswith(f"best effort; the provider may still deliver events of this window until {until}")
    (late,) = run(case, collector, LATE, find_unsettled(case.vault, settled(LATE))).outcomes
    assert (late.status, late.reason) == (UnitStatus.SAMPLED_AT_SOURCE, "best effort")
    (change,) = changes(case.vault, {SOURCE: SLOW})
    assert (change.both, change.late, change.gone) == (1, 1, 0)
    with pytest.raises(EmptyError, match="nothing is left to reconcile"):
        find_unsettled(case.vault, settled(LATE))


def test_a_limited_unit_of_a_settled_window_is_not_asked_for_again(case):
    (outcome,) = run(case, Sampled([b'{"Events":[]}']), LATE).outcomes
    assert outcome.reason == "best effort"
    with pytest.raises(EmptyError, match="nothing is left to reconcile"):
        find_unsettled(case.vault, settled(LATE))


def test_a_case_with_an_unsealed_acquisition_is_resumed_first(unsealed_case):
    with pytest.raises(UsageError, match="not sealed"):
        find_unsettled(unsealed_case.vault, settled(LATE))


def test_a_case_collected_once_has_no_changes(case):
    run(case, Growing([b'{"Events":[{"id":"a"}]}']), EARLY)
    assert changes(case.vault, {SOURCE: SLOW}) == ()
    assert Change(unit="u", before="a", after="b").late == 0
