"""A look at the sandbox: what may be had, how far back, what logging says; and what drift a changed estate shows."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.lab import DATA, SHOP

from evidence_kit.acquire.context import World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build, grantor
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.readiness.drift import drift
from evidence_kit.governance.readiness.observed import Readiness, parse, written
from evidence_kit.governance.readiness.survey import survey
from evidence_kit.model.source import Limit
from evidence_kit.model.time import Window
from evidence_kit.playbook.library import Library
from evidence_kit.playbook.possible import Basis, possible, wanted
from evidence_kit.sandbox.incident import HOME
from evidence_kit.sources.catalogue import load_catalogue

SOURCES = ("aws.cloudtrail.lookup", "aws.iam.account", "aws.cloudtrail.trails")
OURS = """
apiVersion: evidence-kit/playbook.v1
kind: Playbook
id: ours
version: 1.0.0
title: What happened
"""


@pytest.fixture
def look(cloud):
    """Look at the sandbox's two accounts through a year, as often as asked."""
    specs = {
        name: dataclasses.replace(load_catalogue()[name], limit=Limit(rps=1e6, burst=1_000_000)) for name in SOURCES
    }
    entries = parse_inventory(cloud.inventory.encode(), name="inventory.yaml").entries
    targets = tuple(dataclasses.replace(one.target, regions=(HOME,)) for one in entries)
    end = cloud.window.end

    def call(days: int = 365, sources=SOURCES) -> Readiness:
        shared: dict[str, object] = {}
        order = Order(sources=sources, targets=targets, window=Window(end - timedelta(days=days), end), params={})
        world = World(now=lambda: end, secret=str, pacer=Pacer(), observer=Silent(), backoff=0.001)
        asker = lambda provider: (grantor(provider), shared[provider])  # noqa: E731
        standings, states = survey(order, specs, build(specs, shared), asker, world)
        basis = Basis(
            entries=entries,
            specs=load_catalogue(),
            standings={one.key: one for one in standings},
            at=end,
            policy=None,
        )
        found = tuple(possible(Library(), basis, ("aws-credential-compromise",)))
        return Readiness(
            at="2026-01-01T00:00:00Z", tool="t", asked=days * 86_400, inventory="0" * 64,
            standings=standings, states=states, playbooks=found,
        )  # fmt: skip

    yield call
    cloud.simulator.forbidden.clear()


def of(found, source, target):
    return next(one for one in found.standings if one.key == (source, target))


def test_what_is_granted_is_complete_and_reaches_as_far_as_the_provider_keeps(look) -> None:
    one = of(look(), "aws.cloudtrail.lookup", SHOP)
    assert (one.verdict, one.missing, one.bounded) == ("complete", (), True)
    assert one.reach == 90 * 86_400
    assert of(look(30), "aws.cloudtrail.lookup", SHOP).bounded is False


@pytest.mark.slow
def test_what_has_no_window_has_no_reach(look) -> None:
    assert of(look(), "aws.iam.account", SHOP).reach is None


def test_each_trail_is_told_with_whether_it_logs(look) -> None:
    logging = [one for one in look().states if one.name == "logging"]
    assert logging
    assert {one.kind for one in logging} == {"switch"}
    assert {one.subject.rpartition("/")[0].rpartition(":")[2] for one in logging} == {"trail"}


@pytest.mark.slow
def test_two_looks_at_the_same_estate_differ_in_nothing(look) -> None:
    first, second = look(), look()
    assert written(first) == written(second)
    assert parse(written(first), name="x").to_json() == first.to_json()
    assert drift(first, second) == ()


def test_a_lost_permission_is_drift_for_the_worse_and_named(look, cloud) -> None:
    before = look()
    cloud.simulator.forbidden[DATA] = {"cloudtrail:LookupEvents": "implicitDeny"}
    found = [one for one in drift(before, look()) if one.worse]
    assert ("permission_lost", "lacks cloudtrail:LookupEvents") in {(one.kind, one.said) for one in found}
    assert all(DATA in one.about or one.kind == "playbook" for one in found)
    back = drift(look(), before)
    assert [one.worse for one in back if one.kind == "permission_gained"] == [False]


@pytest.mark.slow
def test_a_trail_that_is_stopped_is_drift_for_the_worse(look, cloud) -> None:
    before = look(sources=("aws.cloudtrail.trails",))
    arn = next(one.subject for one in before.states if one.name == "logging" and one.value == "true")
    client = cloud.client("cloudtrail", SHOP if SHOP in arn else DATA, arn.split(":")[3])
    client.stop_logging(Name=arn)
    try:
        after = look(sources=("aws.cloudtrail.trails",))
    finally:
        client.start_logging(Name=arn)
    found = [one for one in drift(before, after) if one.kind.startswith("logging")]
    assert [(one.kind, one.worse, one.said) for one in found] == [
        ("logging_off", True, "logging: was true, is false")
    ]


def test_a_playbook_says_where_it_can_run_and_what_it_lacks(look, cloud) -> None:
    (one,) = look().playbooks
    assert one.verdict == "partly"
    assert any("was not looked at" in reason for reason in one.reasons)
    assert one.reach == 90 * 86_400
    assert all(label in " ".join(one.targets) for label in (SHOP, DATA))


def test_a_playbook_without_its_targets_cannot_run(cloud) -> None:
    basis = Basis(entries=(), specs=load_catalogue(), standings={}, at=cloud.window.end)
    (one,) = possible(Library(), basis, ("aws-credential-compromise",))
    assert one.verdict == "cannot"
    assert "needs at least 1 of aws" in one.reasons[0]


def test_a_playbook_that_cannot_be_read_does_not_hide_the_others(cloud, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(OURS)
    entries = parse_inventory(cloud.inventory.encode(), name="inventory.yaml").entries
    basis = Basis(entries=entries, specs=load_catalogue(), standings={}, at=cloud.window.end)
    found = {one.playbook: one for one in possible(Library((tmp_path,)), basis)}
    assert found["broken"].verdict == "cannot"
    assert "broken.yaml" in found["broken"].reasons[0]
    assert len(found) > 1
    assert "aws.cloudtrail.lookup" in wanted(Library((tmp_path,)), basis)


def test_what_was_found_is_json(look) -> None:
    said = json.loads(written(look(30)))
    assert said["apiVersion"] == "evidence-kit/readiness.v1"
    assert {one["source"] for one in said["sources"]} == set(SOURCES)
