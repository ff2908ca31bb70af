"""A look at the hybrid estate: what Azure and Google Cloud grant, how far back they go, what their logging keeps."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from evidence_kit.acquire.context import World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build, grantor
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.readiness.survey import survey
from evidence_kit.model.source import Limit
from evidence_kit.model.time import Window
from evidence_kit.sandbox.hybrid.estates import Hybrid
from evidence_kit.sources.catalogue import load_catalogue

DAY = 86_400
SOURCES = (
    "azure.diagnostic_settings", "azure.activity.subscription", "gcp.logging.config", "gcp.logging.admin_activity",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(clouds, cloud_end):
    """What one look at the estate finds."""
    clouds.close()  # the estate brings a cloud of its own
    known = load_catalogue()
    specs = {name: replace(known[name], limit=Limit(rps=1e6, burst=1_000_000)) for name in SOURCES}
    with Hybrid(end=cloud_end) as estates, pytest.MonkeyPatch.context() as patch:
        for name, value in estates.environ.items():
            patch.setenv(name, value)
        targets = parse_inventory(estates.inventory.encode(), name="inventory.yaml").targets
        end = estates.window.end + timedelta(hours=8)
        order = Order(sources=SOURCES, targets=targets, window=Window(end - timedelta(days=400), end), params={})
        world = World(now=lambda: end, secret=str, pacer=Pacer(), observer=Silent(), backoff=0.001)
        shared: dict[str, object] = {}

        def ask(provider):
            asker = grantor(provider)
            return (asker, shared[provider]) if asker and provider in shared else None

        return survey(order, specs, build(specs, shared), ask, world)


def test_how_far_back_is_what_each_provider_keeps(found) -> None:
    standings = {one.source: one for one in found[0]}
    azure, google = standings["azure.activity.subscription"], standings["gcp.logging.admin_activity"]
    assert (azure.verdict, azure.reach, azure.bounded) == ("complete", 90 * DAY, True)
    assert (google.verdict, google.reach, google.bounded) == ("complete", 400 * DAY, False)


def test_what_is_not_granted_is_named(found) -> None:
    standings = {one.source: one for one in found[0]}
    assert standings["gcp.logging.config"].verdict == "partial"
    assert "logging.views.list" in standings["gcp.logging.config"].missing


def test_what_logging_keeps_and_where_it_goes_is_told(found) -> None:
    said = {(one.source, one.subject.rpartition("/")[2], one.name): json.loads(one.value) for one in found[1]}
    assert said["gcp.logging.config", "_Default", "kept"] == 30
    assert said["gcp.logging.config", "_Required", "kept"] == 400
    assert said["azure.diagnostic_settings", "to-soc", "enabled"] == ["RequestResponse"]
    assert said["gcp.logging.config", "", "status"] == ["complete", ""]
