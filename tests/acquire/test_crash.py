"""Killed at any moment and resumed, an acquisition ends as if nothing had happened."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from support.lab import Lab, fast, sent, target, to_pem

from evidence_kit.custody import bag
from evidence_kit.errors import DigestError, Exit
from evidence_kit.model.time import Window

TESTS = Path(__file__).parents[1]
SOURCES = ("aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudtrail.digest")
SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261121"))


class Mortal:
    """The other process: told what to do and when to die."""

    def __init__(self, process, tmp_path):
        self._process, self._tmp = process, tmp_path
        self._count = 0

    def __call__(self, lab, do, *, sources, targets, window, **death):
        self._count += 1
        task = {
            "do": do,
            "root": str(lab.root),
            "acts": str(self._tmp / f"acts-{self._count}"),
            "sources": sources,
            "targets": [(one.id, list(one.regions)) for one in targets],
            "window": [moment.isoformat() for moment in (window.start, window.end)],
            "now": lab.now().isoformat(),
            "signer": to_pem(lab.signer),
            "log_signer": to_pem(lab.log_signer),
            **death,
        }
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["killed"] or answer["code"] == 0, answer["error"]
        return answer


@pytest.fixture
def mortal(tmp_path, cloud):
    environ = {**os.environ, **cloud.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        [sys.executable, TESTS / "support/crash_child.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        yield Mortal(process, tmp_path)
        process.stdin.close()


class Small:
    """A plan of few units, quick to run and yet with pages, objects and a question asked while planning."""

    def __init__(self, cloud, tmp_path, *, sources=("aws.cloudtrail.lookup",), hours=2, regions=("us-east-1",)):
        self.cloud, self.tmp_path = cloud, tmp_path
        self.sources, self.targets = sources, (target("444455556666", *regions),)
        # Across midnight, so that the plan has units to finish before others begin.
        middle = cloud.window.end.replace(hour=0)
        self.window = Window(middle - timedelta(hours=hours), middle + timedelta(hours=hours))
        self.count = 0

    @property
    def plan(self):
        return {"sources": self.sources, "targets": self.targets, "window": self.window}

    def open(self):
        self.count += 1
        return Lab(self.tmp_path / f"case-{self.count}", self.window).open()

    def resume(self, lab):
        return lab.resume(*self.sources, targets=self.targets, window=self.window, workers=4)

    def collect(self, lab):
        return lab.collect(*self.sources, targets=self.targets, window=self.window, workers=4)


@pytest.fixture
def small(cloud, tmp_path):
    return Small(cloud, tmp_path)


@pytest.fixture
def unbroken(small):
    """What an uninterrupted run of the small plan brings."""
    lab = small.open()
    assert small.collect(lab).exit is Exit.OK
    return seen(lab)


def acknowledged(lab):
    """Return the digests of what the ledger of the unsealed bag says is stored; torn lines say nothing."""
    found = Counter()
    for root in (lab.root / "bags").glob("*"):
        path = root / bag.LEDGER
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            if line.endswith(b"\n") and (artifact := json.loads(line).get("artifact")):
                found[artifact["sha256"]] += 1
    return found


def seen(lab):
    """Return what there is to see of a case once it is sealed: events, bytes, ends, and each check's answer."""
    report = lab.verify()
    assert report.exit(require_complete=True) is Exit.OK, (report.defects, report.unsealed)
    checks = [(check.id, check.status) for check in report.checks]
    return lab.looked_up(), lab.delivered(), lab.digests(), lab.outcomes(), checks


def assert_as_if_nothing_had_happened(lab, unbroken, why):
    assert seen(lab) == unbroken, why


def carry_on(lab, small, why):
    """Resume; nothing that the ledger acknowledged may be asked for again. Without an acquisition, start one."""
    known = acknowledged(lab)
    small.cloud.door.sent.clear()
    before = {one.id for one in lab.keeper.state().acquisitions.values()} if _readable(lab) else set()
    result = small.resume(lab)
    again = known & sent(small.cloud, fast(*small.sources))
    assert not again, (why, "asked again for what was stored")
    if result is None and not before:
        small.collect(lab)
    return result


def _readable(lab):
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
    return True


# Every kind of write that an acquisition makes, from the first event to the last.
ACTS = (
    "append custody/log.jsonl", "publish custody/checkpoint", "append record/artifacts.intoto.jsonl", "stage",
    "commit", "append record/exchanges.jsonl", "append record/exchanges.jsonl of artifacts",
    "publish manifest-sha256.txt", "publish record/acquisition.json", "publish bagit.txt", "publish bag-info.txt",
    "publish seal/acquisition.pub", "publish tagmanifest-sha256.txt",
    "publish seal/seal.sigstore.json",
)  # fmt: skip
# What mending a torn bag adds to them.
MENDING = (
    *ACTS, "publish .work/known.txt", "forget", "set_aside", "cut record/exchanges.jsonl",
    "cut record/artifacts.intoto.jsonl", "cut custody/log.jsonl",
)  # fmt: skip


def deaths(lab_of, mortal, small, acts, *, halfway, do="collect", most=100):
    """Yield a case that died at each act of each kind in turn, until a run outlives the last of the kind."""
    for act in acts:
        for nth in range(most):
            lab = lab_of()
            end = mortal(lab, do, act=act, nth=nth, halfway=halfway, **small.plan)
            if not end["killed"]:
                break
            yield lab, act, (do, act, nth, "halfway" if halfway else "before")


