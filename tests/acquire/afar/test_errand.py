"""One unit from a worker to the case: whole and as hashed, or not at all. The cluster here is a direct call."""

import threading
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.afar import SOURCE, plugin, provider, spec

from evidence_kit.acquire.afar import errand, site
from evidence_kit.acquire.afar.crew import Crew, Lost, Patience
from evidence_kit.acquire.afar.errand import Elsewhere
from evidence_kit.acquire.afar.frames import frame, frames
from evidence_kit.acquire.context import Memory
from evidence_kit.acquire.recorder import Artifact, Attempt
from evidence_kit.acquire.scope import planned_json
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, ProviderError
from evidence_kit.model.exchange import Exchange, Recorded, Request
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit

HASTY = Patience(workers=0.2, silence=60.0, call=20.0, stop=20.0, beat=0.02, leave=1.0)


class Here:
    """Carries calls to this very process; `reply` may change what a worker says on its way."""

    def __init__(self, below, reply=None):
        self.below = below
        self.gone = False
        self.closed = False
        self.reply = reply or (lambda _, said: said)

    def workers(self):
        return {} if self.gone else {"here": str(self.below)}

    def versions(self, workers):
        import evidence_kit

        return dict.fromkeys(workers, evidence_kit.__version__)

    def ask(self, worker, call, *args, seconds, **more):
        try:
            return self.reply(call, call(*args, **more))
        except site.EvidenceKitError as error:
            raise Lost(error.message) from error

    def ask_all(self, calls, call, *args, seconds):
        return {worker: call(*args, **more) for worker, more in calls.items()}

    def start(self, worker, token, call, *args):
        return Done(self.reply(call, call(*args)))

    def close(self):
        self.closed = True


class Done:
    def __init__(self, said):
        self.said = said

    def wait(self, seconds):
        return self.said

    def cancel(self):
        """Nothing runs."""


class Taken:
    """Takes what a recorder takes."""

    def __init__(self):
        self.work, self.ended = [], []

    def submit(self, work):
        self.work.append(work)

    def close_unit(self, unit, outcome):
        self.ended.append(outcome)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(plugin(tmp_path / "plugin")))
    monkeypatch.setenv("AFAR_TOKEN", "not of this machine")
    with provider(size=5000) as server:
        yield server


@pytest.fixture
def join(tmp_path):
    """Join a cluster that is this process, for the length of the test."""
    crews = []

    def joining(reply=None, patience=HASTY):
        here = Here(tmp_path / "spools", reply)
        crew = Crew(
            here, "0123456789abcdef", {SOURCE: spec()}, now=lambda: datetime.now(UTC), note=str, patience=patience
        )
        crews.append(crew)
        crew.open()
        return Elsewhere(crew), here

    yield joining
    for crew in crews:
        crew.close()
        assert crew.cluster.closed
    assert not list((tmp_path / "spools").glob("*"))


def collect(lab, away, *targets):
    specs = {SOURCE: spec()}
    with lab.vault.lock(), lab.vault.working():
        engine = replace(lab.engine(build(specs), workers=4), away=away)
        return engine.collect(lab.order(SOURCE, targets=targets))


def test_large_files_come_in_pieces_and_small_ones_together(lab, desk, join, monkeypatch):
    monkeypatch.setattr(errand, "PIECE", 1999)
    monkeypatch.setattr(site, "INLINE", 0)
    away, _ = join()
    assert collect(lab, away, desk.target("1" * 12, 2)).exit is Exit.OK
    stored = {path.name: body for path, body in lab.bodies() if path.suffix == ".bin"}
    assert len(stored) == 4
    assert {len(body) for body in stored.values()} == {5000}
    assert lab.verify().exit(require_complete=True) is Exit.OK


def flipped(call, said):
    return [bytes([body[0] ^ 1]) + body[1:] for body in said] if call is site.read else said


def of_another_process(call, said):
    return {**said, "process": "another"} if call is site.run_lease else said


def repeated(call, said):
    return {**said, "token": "ab"} if call is site.run_lease else said


def short(call, said):
    return [body[:-1] for body in said] if call is site.read else said


def failed(call, said):
    return (
        {"process": said["process"], "token": said["token"], "error": "disk full"} if call is site.run_lease else said
    )


def unreadable(call, said):
    return {**said, "journal": None} if call is site.run_lease else said


@pytest.mark.parametrize("reply", [flipped, of_another_process, repeated, short, failed, unreadable])
def test_nothing_of_a_lease_is_taken_that_is_not_whole_and_its_own(lab, desk, join, monkeypatch, reply):
    monkeypatch.setattr(site, "INLINE", 0)
    away, _ = join(reply)
    result = collect(lab, away, desk.target("1" * 12, 1))
    assert result.exit is Exit.INCOMPLETE
    assert [outcome.status for outcome in result.outcomes] == [UnitStatus.PARTIAL_ERROR]
    assert [line["kind"] for line in lab.findings()] == ["lease_void", "lease_void"]
    assert not lab.digests()
    assert not (lab.root / ".work").exists()
    assert lab.verify().exit() is Exit.EMPTY


def test_a_journal_that_speaks_of_another_unit_is_not_believed(desk, join, lab, monkeypatch):
    other = Unit(source=SOURCE, target=desk.target("2" * 12, 1), stream="s000", window=lab.window)

    def swapped(call, said):
        if call is not site.run_lease:
            return said
        theirs = site.run_lease("0123456789abcdef", said["token"] + "f", planned_json(other), {}, 0)
        return {**said, "journal": theirs["journal"], "inline": theirs["inline"]}

    monkeypatch.setattr(site, "INLINE", 1 << 20)
    away, _ = join(swapped)
    taken = Taken()
    unit = replace(other, target=desk.target("1" * 12, 1))
    with lab.vault.working():
        outcome = away.acquire(unit, vault=lab.vault, recorder=taken, world=world(lab), memory=None)
    assert "speaks of another unit" in outcome.findings[0].message
    assert not taken.work


