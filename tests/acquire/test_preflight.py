"""Before the first evidence call: what will be missing is said, for each source at each target, with its reason."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.casemaker import SPEC

from evidence_kit.acquire.context import World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.plan import Plan
from evidence_kit.acquire.preflight import Verdict, check, forecast
from evidence_kit.errors import AccessError, OperatorStop, ProviderError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.grants import Grants
from evidence_kit.model.status import UnitStatus as S
from evidence_kit.model.unit import Target, Unit

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACCOUNT = Target(provider="aws", id="111122223333", name="shop")
TWO = replace(SPEC, name="aws.two", permissions=("a:List", "a:Get"))
ALL = Grants()


def unit(*settled, region="r1", source="aws.two"):
    return Unit(source=source, target=ACCOUNT, region=region, settled=settled or None)


def expect(*units, grants=ALL):
    return forecast(TWO, ACCOUNT, units, grants)


def test_what_is_granted_and_open_will_be_complete():
    assert expect(unit()).verdict is Verdict.COMPLETE
    assert not expect(unit()).falls_short


@pytest.mark.parametrize(
    ("missing", "verdict"), [({"a:Get": "no policy allows it"}, Verdict.PARTIAL),
                             ({"a:Get": "x", "a:List": "x"}, Verdict.IMPOSSIBLE)]
)  # fmt: skip
def test_a_permission_that_is_lacking_is_named_with_its_reason(missing, verdict):
    found = expect(unit(), grants=Grants(missing=missing))
    assert found.verdict is verdict
    assert f"lacks a:Get ({missing['a:Get']})" in found.reasons


def test_a_permission_that_the_source_does_not_need_is_no_reason():
    assert expect(unit(), grants=Grants(missing={"b:Other": "x"})).verdict is Verdict.COMPLETE


def test_what_planning_has_settled_is_said_once_with_its_places():
    gone = (S.EXPIRED_RETENTION, "older than 90 days")
    found = expect(*(unit(*gone, region=f"r{n}") for n in range(5)), unit(region="r9"))
    assert found.verdict is Verdict.PARTIAL
    assert found.reasons == ("expired_retention: r0, r1, r2 and 2 more: older than 90 days",)


def test_where_nothing_is_switched_on_there_is_nothing_to_miss():
    found = expect(unit(S.NOT_ENABLED, "off"), unit(S.REGION_DISABLED, "not opted in", region="r2"))
    assert found.verdict is Verdict.NOTHING
    assert not found.falls_short


def test_where_all_is_settled_and_something_lost_it_is_impossible():
    assert expect(unit(S.DENIED, "no"), unit(S.NOT_ENABLED, "off", region="r2")).verdict is Verdict.IMPOSSIBLE


def fly(grantor, **changes):
    world = World(now=lambda: NOW, secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event(), **changes)
    plan = Plan(units=(unit(),), exchanges=())
    return check(plan, {"aws.two": TWO}, lambda _: grantor and (grantor, "access"), world)


def test_the_provider_is_asked_once_a_target_for_what_its_sources_need():
    asked = []

    def grantor(access, target, permissions, ctx):
        asked.append((access, target.id, tuple(permissions)))
        return Grants(caller="arn:me", missing={"a:Get": "no"})

    flight = fly(grantor)
    assert asked == [("access", "111122223333", ("a:Get", "a:List"))]
    assert flight.grants["111122223333"].caller == "arn:me"
    assert [one.verdict for one in flight.forecasts] == [Verdict.PARTIAL]


@pytest.mark.parametrize(
    "failure", [Stop(S.DENIED, "not allowed"), AccessError("not allowed"), ProviderError("not allowed")]
)
def test_that_nobody_could_tell_is_no_promise_and_no_loss(failure):
    def grantor(*_):
        raise failure

    flight = fly(grantor)
    assert flight.forecasts[0].verdict is Verdict.UNKNOWN
    assert not flight.forecasts[0].falls_short
    assert dict(flight.grants["111122223333"].unknown) == dict.fromkeys(("a:Get", "a:List"), "not allowed")


def test_a_provider_that_cannot_be_asked_leaves_all_unknown():
    assert set(fly(None).grants["111122223333"].unknown) == {"a:Get", "a:List"}


def test_the_operator_may_stop_a_check():
    def grantor(access, target, permissions, ctx):
        ctx.pause(0, "x")

    stop = threading.Event()
    stop.set()
    world = World(now=lambda: NOW, secret=str, pacer=Pacer(), observer=Silent(), stop=stop)
    with pytest.raises(OperatorStop):
        check(Plan(units=(unit(),), exchanges=()), {"aws.two": TWO}, lambda _: (grantor, ""), world)