@pytest.mark.parametrize(
    ("halfway", "most"),
    [
        pytest.param(True, 100, id="halfway through every act", marks=pytest.mark.slow),
        pytest.param(False, 2, id="before the first two of a kind"),
        pytest.param(False, 100, id="before every act", marks=pytest.mark.slow),
    ],
)
def test_killed_at_every_act_on_the_vault_and_resumed_it_ends_the_same(small, unbroken, mortal, halfway, most):
    hit = Counter()
    for lab, act, why in deaths(small.open, mortal, small, ACTS, halfway=halfway, most=most):
        hit[act] += 1
        carry_on(lab, small, why)
        assert_as_if_nothing_had_happened(lab, unbroken, why)
    assert set(hit) == set(ACTS)
    assert hit["append custody/log.jsonl"] == 2  # started and sealed


# The last thing done: the seal stands and nobody has been told; an artifact is signed and not acknowledged; ...
TORN = {
    "sealed but not announced": ("append custody/log.jsonl", 1),
    "signed but not acknowledged": ("append record/exchanges.jsonl of artifacts", 0),
    "in place but not signed": ("append record/artifacts.intoto.jsonl", 1),
    "planned in part": ("append record/exchanges.jsonl", 0),
    "closed but not sealed": ("publish manifest-sha256.txt", 0),
}


def torn(small, mortal, name):
    """Return a case that died at a given point, in the middle of a write."""
    act, nth = TORN[name]
    lab = small.open()
    assert mortal(lab, "collect", act=act, nth=nth, halfway=True, **small.plan)["killed"]
    return lab


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sealed but not announced", "signed but not acknowledged"])
def test_killed_again_while_it_is_mended_it_still_ends_the_same(small, unbroken, mortal, name):
    died = 0
    acts = [act for act in MENDING if act not in ACTS]
    for lab, _, why in deaths(lambda: torn(small, mortal, name), mortal, small, acts, halfway=True, do="resume"):
        died += 1
        carry_on(lab, small, why)
        assert_as_if_nothing_had_happened(lab, unbroken, why)
    assert died


@pytest.mark.slow
@pytest.mark.parametrize("halfway", [False, True], ids=["before", "halfway"])
@pytest.mark.parametrize("name", TORN)
def test_killed_again_at_every_act_of_resuming_it_still_ends_the_same(small, unbroken, mortal, name, halfway):
    for lab, _, why in deaths(
        lambda: torn(small, mortal, name), mortal, small, MENDING, halfway=halfway, do="resume"
    ):
        carry_on(lab, small, why)
        assert_as_if_nothing_had_happened(lab, unbroken, why)


@pytest.mark.slow
def test_what_another_run_left_does_not_enter_a_bag_that_is_sealed_already(small, unbroken, mortal):
    lab = torn(small, mortal, "sealed but not announced")
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
    assert mortal(lab, "collect", act="commit", nth=0, **small.plan)["killed"]
    assert lab.vault.leftovers()
    small.resume(lab)
    report = lab.verify()
    assert report.exit() is Exit.INCOMPLETE, report.defects  # for the second run is still open
    small.resume(lab)
    assert lab.verify().exit(require_complete=True) is Exit.OK


def test_an_artifact_altered_between_crash_and_resume_stops_the_resumption(small, mortal):
    lab = torn(small, mortal, "closed but not sealed")
    path = next(path for path, _ in lab.bodies())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"Event", b"Evant", 1))
    with pytest.raises(DigestError, match=path.name):
        small.resume(lab)
    assert lab.verify().exit() is Exit.DIGEST


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("signed but not acknowledged", "exchanges.jsonl"),
        ("signed but not acknowledged", "artifacts.intoto.jsonl"),
        ("signed but not acknowledged", "000001"),
        ("in place but not signed", "artifacts.intoto.jsonl"),
        ("planned in part", "unfinished-plan.jsonl"),
        ("planned in part", "exchanges.jsonl"),
    ],
)
def test_what_a_crash_tore_is_kept_and_listed_in_the_tagmanifest(small, mortal, name, file):
    lab = torn(small, mortal, name)
    small.resume(lab)
    kept = lab.bags[-1] / "record/torn/1" / file
    assert kept.stat().st_size > 0
    listed = dict(line.split("  ")[::-1] for line in (lab.bags[-1] / bag.TAGMANIFEST).read_text().splitlines())
    assert listed[f"record/torn/1/{file}"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert lab.verify().exit() is Exit.OK


def test_a_bag_that_a_crash_left_is_judged_incomplete_and_never_altered(small, mortal):
    lab = torn(small, mortal, "closed but not sealed")
    assert lab.verify().exit() is Exit.INCOMPLETE


# -- at random, and larger -----------------------------------------------------------------------------------


def moments(count, lasting):
    """Return `count` moments within a run that takes `lasting` seconds."""
    draw = random.Random(SEED)
    return [draw.uniform(0, lasting) for _ in range(count)]


def die_in_time_and_carry_on(cloud, tmp_path, mortal, count):
    large = Small(cloud, tmp_path, sources=SOURCES, hours=4)
    whole = large.open()
    assert large.collect(whole).exit is Exit.OK
    unbroken = seen(whole)
    began = time.monotonic()
    assert not mortal(large.open(), "collect", **large.plan)["killed"]
    killed = 0
    for seconds in moments(count, time.monotonic() - began):
        lab = large.open()
        killed += mortal(lab, "collect", seconds=seconds, **large.plan)["killed"]
        carry_on(lab, large, seconds)
        assert_as_if_nothing_had_happened(lab, unbroken, seconds)
    assert killed >= count / 2


@pytest.mark.slow
def test_killed_at_six_random_moments_and_resumed_it_ends_the_same(cloud, tmp_path, mortal):
    die_in_time_and_carry_on(cloud, tmp_path, mortal, 6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_fifty_random_moments_and_resumed_it_ends_the_same(cloud, tmp_path, mortal):
    die_in_time_and_carry_on(cloud, tmp_path, mortal, 50)
