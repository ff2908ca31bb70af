"""A coordinator killed at any point of a run goes on as if nothing had happened, by the same workers or without."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from support.afar import PASSWORD, QUICK, SOURCE, cluster, held, provider, spec
from support.lab import Lab, to_pem

from evidence_kit.acquire.afar.joining import joined
from evidence_kit.acquire.open_work import find_work
from evidence_kit.collectors.registry import build
from evidence_kit.custody import bag, ledger
from evidence_kit.errors import Exit

pytest.importorskip("distributed", reason="no distributed: `pip install evidence-kit[dask]`")
TESTS = Path(__file__).parents[2]
FILES = 6  # artifacts a unit
ARTIFACTS = "append record/exchanges.jsonl of artifacts"
# In the order in which a run does them; the number is how many of its kind came before.
ACTS = (
    ("append record/exchanges.jsonl", 0), ("stage", 9), ("commit", 0), ("append record/artifacts.intoto.jsonl", 1),
    (ARTIFACTS, 0), ("publish manifest-sha256.txt", 0), ("publish seal/seal.sigstore.json", 0),
)  # fmt: skip


@pytest.fixture
def desk():
    with provider() as server:
        yield server


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("dask"), "one", "two") as made:
        yield made


@pytest.fixture(scope="module")
def mortal(tmp_path_factory, pair):
    """Another process, which collects by the cluster and dies where it is told to."""
    acts = tmp_path_factory.mktemp("acts") / "acts"
    environ = {name: value for name, value in os.environ.items() if name != "AFAR_TOKEN"}
    with subprocess.Popen(
        [sys.executable, TESTS / "support/afar_child.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "PYTHONPATH": pair.path},
    ) as process:

        def collect(lab, targets, act, nth):
            window = [moment.isoformat() for moment in (lab.window.start, lab.window.end)]
            keys = {"signer": to_pem(lab.signer), "log_signer": to_pem(lab.log_signer)}
            death = {"act": act, "nth": nth, "halfway": True, "acts": str(acts)}
            task = {
                "root": str(lab.root), "url": pair.url, "window": window, "now": lab.now().isoformat(),
                "targets": [(one.id, dict(one.access)) for one in targets], **keys, **death,
            }  # fmt: skip
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["killed"] or answer["code"] == 0, answer["error"]
            return answer["killed"]

        yield collect
        process.stdin.close()


@pytest.fixture
def go_on(pair, monkeypatch):
    """Finish what a killed run left, as `resume` does; the coordinator has the password only where it asks itself."""
    monkeypatch.syspath_prepend(str(pair.folder / "plugin"))
    monkeypatch.delenv("AFAR_TOKEN", raising=False)
    specs = {SOURCE: spec()}

    def resume(lab, by):
        with lab.vault.lock(), lab.vault.working():
            lab.keeper.repair(at=lab.now())
            engine = replace(lab.engine(build(specs)), secret=lambda _: PASSWORD)
            away = joined(pair.url, specs, now=lab.now, note=str, patience=QUICK) if by == "cluster" else None
            with away or nullcontext() as engine.away:
                return find_work(lab.vault).run(engine)

    return resume


def acknowledged(lab):
    """Return what was asked for, by the unsealed ledger, to store what it acknowledges; and the units that ended."""
    text = (lab.bags[-1] / bag.LEDGER).read_bytes().splitlines(keepends=True)
    lines = [json.loads(line) for line in text if line.endswith(b"\n")]
    stored = {(one["unit"], one["request"]["path"]) for one in lines if one.get("artifact")}
    return stored, {one["unit"] for one in lines if one["type"] == ledger.UNIT}


def assert_as_if_nothing_had_happened(lab, other, targets):
    """Hold a case against one in which the same was collected by threads, without a death."""
    assert collected(other, targets) is Exit.OK
    assert held(lab) == held(other)
    assert set(held(lab).values()) == {1}
    assert lab.digests() == other.digests()
    assert lab.outcomes().keys() == other.outcomes().keys()
    assert lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.slow
@pytest.mark.parametrize("by", ["cluster", "threads"])
@pytest.mark.parametrize(("act", "nth"), ACTS)
def test_killed_at_an_act_on_the_vault_it_ends_the_same(lab, tmp_path, desk, mortal, go_on, act, nth, by):
    targets = (desk.target("1" * 12, 3), desk.target("2" * 12, 3))
    assert mortal(lab, targets, act, nth)
    stored, _ = acknowledged(lab)
    assert go_on(lab, by).exit is Exit.OK

    times = desk.times()
    assert {times[path] for _, path in stored} <= {1}
    assert_as_if_nothing_had_happened(lab, Lab(tmp_path / "other", lab.window).open(), targets)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["cluster", "threads"])
def test_a_torn_unit_is_finished_from_where_its_recording_broke_off(tmp_path, lab, desk, mortal, go_on, by):
    target = desk.target("1" * 12, 1)
    torn, stored = _torn(tmp_path, lab.window, (target,), mortal)
    desk.asked.clear()
    assert go_on(torn, by).exit is Exit.OK

    assert len(desk.asked) == FILES - len(stored)
    assert stored.isdisjoint(one.path for one in desk.asked)
    assert_as_if_nothing_had_happened(torn, lab, (target,))


def _torn(tmp_path, window, targets, mortal):
    """Return a case whose only unit is there in part, and what was asked for to store that part."""
    for nth in range(FILES):  # how many artifacts are recorded together is a matter of time
        made = Lab(tmp_path / f"torn-{nth}", window).open()
        assert mortal(made, targets, ARTIFACTS, nth)
        stored, ended = acknowledged(made)
        if stored and not ended:
            return made, {path for _, path in stored}
    raise AssertionError


def collected(lab, targets):
    specs = {SOURCE: spec()}
    with lab.vault.lock(), lab.vault.working():
        engine = replace(lab.engine(build(specs)), secret=lambda _: PASSWORD)
        return engine.collect(lab.order(SOURCE, targets=targets)).exit
