"""A unit's end says what happened, whatever its collector does."""

import hashlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from support.casemaker import SOURCE, SPEC, exchange
from support.lab import Lab, target

from evidence_kit.errors import AccessError, Exit, ProviderError
from evidence_kit.model.exchange import Closed, Download, Page, Remark, Retryable, Stop, Stream
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding, Unit

S = UnitStatus


def page(n=0, *, cursor=None, name="list", **changes):
    body = b'{"n":%d}' % n
    return replace(Page(name=name, body=body, exchange=exchange("List", body), next_cursor=cursor), **changes)


@contextmanager
def opened(chunks, size):
    yield Stream(exchange=exchange("Get", b""), chunks=iter(chunks), size=size, claimed={"etag": '"e"'})


def download(name="x", chunks=(b"body",), size=4):
    return Download(name=name, open=lambda: opened(chunks, size), object={"key": name})


class Doing:
    """A collector of one unit a name, which yields or raises what it is told to."""

    spec = SPEC

    def __init__(self, **items):
        self._items = items

    def units(self, scope, ctx):
        for name in self._items:
            yield Unit(source=SOURCE, target=scope.target, region=name, window=scope.window)

    def acquire(self, unit, ctx):
        for item in self._items[unit.region]:
            if isinstance(item, BaseException):
                raise item
            yield item


@pytest.fixture
def lab(tmp_path, cloud_end):
    return Lab(tmp_path / "case", Window(cloud_end - timedelta(hours=6), cloud_end)).open()


def run(lab, collector, **engine):
    with lab.vault.lock(), lab.vault.working():
        made = lab.engine({SOURCE: collector}, backoff=0.000_01, **engine)
        return made.collect(lab.order(SOURCE, targets=(target(),)))


@pytest.mark.parametrize(
    ("items", "status", "says"),
    [
        ([page()], S.COMPLETE, ""),
        ([page(0, cursor="a"), page(1)], S.COMPLETE, ""),
        ([page(0, cursor="a")], S.PARTIAL_TRUNCATED, "promised another"),
        ([page(0, cursor="a"), page(1, name="other")], S.PARTIAL_TRUNCATED, "`list` ended although"),
        ([], S.PARTIAL_TRUNCATED, "silence is not an empty result"),
        ([Closed(status=S.NOT_ENABLED, reason="off")], S.NOT_ENABLED, "off"),
        ([page(0, cursor="a"), Closed(status=S.NOT_ENABLED, reason="off")], S.PARTIAL_TRUNCATED, "promised"),
        ([page(), Stop(S.DENIED, "no")], S.DENIED, "no"),
        ([page(), AccessError("expired")], S.DENIED, "expired"),
        ([page(), ProviderError("gone")], S.PARTIAL_ERROR, "gone"),
        (
            [page(), ZeroDivisionError("division")],
            S.PARTIAL_ERROR,
            "the collector failed: ZeroDivisionError: division",
        ),
        ([page(), Retryable("leaked")], S.PARTIAL_ERROR, "leaked"),
        ([page(body=b"other")], S.PARTIAL_ERROR, "other bytes than the tap saw"),
        ([download(), download()], S.PARTIAL_ERROR, "was listed twice"),
        ([download(size=5)], S.PARTIAL_ERROR, "4 of 5 bytes of `x` arrived"),
        ([download(size=None)], S.COMPLETE, ""),
    ],
)
def test_a_unit_ends_as_what_it_was_and_leaves_the_others_alone(lab, items, status, says):
    result = run(lab, Doing(tried=items, bystander=[page()]))
    ends = {outcome.unit.split("|")[2]: outcome for outcome in result.outcomes}
    assert ends["tried"].status is status
    assert says in ends["tried"].reason
    assert ends["bystander"].status is S.COMPLETE
    assert result.exit is (Exit.OK if status.is_whole else Exit.INCOMPLETE)
    assert lab.verify().exit() is Exit.OK


