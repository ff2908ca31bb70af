"""A rehearsal catches what a connector or its engine does wrong, and marks what has to be found again."""

import json

import pytest
from support.partner import acme, events, paged, played

from evidence_kit.collectors.registry import build
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sources.catalogue import parse_source
from evidence_kit.testing.bench import Bench
from evidence_kit.testing.left import left
from evidence_kit.testing.mutants import Eager, IgnoresCursor, LeaksSecret, Reserialises, StopsEarly, SwallowsError
from evidence_kit.testing.provider import Fault
from evidence_kit.testing.stage import exemptions, marks, rehearsal

SPEC = parse_source(acme(), name="acme.yaml")


def fixture(*replies):
    return parse_fixture(played(*(replies or (paged(5),))), name="fixture.yaml")


def collector(source):
    return build({source.name: source})[source.name]


@pytest.fixture
def run(tmp_path):
    """Run a rehearsal with one fault in the collector, or at the provider."""

    def call(mutant=None, fault=None):
        folder = tmp_path / "run"
        folder.mkdir()
        with rehearsal(SPEC, fixture(), folder) as provider:
            make = (lambda source: mutant(collector(source))) if mutant else collector
            bench = Bench(folder, provider, make)
            if fault:
                provider.strike(fault)
            return left(bench)

    return call


def test_a_sound_collector_brings_every_mark_once(run):
    found = run()
    assert (found.truth, found.amiss, found.leaked) == (5, {}, ())
    assert found.run.is_whole


def test_an_early_end_and_a_leak_are_seen(run):
    assert run(StopsEarly).amiss


def test_a_leaked_secret_is_seen(run):
    assert run(LeaksSecret).leaked


def test_other_bytes_are_seen(run):
    found = run(Reserialises)
    assert not set(found.stored) & {one.body for one in found.answers}


def test_asking_ahead_is_seen(run):
    assert run(Eager).run.seen.ahead > 0


def test_a_page_that_hides_its_successor_is_seen(run):
    assert {page.cursor for page in run(IgnoresCursor).run.seen.pages} == {None}


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "short", "html", "dropped", "denied", "expired"])
def test_every_fault_strikes(run, kind):
    found = run(fault=Fault(kind=kind, times=None))
    assert found.failed
    assert not found.run.is_whole


def test_a_swallowed_fault_would_pass_for_whole(run):
    assert run(SwallowsError, Fault(kind="unavailable", times=None)).run.is_whole


def test_a_loop_ends(run):
    found = run(fault=Fault(kind="loop", times=None))
    assert [one.status for one in found.outcomes] == [UnitStatus.PARTIAL_ERROR]


def test_nothing_to_find_is_told_as_zero(run):
    found = run(fault=Fault(kind="empty", times=None))
    assert [one.records for one in found.outcomes] == [0]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ({"path": "/a", "json": {"events": events(2)}}, [b'"e0"', b'"e1"']),
        ({"path": "/a", "pages": {"records": [{"id": 7, "at": "2026-11-20T01:00:00Z"}]}}, [b"7"]),
        ({"path": "/a", "pages": {"records": [{"id": "x", "at": "2026-11-25T01:00:00Z"}]}}, []),  # not asked for
        ({"path": "/a", "pages": {"records": [{"id": "x", "at": 1795136400}]}}, [b'"x"']),
        ({"path": "/a", "json": {"events": [{"id": "e"}, {"id": "e"}]}}, []),  # twice there: no mark
        ({"path": "/a", "csv": "id\none\ntwo\n"}, [b"one", b"two"]),
        ({"path": "/a", "gzip": "id\none\n"}, [b"one"]),
        ({"path": "/a", "base64": "AAAA"}, []),
        ({"path": "/a", "status": 404, "json": {"events": events(1)}}, []),
    ],
)
def test_what_is_to_be_found_again(reply, found):
    assert list(marks(SPEC, fixture(reply))) == found


def test_a_zip_is_found_as_a_whole():
    (mark,) = marks(SPEC, fixture({"path": "/a", "zip": {"a.json": "[]"}}))
    assert mark.startswith(b"PK")


def test_what_cannot_be_shown_is_exempt_with_a_reason():
    bare = parse_source(acme(paging=None), name="acme.yaml")
    assert set(exemptions(bare, fixture())) == {"paging", "loop"}
    assert set(exemptions(SPEC, fixture({"path": "/a", "json": {}}))) == {"empty"}
    assert set(exemptions(parse_source(acme(auth={"type": "none"}), name="acme.yaml"), fixture())) == {"secrets"}
    assert exemptions(SPEC, fixture()) == {}


def test_polls_of_what_is_not_done_are_no_evidence(tmp_path):
    job = {
        "create": {"method": "POST", "path": "/reports", "body": {}, "reads": True},
        "id": "id",
        "poll": {"path": "/reports/{id}", "until": "done"},
    }
    spec = parse_source(acme(job=job, request=None, window=None, paging=None), name="acme.yaml")
    replies = (
        {"method": "POST", "path": "/reports", "json": {"id": "r1"}},
        {"path": "/reports/r1", "times": 2, "json": {"done": False}},
        {"path": "/reports/r1", "json": {"done": True, "events": events(2)}},
    )
    with rehearsal(spec, fixture(*replies), tmp_path) as provider:
        found = left(Bench(tmp_path, provider, collector))
        bodies = [json.loads(one) for one in provider.evidence]
    assert found.run.is_whole
    assert [body.get("done") for body in bodies] == [None, True]


def test_an_answer_that_never_arrived_is_not_used_up(tmp_path):
    replies = (
        {"path": "/events", "times": 1, "json": {"events": events(1), "next": "c"}},
        {"path": "/events", "json": {"events": events(2)[1:]}},
    )
    script = fixture(*replies)
    assert set(exemptions(SPEC, script)) == {"empty", "resume"}
    for name in ("a", "b"):  # and neither is it by the rehearsal before
        folder = tmp_path / name
        folder.mkdir()
        with rehearsal(SPEC, script, folder) as provider:
            provider.strike(Fault(kind="dropped"))
            found = left(Bench(folder, provider, collector))
        assert (found.run.is_whole, found.amiss, len(found.failed)) == (True, {}, 1)


def test_what_a_job_brings_under_the_path_of_its_poll_is_evidence(tmp_path):
    job = {
        "create": {"method": "POST", "path": "/reports", "body": {}, "reads": True},
        "id": "id",
        "poll": {"path": "/reports/{id}", "until": "done"},
        "each": {"path": "parts", "as": {"id": "@"}, "request": {"path": "/reports/{id}"}, "format": "csv"},
    }
    records = {"path": "@", "format": "csv"}
    spec = parse_source(acme(job=job, request=None, window=None, paging=None, records=records), name="acme.yaml")
    replies = (
        {"method": "POST", "path": "/reports", "json": {"id": "r1"}},
        {"path": "/reports/r1", "json": {"done": True, "parts": ["p1"]}},
        {"path": "/reports/p1", "csv": "id\nalpha\nbeta\n"},
    )
    with rehearsal(spec, fixture(*replies), tmp_path) as provider:
        found = left(Bench(tmp_path, provider, collector))
    assert (found.run.is_whole, found.truth, found.amiss) == (True, 2, {})
