"""A real Dask cluster acquires what threads would, loses workers on the way, and can do nothing to a sealed case."""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from support.afar import BUG, PASSWORD, QUICK, SOURCE, cluster, held, provider, spec, until

from evidence_kit.acquire.afar.joining import joined
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, OperatorStop, PluginError, ProviderError
from evidence_kit.model.status import UnitStatus
from evidence_kit.sources.catalogue import choose, load_catalogue

pytest.importorskip("distributed", reason="no distributed: `pip install evidence-kit[dask]`")
TOOK = "acquired_by_worker"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("dask"), "one", "two") as made:
        yield made


@pytest.fixture
def desk():
    with provider() as server:
        yield server


@pytest.fixture
def plugged(monkeypatch, pair):
    """The coordinator has the plug-in, and not the password."""
    monkeypatch.syspath_prepend(str(pair.folder / "plugin"))
    monkeypatch.delenv("AFAR_TOKEN", raising=False)


def collect(lab, targets, dask=None, *, described=None, patience=QUICK, workers=8, notes=None, **fields):
    specs = {SOURCE: described or spec()}
    order = lab.order(SOURCE, targets=targets)
    with lab.vault.lock(), lab.vault.working():
        engine = replace(lab.engine(build(specs), workers=workers), **fields)
        if dask is None:
            engine.secret = lambda _: PASSWORD
            return engine.collect(order)
        said = [] if notes is None else notes
        with joined(dask.url, specs, now=lab.now, note=said.append, patience=patience) as engine.away:
            return engine.collect(order)


def found(lab, kind):
    return [one for one in lab.findings() if one["kind"] == kind]


def test_a_cluster_brings_what_threads_bring_and_says_who_asked(lab, tmp_path, pair, plugged, desk):
    from support.lab import Lab

    targets = (desk.target("1" * 12, 3), desk.target("2" * 12, 3))
    result = collect(lab, targets, pair)
    assert {(one.status, one.reason) for one in result.outcomes} == {(UnitStatus.COMPLETE, "")}
    assert {one.process for one in desk.asked} == {str(process.pid) for process in pair.workers.values()}
    other = Lab(tmp_path / "other", lab.window).open()
    assert collect(other, targets).exit is Exit.OK
    assert held(lab) == held(other)
    assert len(held(lab)) == 6 * (2 + 4)
    assert lab.digests() == other.digests()
    assert lab.verify().exit(require_complete=True) is Exit.OK
    said = found(lab, TOOK)
    assert len(said) == 6
    assert {one["facts"]["worker"].rpartition(":")[0] for one in said} == {"tcp://127.0.0.1"}
    assert all(float(one["facts"]["clockOffsetWithin"]) < 60 for one in said)
    until(lambda: not [path for name in pair.workers for path in pair.spools(name)])
    assert not [t for t in threading.enumerate() if t.name == "crew"]
    assert str(os.getpid()) in {one.process for one in desk.asked}


def test_a_bug_of_the_collector_ends_its_unit_alone(lab, pair, plugged, desk):
    result = collect(lab, (desk.target("1" * 12, 3, **{BUG: "s001"}),), pair)
    assert result.exit is Exit.INCOMPLETE
    assert Counter(lab.outcomes().values()) == {UnitStatus.COMPLETE: 2, UnitStatus.PARTIAL_ERROR: 1}
    assert lab.verify().exit() is Exit.OK


@pytest.mark.slow
def test_each_account_is_asked_at_its_own_pace_and_by_one_worker(lab, pair, plugged, desk):
    rps, streams = 10.0, 4
    targets = tuple(desk.target(name * 12, streams) for name in "123")
    # A busy machine may keep a worker from answering for longer than `QUICK` waits, and its account would move on.
    calm = replace(QUICK, silence=60.0)
    assert collect(lab, targets, pair, described=spec(rps, 1), patience=calm).exit is Exit.OK
    for asked in desk.by_account().values():
        assert len({one.process for one in asked}) == 1
        lists = [one.at for one in asked if "object" not in one.path]
        # Two processes that share an account would have taken half as long; a slow machine takes longer.
        assert lists[-1] - lists[0] > 0.75 * (len(lists) - 1) / rps
    assert len({one.process for one in desk.asked}) == 2


class Running:
    """A collection in the background."""

    def __init__(self, *args, **more):
        self.notes = []
        self.result = None
        self._failed = []
        self._thread = threading.Thread(target=self._run, args=args, kwargs={**more, "notes": self.notes})
        self._thread.start()

    def _run(self, *args, **more):
        try:
            self.result = collect(*args, **more)
        except BaseException as error:  # noqa: BLE001 - raised again in `end`
            self._failed.append(error)

    def end(self):
        self._thread.join()
        for error in self._failed:
            raise error
        return self.result


def asked_by(desk, worker):
    return [one for one in desk.asked if one.process == str(worker.pid)]


@pytest.mark.slow
def test_a_killed_worker_costs_no_unit_and_doubles_none(lab, pair, plugged, desk):
    pair.add("victim")
    victim = pair.workers["victim"]
    desk.gate.clear()
    ran = Running(lab, tuple(desk.target(f"{n:012}", 3) for n in range(1, 7)), pair, workers=18)
    until(lambda: asked_by(desk, victim))
    pair.signal("victim", signal.SIGKILL)
    victim.wait()
    desk.gate.set()
    assert ran.end().exit is Exit.OK
    assert set(lab.outcomes().values()) == {UnitStatus.COMPLETE}
    assert len(held(lab)) == 18 * (2 + 4)
    assert set(held(lab).values()) == {1}
    void = found(lab, "lease_void")
    assert void
    assert {one["facts"]["worker"] for one in void} - {one["facts"]["worker"] for one in found(lab, TOOK)}
    assert (
        max(desk.times().values()) > 1
    )  # what the dead one had asked for was asked for again, and that is on record
    assert any("is given up" in note for note in ran.notes)
    assert lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.slow
