"""Drift between two looks: each kind of change is found, and told for better or worse."""

from dataclasses import replace

import pytest

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import UntrustedError, UsageError
from evidence_kit.governance.readiness import baseline
from evidence_kit.governance.readiness.drift import drift
from evidence_kit.governance.readiness.observed import Possible, Readiness, Standing, State, as_value, parse, written
from evidence_kit.governance.readiness.states import rules
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.sources.catalogue import load_catalogue

DAY = 86_400
ONE = Standing(
    source="aws.x.y", target="1", label="shop (1)", provider="aws", verdict="complete", reach=90 * DAY, bounded=True
)
LOGS = State(
    source="aws.logs.config", target="1", place="eu-west-1", subject="g", name="kept", kind="days", value="365"
)
FOUND = Readiness(
    at="2026-11-21T00:00:00Z",
    tool="evidence-kit",
    asked=400 * DAY,
    inventory="0" * 64,
    standings=(ONE,),
    states=(LOGS,),
    playbooks=(Possible(playbook="p", version="1.0.0", verdict="ready"),),
)


def states(value: object, kind="days", name="kept"):
    return replace(FOUND, states=(replace(LOGS, value=as_value(value), kind=kind, name=name),))


def kinds(before, after):
    return [(one.kind, one.worse) for one in drift(before, after)]


def test_nothing_changed_is_no_drift() -> None:
    assert drift(FOUND, replace(FOUND, at="2027-01-01T00:00:00Z")) == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(ONE, missing=("a:B",)), [("permission_lost", True)]),
        (replace(ONE, unknown=("a:B",)), [("permission_unknown", True)]),
        (replace(ONE, verdict="partial", reasons=("why",)), [("verdict", True)]),
        (replace(ONE, verdict="nothing"), [("verdict", True)]),
        (replace(ONE, reach=30 * DAY), [("retention", True)]),
        (replace(ONE, reach=180 * DAY), [("retention", False)]),
        (replace(ONE, reach=90 * DAY + 60), []),
    ],
)
def test_a_source_that_stands_otherwise(changed, expected) -> None:
    assert kinds(FOUND, replace(FOUND, standings=(changed,))) == expected


def test_what_was_lacking_and_is_not_known_any_more_is_nothing_gained() -> None:
    lacking = replace(FOUND, standings=(replace(ONE, missing=("a:B",)),))
    unknown = replace(FOUND, standings=(replace(ONE, unknown=("a:B",)),))
    assert kinds(lacking, unknown) == [("permission_unknown", False)]
    assert kinds(lacking, FOUND) == [("permission_gained", False)]


def test_a_reach_that_was_only_asked_about_less_is_no_drift() -> None:
    shorter = replace(FOUND, standings=(replace(ONE, reach=30 * DAY, bounded=False),))
    assert drift(FOUND, shorter) == ()
    assert drift(shorter, FOUND) == ()


def test_a_target_that_is_not_looked_at_any_more_is_worse_and_a_new_one_is_not() -> None:
    without = replace(FOUND, standings=())
    assert kinds(FOUND, without) == [("not_looked_at", True)]
    assert kinds(without, FOUND) == [("new", False)]


@pytest.mark.parametrize(
    ("was", "now", "kind", "expected"),
    [
        (365, 30, "days", ("retention", True)),
        (30, 365, "days", ("retention", False)),
        (None, 365, "days", ("retention", True)),  # nothing said is without end
        (365, None, "days", ("retention", False)),
        (True, False, "switch", ("logging_off", True)),
        (False, True, "switch", ("logging_on", False)),
        (True, None, "switch", ("logging_off", True)),
        ("a", "b", "setting", ("setting", True)),
        (["complete", ""], ["not_enabled", "off"], "status", ("logging_off", True)),
        (["complete", ""], ["denied", "no"], "status", ("answer", True)),
        (["denied", "no"], ["complete", ""], "status", ("answer", False)),
    ],
)
def test_a_provider_that_says_otherwise_of_its_logging(was, now, kind, expected) -> None:
    assert kinds(states(was, kind), states(now, kind)) == [expected]


def test_logging_that_is_gone_is_worse() -> None:
    without = replace(FOUND, states=())
    assert kinds(FOUND, without) == [("logging_gone", True)]
    assert kinds(without, FOUND) == [("logging_new", False)]


def test_a_playbook_that_can_do_less_is_worse() -> None:
    partly = replace(FOUND, playbooks=(replace(FOUND.playbooks[0], verdict="partly"),))
    assert kinds(FOUND, partly) == [("playbook", True)]
    assert kinds(partly, FOUND) == [("playbook", False)]
    assert kinds(FOUND, replace(FOUND, playbooks=())) == [("playbook", True)]


def test_the_worse_comes_first() -> None:
    after = replace(FOUND, standings=(replace(ONE, missing=("a:B",)), replace(ONE, target="2")))
    assert [one.worse for one in drift(FOUND, after)] == [True, False]


# -- the file ----------------------------------------------------------------------------------------------------


@pytest.fixture
def signer():
    return KeySigner(generate("p256"))


def test_a_baseline_that_was_signed_is_accepted(signer) -> None:
    bundle = baseline.sign(written(FOUND), name="base.json", at=FOUND.at, signer=signer)
    assert baseline.require_signed(written(FOUND), bundle, name="base.json", key=signer.public) == FOUND.at


def test_a_baseline_that_was_changed_is_refused(signer) -> None:
    bundle = baseline.sign(written(FOUND), name="base.json", at=FOUND.at, signer=signer)
    changed = written(FOUND).replace(b"365", b"364")
    with pytest.raises(UntrustedError, match="changed after"):
        baseline.require_signed(changed, bundle, name="base.json", key=signer.public)


def test_a_baseline_of_another_key_or_of_none_is_refused(signer) -> None:
    bundle = baseline.sign(written(FOUND), name="base.json", at=FOUND.at, signer=signer)
    other: PublicKey = KeySigner(generate("p256")).public
    for given in (bundle, None, b"{}", b"x" * (baseline.MAX_BUNDLE + 1)):
        with pytest.raises(UntrustedError):
            baseline.require_signed(written(FOUND), given, name="base.json", key=other)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"apiVersion": "evidence-kit/case.v1"}', b"\xff", b"[" * 10_000]
)
def test_what_is_no_baseline_is_refused(text) -> None:
    with pytest.raises(UsageError):
        parse(text, name="base.json")


def test_every_rule_names_a_source_of_the_catalogue_and_a_known_kind() -> None:
    known = load_catalogue()
    assert rules()
    for source, listed in rules().items():
        assert source in known
        operations = repr(known[source].settings)
        for rule in listed:
            assert rule.operation in operations
            assert {kind for _, kind in rule.facts.values()} <= {"switch", "days", "setting"}
