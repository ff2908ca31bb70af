"""What Google says of our permissions becomes what a check says, even where one question spoils the others."""

import threading
from datetime import UTC, datetime

import pytest

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.gcp.access import GcpAccess
from evidence_kit.collectors.gcp.grants import ask
from evidence_kit.errors import AccessError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.source import Limit
from evidence_kit.model.unit import Unit

WANTED = [f"storage.buckets.list{n}" for n in range(130)]


@pytest.fixture
def asking(google):
    world = World(
        now=lambda: datetime.now(UTC), secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event(), backoff=0
    )
    unit = Unit(source="preflight", target=google.target())
    ctx = UnitContext(world=world, limit=Limit(rps=10_000, burst=100), unit=unit, record=lambda _: None)
    return lambda permissions: ask(GcpAccess(), google.target(), permissions, ctx)


def test_what_is_not_granted_is_missing_over_several_questions(google, asking):
    google.estate.permissions = frozenset(WANTED[1:])
    found = asking(WANTED)
    assert set(found.missing) == {WANTED[0]}
    assert not found.unknown
    assert len(google.asked(":testIamPermissions")) == 2


def test_what_a_project_cannot_tell_does_not_spoil_the_rest(google, asking):
    google.estate.permissions = frozenset(WANTED[:20])
    google.estate.untestable = frozenset({"resourcemanager.organizations.get", "orgpolicy.policies.list"})
    found = asking([*WANTED[:10], *google.estate.untestable, WANTED[40]])
    assert set(found.unknown) == google.estate.untestable
    assert set(found.missing) == {WANTED[40]}


def test_a_project_that_is_another_is_not_tested(google, asking):
    google.estate.project = "another-1"
    with pytest.raises((AccessError, Stop)):
        asking(WANTED[:1])