def test_a_worker_that_comes_back_after_the_seal_changes_nothing(lab, pair, plugged, desk):
    pair.add("sleeper")
    sleeper = pair.workers["sleeper"]
    desk.gate.clear()
    ran = Running(lab, tuple(desk.target(f"{n:012}", 2) for n in range(1, 7)), pair, workers=12)
    until(lambda: asked_by(desk, sleeper))
    pair.signal("sleeper", signal.SIGSTOP)
    desk.gate.set()
    assert ran.end().exit is Exit.OK
    sealed = {path: path.stat().st_mtime_ns for path in lab.root.rglob("*")}
    asked = len(desk.asked)
    pair.signal("sleeper", signal.SIGCONT)
    until(lambda: not pair.spools("sleeper"))
    assert {path: path.stat().st_mtime_ns for path in lab.root.rglob("*")} == sealed
    assert found(lab, "lease_void")
    assert len(held(lab)) == 12 * (2 + 4)
    assert len(asked_by(desk, sleeper)) + asked >= asked
    assert lab.verify().exit(require_complete=True) is Exit.OK
    pair.signal("sleeper", signal.SIGKILL)
    sleeper.wait()


def test_a_stop_is_passed_on_and_what_had_arrived_is_sealed(lab, pair, plugged, desk):
    desk.gate.clear()
    stop = threading.Event()
    ran = Running(lab, (desk.target("1" * 12, 6),), pair, workers=3, stop=stop)
    until(lambda: len(desk.asked) == 3)
    stop.set()
    time.sleep(2 * QUICK.beat)
    desk.gate.set()
    assert ran.end().exit is Exit.INCOMPLETE
    ends = Counter(lab.outcomes().values())
    assert ends[UnitStatus.SKIPPED_BY_OPERATOR] >= 3
    assert lab.verify().exit() is Exit.OK


def test_a_second_stop_waits_for_no_worker(lab, pair, plugged, desk):
    desk.gate.clear()
    ran = Running(lab, (desk.target("1" * 12, 3),), pair, workers=3, executor=Interrupted)
    with pytest.raises(OperatorStop):
        ran.end()
    desk.gate.set()
    assert lab.verify().exit() is Exit.INCOMPLETE


class Interrupted(ThreadPoolExecutor):
    """An executor with which the operator interrupts at once, for the second time."""

    def submit(self, work, *args):
        super().submit(work, *args)
        done = Future()
        done.set_exception(KeyboardInterrupt())
        return done


@pytest.mark.slow
def test_a_scheduler_that_dies_leaves_units_open_and_a_sealed_case(lab, tmp_path, plugged, desk):
    hasty = replace(QUICK, workers=1.0, silence=2.0)
    with cluster(tmp_path / "dying", "only") as dask:
        desk.gate.clear()
        ran = Running(lab, (desk.target("1" * 12, 4),), dask, workers=2, patience=hasty)
        until(lambda: len(desk.asked) == 2)
        dask.scheduler.kill()
        dask.scheduler.wait()
        desk.gate.set()
        assert ran.end().exit is Exit.INCOMPLETE
    assert set(lab.outcomes().values()) == {UnitStatus.PARTIAL_ERROR}
    assert lab.verify().exit() is Exit.EMPTY
    assert collect(lab, (desk.target("1" * 12, 4),)).exit is Exit.OK


def test_workers_by_other_descriptions_are_refused_before_anything_is_asked(lab, pair, plugged):
    name = "aws.cloudtrail.lookup"
    other = {name: replace(choose([name], load_catalogue())[name], digest="0" * 64)}
    with (
        pytest.raises(PluginError, match=r"its description of `aws\.cloudtrail\.lookup` is another"),
        joined(pair.url, other, now=lab.now, note=print, patience=QUICK),
    ):
        raise AssertionError
    assert [pair.spools(worker) for worker in ("one", "two")] == [[], []]


@pytest.mark.slow
def test_workers_without_this_evidence_kit_are_refused_and_no_workers_are_waited_for_in_words(lab, tmp_path):
    hasty = replace(QUICK, workers=0.5, connect=2.0)
    others = {"old": "__version__ = '0.0.1'\n", "none": "raise ModuleNotFoundError('no evidence_kit')\n"}

    def join(notes):
        with joined(dask.url, {SOURCE: spec()}, now=lab.now, note=notes.append, patience=hasty):
            raise AssertionError

    with cluster(tmp_path) as dask:
        notes = []
        with pytest.raises(ProviderError, match=r"no worker for 0\.5 seconds"):
            join(notes)
        assert notes == ["waiting for a worker of the cluster, 0.5 seconds at most"]
        for name, text in others.items():
            package = tmp_path / "beside" / name / "evidence_kit"
            package.mkdir(parents=True)
            (package / "__init__.py").write_text(text)
            dask.add(name, path=str(package.parent))
            with pytest.raises(PluginError) as refused:
                join(notes)
            said = {"old": "has evidence-kit 0.0.1, and this is", "none": "has no evidence-kit"}[name]
            assert said in refused.value.message
            dask.signal(name, signal.SIGTERM)
            dask.workers[name].wait()
    with pytest.raises(ProviderError, match="cannot be reached"):
        join(notes)