def world(lab):
    return lab.engine({}).world()


def test_what_a_torn_run_stored_is_not_asked_for_again(desk, join, lab):
    away, _ = join()
    unit = Unit(source=SOURCE, target=desk.target("1" * 12, 1), stream="s000", window=lab.window)
    first, again = Taken(), Taken()
    with lab.vault.working():
        whole = away.acquire(unit, vault=lab.vault, recorder=first, world=world(lab), memory=None)
        pages = [one for one in first.work if one.reading.kind == "page"]
        objects = [one for one in first.work if one.reading.kind == "object"]
        page, kept = pages[0], objects[0]
        with lab.vault.open(page.stored.handle) as stream:
            body = stream.read()
        exchange = replace(page.exchange, replayed=True)
        recorded = Recorded(status=200, headers={}, body=body, exchange=exchange)
        memory = Memory(
            answers={exchange.request.digest: deque([lambda: recorded])},
            downloads={kept.reading.name: (kept.stored.size, kept.stored.sha256)},
            pages=1,
        )
        desk.asked.clear()
        outcome = away.acquire(unit, vault=lab.vault, recorder=again, world=world(lab), memory=memory)
    assert (outcome.status, outcome.artifacts, outcome.pages) == (whole.status, whole.artifacts, whole.pages)
    assert len(again.work) == len(first.work) - 2
    assert {page.exchange.request.path, kept.exchange.request.path}.isdisjoint(one.path for one in desk.asked)
    assert len({one.path for one in (*first.work, *again.work)}) == len(first.work)


def test_a_cluster_that_loses_its_last_worker_leaves_its_units_open(desk, join, lab):
    away, here = join()

    def lose(call, said):
        here.gone = True
        raise Lost("it has gone")

    here.reply = lose
    result = collect(lab, away, desk.target("1" * 12, 2))
    assert {outcome.status for outcome in result.outcomes} == {UnitStatus.PARTIAL_ERROR}
    assert all("no worker left" in outcome.reason for outcome in result.outcomes)
    assert all(outcome.status.is_open for outcome in result.outcomes)
    site.close_site("0123456789abcdef")  # as the end of its process would


def test_a_cluster_without_workers_is_said_so(lab):
    class Empty(Here):
        def workers(self):
            return {}

    notes = []
    crew = Crew(Empty(lab.root), "00", {SOURCE: spec()}, now=lab.now, note=notes.append, patience=HASTY)
    with pytest.raises(ProviderError, match="no worker"):
        crew.open()
    assert len(notes) == 1


def test_a_site_whose_coordinator_has_gone_stops_and_drops_its_spool(desk, tmp_path):
    site.open_site("ab", {SOURCE: spec()}, str(tmp_path), forsaken=0.05)
    folder = tmp_path / "evidence-kit-ab"
    assert folder.is_dir()
    stop = site._SITES["ab"].world.stop
    assert stop.wait(30)
    gone = threading.Event()
    while folder.exists():
        gone.wait(0.01)
    with pytest.raises(site.VaultError, match="nothing of the acquisition"):
        site.beat("ab", stop=False, drop=())


@pytest.mark.parametrize(
    ("per", "lane"),
    [(("account", "region"), ("aws", "1" * 12, "r1")), (("account",), ("aws", "1" * 12))],
)
def test_units_that_share_a_budget_share_a_lane(lab, desk, per, lane):
    specs = {SOURCE: spec(per=("account", "region")), "aws.other": replace(spec(per=per), name="aws.other")}
    crew = Crew(Here(lab.root), "00", specs, now=lab.now, note=str, patience=HASTY)
    for source in specs:
        assert crew.lane(Unit(source=source, target=desk.target("1" * 12, 1), region="r1")) == lane


# -- what a spool holds --------------------------------------------------------------------------------------------


def attempt(at=datetime(2026, 1, 1, tzinfo=UTC)):
    request = Request(method="GET", host="h", path="/")
    return Attempt("unit", Exchange(request=request, sent_at=at, received_at=at))


def test_frames_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "spool"
    path.write_bytes(frame(attempt()) * 3)
    with path.open("rb") as stream:
        assert list(frames(stream)) == [attempt()] * 3


@pytest.mark.parametrize("length", [2, 10])
def test_a_torn_frame_is_an_error(tmp_path, length):
    path = tmp_path / "spool"
    path.write_bytes(frame(attempt())[:length])
    with path.open("rb") as stream, pytest.raises(errand.EvidenceKitError, match="torn"):
        list(frames(stream))


@pytest.mark.parametrize("record", [threading.Event, print, Artifact.__init__])
def test_a_spool_holds_our_records_and_no_call(tmp_path, record):
    path = tmp_path / "spool"
    path.write_bytes(frame(record))
    with path.open("rb") as stream, pytest.raises(errand.EvidenceKitError, match="nothing that a spool holds"):
        list(frames(stream))


@pytest.mark.parametrize("handle", ["../journal", ".work/../journal", "/etc/passwd", ".work/..", ".hidden"])
def test_nothing_but_files_of_a_spool_is_handed_out(tmp_path, handle):
    site.open_site("ab", {}, str(tmp_path))
    with pytest.raises(site.VaultError, match="no file of a spool"):
        site.read("ab", "cd", [(handle, 0, 1)])
    with pytest.raises(site.VaultError, match="no lease"):
        site.read("ab", "../cd", [("journal", 0, 1)])
    site.close_site("ab")