def test_a_page_larger_than_any_provider_sends_is_refused(lab, monkeypatch):
    monkeypatch.setattr("evidence_kit.acquire.worker.MAX_PAGE", 4)
    (outcome,) = run(lab, Doing(big=[page(12345)])).outcomes
    assert outcome.status is S.PARTIAL_ERROR
    assert "larger than any provider sends" in outcome.reason


def test_every_attempt_at_an_object_that_stays_short_is_on_record(lab):
    run(lab, Doing(short=[download(size=5)]))
    told = [(line["error"], line["artifact"], line["attempt"]) for line in lab.exchanges()]
    assert told == [("short body", None, attempt) for attempt in range(1, 6)]
    assert not list(lab.bodies())


def test_one_object_that_cannot_be_had_is_a_finding_and_the_others_are_taken(lab):
    run(lab, Doing(some=[download("a"), download("b", size=9), download("c")]))
    assert {path.name for path, _ in lab.bodies()} == {"a", "c"}
    (finding,) = lab.findings()
    assert (finding["kind"], finding["facts"]["key"]) == ("object_not_obtained", "b")


def test_after_twenty_five_objects_that_cannot_be_had_the_unit_is_given_up(lab):
    (outcome,) = run(lab, Doing(none=[download(f"n{n}", size=9) for n in range(100)])).outcomes
    assert outcome.status is S.PARTIAL_ERROR
    assert Counter(f["kind"] for f in lab.findings()) == {"object_not_obtained": 25}


def test_what_the_provider_claims_of_an_object_is_kept_beside_our_own_hash(lab):
    run(lab, Doing(one=[download()]))
    (line,) = lab.exchanges()
    assert line["artifact"]["object"]["claimed.etag"] == '"e"'
    assert line["artifact"]["sha256"] == hashlib.sha256(b"body").hexdigest()


def test_findings_reach_the_ledger_and_store_nothing(lab):
    finding = Finding(kind="gap", message="there is a gap", facts={"a": "b"})
    run(lab, Doing(one=[page(), Remark(finding=finding)]))
    assert [(f["kind"], f["facts"]) for f in lab.findings()] == [("gap", {"a": "b"})]
    assert len(list(lab.bodies())) == 1


def test_pages_past_a_thousand_go_into_folders_of_a_thousand(lab):
    run(lab, Doing(many=[page(n, cursor=str(n) if n < 2100 else None) for n in range(2101)]))
    folders = Counter(path.parent.name for path, _ in lab.bodies())
    assert folders == {"list": 1000, "001": 1000, "002": 101}


def test_an_unsettled_window_is_complete_for_now_only(lab):
    collector = Doing(fresh=[page()])
    collector.spec = replace(SPEC, settle=timedelta(days=30))
    result = run(lab, collector)
    assert [outcome.status for outcome in result.outcomes] == [S.COMPLETE_UNSETTLED]
    assert result.exit is Exit.INCOMPLETE


def test_a_secret_is_asked_for_by_name_and_reaches_no_record(tmp_path, lab):
    class Secretive(Doing):
        def acquire(self, unit, ctx):
            assert ctx.secret("token") == "hunter2"
            yield from super().acquire(unit, ctx)

    with lab.vault.lock(), lab.vault.working():
        engine = lab.engine({SOURCE: Secretive(one=[page()])})
        engine.secret = {"token": "hunter2"}.__getitem__
        engine.arguments = ("collect", "--password", "hunter2", "--set", "token=hunter2", "--api-key", "hunter2")
        assert engine.collect(lab.order(SOURCE)).exit is Exit.OK
    everything = b"".join(path.read_bytes() for path in lab.root.rglob("*") if path.is_file())
    assert b"hunter2" not in everything
    assert b"--password" in everything


def test_a_secret_that_nobody_gave_ends_the_unit(lab):
    class Secretive(Doing):
        def acquire(self, unit, ctx):
            yield page(int(ctx.secret("token")))

    (outcome,) = run(lab, Secretive(one=[])).outcomes
    assert outcome.status is S.PARTIAL_ERROR
    assert "no secret `token` was given" in outcome.reason
