"""Following by a cluster: each pass joins it anew, so that one without a cluster is told and the next has it all."""

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.afar import QUICK, SOURCE, cluster, provider, spec, until
from support.following import Hands
from support.lab import LATER, Lab

from evidence_kit.acquire.afar.joining import joined
from evidence_kit.acquire.following.passes import Follow
from evidence_kit.acquire.following.planning import settled_order
from evidence_kit.collectors.registry import build
from evidence_kit.custody import ledger
from evidence_kit.errors import Exit, ProviderError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window

pytest.importorskip("distributed", reason="no distributed: `pip install evidence-kit[dask]`")
HASTY = replace(QUICK, connect=1.0, workers=1.0, silence=2.0)
SINCE = LATER - timedelta(hours=1)


@pytest.fixture
def desk():
    with provider() as server:
        yield server


def after(minutes):
    return LATER + timedelta(minutes=minutes)


class Night:
    """A case that is followed by a cluster through moments at which a test does something to either."""

    def __init__(self, root, url, target):
        self.hands, self.specs = Hands(at=LATER), {SOURCE: spec()}
        self.lab = Lab(root, Window(SINCE, LATER), now=self.hands.now).open()
        self.url = url
        now = {"aws": LATER}
        self.follow = Follow(
            vault=self.lab.vault,
            order=settled_order(self.lab.order(SOURCE, targets=(target,)), self.specs, now, None),
            specs=self.specs,
            opened=self.opened,
            now=self.hands.now,
            steady=self.hands.steady,
            wait=self.hands.wait,
            tell=self.hands.passes.append,
            every=timedelta(minutes=5),
        )

    @contextmanager
    def opened(self):
        with self.lab.vault.lock(), self.lab.vault.working():
            engine = self.lab.engine(build(self.specs))
            with joined(self.url, self.specs, now=self.hands.now, note=str, patience=HASTY) as engine.away:
                yield engine

    def live(self, moments):
        """Follow through moments; what comes between them happens while it waits."""
        self.hands.moments = iter(moments)
        self.follow.run()

    def windows(self):
        """Return the windows of each bag's units, all of which have ended complete."""
        for root in self.lab.bags:
            assert set(self.lab.outcomes(root).values()) == {UnitStatus.COMPLETE}
            lines = [line for line in self.lab.ledger(root) if line["type"] == ledger.PLANNED]
            (window,) = {(line["window"]["start"], line["window"]["end"]) for line in lines}
            yield Window(*map(datetime.fromisoformat, window))


@pytest.mark.slow
def test_a_pass_that_finds_no_cluster_is_told_and_a_later_one_takes_its_window(tmp_path, monkeypatch, desk):
    with cluster(tmp_path / "dask", "one") as dask:
        monkeypatch.syspath_prepend(str(dask.folder / "plugin"))
        night = Night(tmp_path / "case", dask.url, desk.target("1" * 12, 2))

        def moments():
            yield LATER
            dask.lose()
            yield after(5)
            dask.begin()
            yield after(10)  # there is a scheduler, and nobody who works
            dask.add("two")
            yield after(15)

        night.live(moments())

    assert [type(one.error) for one in night.hands.passes] == [type(None), ProviderError, ProviderError, type(None)]
    assert list(night.windows()) == [Window(SINCE, LATER), Window(LATER, after(15))]
    assert night.lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.slow
def test_what_a_lost_cluster_left_open_a_later_pass_takes_up(tmp_path, monkeypatch, desk):
    with cluster(tmp_path / "dask", "one") as dask:
        monkeypatch.syspath_prepend(str(dask.folder / "plugin"))
        night = Night(tmp_path / "case", dask.url, desk.target("1" * 12, 2))

        def moments():
            desk.gate.clear()
            losing = threading.Thread(target=lose)
            losing.start()
            yield LATER
            losing.join()
            dask.begin()
            dask.add("two")
            yield after(5)

        def lose():
            until(lambda: len(desk.asked) == 2)
            dask.lose()
            desk.admit().set()

        night.live(moments())

    assert [one.open for one in night.hands.passes] == [2, 0]
    first, second = (Counter(night.lab.outcomes(root).values()) for root in night.lab.bags)
    assert first == {UnitStatus.PARTIAL_ERROR: 2}
    assert second == {UnitStatus.COMPLETE: 4}
    assert night.lab.verify().exit() is Exit.OK
