"""What a torn run stored is not asked for again, and is handed on as it was."""

import hashlib
from collections import deque
from dataclasses import replace

import pytest
from support.google import ACTIVITY, END, START, sources

from evidence_kit.acquire.context import Memory, UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.registry import build
from evidence_kit.model.exchange import Page, Recorded
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Scope
from evidence_kit.sandbox.google.estate import project_lists

CASES = [("gcp.logging.admin_activity", "entries:list"), ("gcp.iam.service_accounts", "")]


def acquire(google, name, memory=None):
    """Run the one unit of a source without the engine, with what an earlier run is said to have stored."""
    spec = sources()[name]
    (collector,) = build({name: spec}).values()
    records = []
    world = World(now=google.lab.now, secret=str, pacer=Pacer(), observer=Silent(), backoff=0.001)

    def ctx(unit, memory=None):
        return UnitContext(world=world, limit=spec.limit, unit=unit, record=records.append, memory=memory)

    scope = Scope(window=Window(START, END), target=google.target())
    (unit,) = collector.units(scope, ctx(None))
    return [item for item in collector.acquire(unit, ctx(unit, memory)) if isinstance(item, Page)]


def remembered(pages):
    memory = Memory()
    for page in pages:
        exchange = replace(page.exchange, replayed=True)
        recorded = Recorded(status=200, headers=dict(exchange.headers), body=page.body, exchange=exchange)
        memory.answers.setdefault(page.exchange.request.digest, deque()).append(lambda recorded=recorded: recorded)
    return memory


@pytest.mark.parametrize(("name", "path"), CASES)
@pytest.mark.parametrize("stored", [1, 2])
def test_stored_answers_are_replayed_and_only_the_rest_is_asked_for(google, name, path, stored):
    google.estate.lists = project_lists()
    google.fill(ACTIVITY, 2500)
    first = acquire(google, name)
    before = len(google.evidence())
    again = acquire(google, name, remembered(first[:stored]))
    asked = [
        one
        for one in google.evidence()[before:]
        if one.path.endswith(path) and "/logging/v2/projects" not in one.path
    ]
    assert [page.exchange.replayed for page in again] == [True] * stored + [False] * (len(first) - stored)
    assert len(asked) == len(first) - stored
    # Tokens are new in each run; entries are not.
    assert [page.records for page in again] == [page.records for page in first]
    assert all(hashlib.sha256(page.body).hexdigest() == page.exchange.sha256 for page in again)
    assert [page.body for page in again[:stored]] == [page.body for page in first[:stored]]


def test_the_digest_of_a_question_is_the_same_in_every_run_and_differs_between_questions(google):
    google.fill(ACTIVITY, 10)
    ((one,), (two,)) = acquire(google, CASES[0][0]), acquire(google, CASES[0][0])
    assert one.exchange.request.digest == two.exchange.request.digest
    google.estate.lists = project_lists()
    digests = [page.exchange.request.digest for page in acquire(google, CASES[1][0])]
    assert len(set(digests)) == len(digests)
