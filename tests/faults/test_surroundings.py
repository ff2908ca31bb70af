"""Hostile surroundings: calls that fail, or only say so, stale handles, a clock that jumps, many open units."""

import errno
import os
import random
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from support.casemaker import NOW, Case, PagesFromMemory
from support.lottery_child import collector
from support.power_child import ORDER

from evidence_kit.acquire.case import add_note, require_sound_log
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.run import Engine
from evidence_kit.custody import log
from evidence_kit.errors import EmptyError, EvidenceKitError, Exit
from evidence_kit.vaults.local import WORK

SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261122"))
CALLS = ("open", "write", "fsync", "mkdir", "rename", "unlink", "rmdir", "fchmod", "chmod", "posix_fallocate")
# ESTALE, and a call that is answered by an error although it was done, are what a network file system does.
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EROFS)


class Trouble:
    """Lets the `nth` call upon files below a case fail, before or after it was done."""

    def __init__(self, nth, code, *, done, calls=CALLS):
        self.nth, self.code, self.done = nth, code, done
        self.count, self.what, self._guard = 0, "", threading.Lock()
        self.calls = calls

    def enter(self, monkeypatch):
        for name in self.calls:
            monkeypatch.setattr(os, name, self._failing(name, getattr(os, name)))

    def _failing(self, name, real):
        def call(*args, **more):
            with self._guard:
                self.count += 1
                is_now = self.count == self.nth
            if not is_now:
                return real(*args, **more)
            self.what = f"{name} {args[0]!r}"
            if self.done:
                real(*args, **more)
            raise OSError(self.code, os.strerror(self.code))

        return call


@pytest.fixture
def case(tmp_path):
    made = Case(tmp_path / "case")
    made.open()
    return made


def collect(case):
    vault = case.vault
    with vault.lock(), vault.working():
        require_sound_log(case.keeper_of(vault), at=NOW)
        return case.engine(collector(), vault).collect(ORDER)


def go_on(case):
    """Run what an operator runs next, until nothing is open."""
    for _ in range(3):
        vault = case.vault
        with vault.lock(), vault.working():
            state = require_sound_log(case.keeper_of(vault), at=NOW)
        if not state.acquisitions:
            collect(case)
        with suppress(EmptyError):
            work = find_work(case.vault)
            vault = case.vault
            with vault.lock(), vault.working():
                require_sound_log(case.keeper_of(vault), at=NOW)
                work.run(case.engine(collector(), vault))


def require_right(case, before, why):
    assert (case.root / log.LOG).read_bytes().startswith(before), (why, "an event is lost")
    go_on(case)
    report = case.verify(each_signature=True)
    assert report.exit() is Exit.OK, (why, report.defects[:3])
    bodies = {path.read_bytes() for path in case.root.glob("bags/*/data/**/*") if path.is_file()}
    assert {b"contents of two words", b"contents of " + b"x" * 900} <= bodies, why
    assert sum(b"Events" in body for body in bodies) == 3, why


def counted(monkeypatch, tmp_path, calls):
    case = Case(tmp_path / "counted")
    case.open()
    nothing = Trouble(0, 0, done=False, calls=calls)
    with monkeypatch.context() as patch:
        nothing.enter(patch)
        assert collect(case).exit is Exit.OK
    return nothing.count


def tried(monkeypatch, tmp_path, *, draws, done, calls=CALLS):
    """Let one call of a collection fail, as often as said, and require that each ends right."""
    draw, failed = random.Random(f"{SEED} {done} {calls}"), 0
    most = counted(monkeypatch, tmp_path, calls)
    for number in range(draws):
        case = Case(tmp_path / f"case-{number}")
        case.open()
        before = (case.root / log.LOG).read_bytes()
        trouble = Trouble(draw.randint(1, most), draw.choice(ERRORS), done=done, calls=calls)
        with monkeypatch.context() as patch:
            trouble.enter(patch)
            try:
                failed += collect(case).exit is not Exit.OK
            except EvidenceKitError:
                failed += 1
        why = f"call {trouble.nth} of {most}, {trouble.what}: {os.strerror(trouble.code)}, seed {SEED}"
        require_right(case, before, why)
    return failed


def test_a_call_that_fails_at_random_loses_nothing_that_the_next_command_does_not_bring(monkeypatch, tmp_path):
    assert tried(monkeypatch, tmp_path, draws=10, done=False)


@pytest.mark.slow
def test_a_call_that_reports_an_error_although_it_was_done_is_made_up_for(monkeypatch, tmp_path):
    assert tried(monkeypatch, tmp_path, draws=10, done=True)


@pytest.mark.slow
def test_a_rename_that_reports_an_error_although_it_happened_is_made_up_for(monkeypatch, tmp_path):
    assert tried(monkeypatch, tmp_path, draws=8, done=True, calls=("rename",))


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_hundred_calls_that_fail_at_random_end_right(monkeypatch, tmp_path, done):
    assert tried(monkeypatch, tmp_path, draws=100, done=done)


@pytest.mark.parametrize("name", [".nfs000000000001", f"{WORK}/.nfs000000000002"])
def test_what_a_network_file_system_keeps_of_a_removed_file_is_seen_until_it_is_gone(case, name):
    collect(case)
    path = case.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"still open somewhere")
    assert case.verify().exit() is Exit.UNEXPECTED
    if name.startswith(WORK):
        add_note(case.vault, case.keeper, "the next command clears the working folder", at=NOW)
    else:
        path.unlink()
    assert case.verify().exit(require_complete=True) is Exit.OK


def test_a_clock_that_jumps_back_in_mid_run_orders_nothing_anew(case):
    moments = iter(range(10_000))

    def now():
        number = next(moments)
        return NOW + timedelta(seconds=number) - (timedelta(hours=30) if number > 4 else timedelta(0))

    vault = case.vault
    with vault.lock(), vault.working():
        keeper = case.keeper_of(vault)
        made = Engine(vault=vault, keeper=keeper, collectors={"test.pages": collector()}, now=now, workers=4)
        assert made.collect(ORDER).exit is Exit.OK
    add_note(case.vault, case.keeper, "later, by an older clock", at=NOW - timedelta(days=400))
    report = case.verify(each_signature=True)
    assert report.exit(require_complete=True) is Exit.OK, report.defects
    events = []
    with (case.root / log.LOG).open("rb") as stream:
        log.scan(stream, report=lambda *_: None, seen=events.append)
    assert [event.at for event in events] == sorted(event.at for event in events)


@pytest.mark.slow
def test_ten_thousand_open_units_are_taken_up_again(tmp_path):
    regions = tuple(f"region-{n}" for n in range(10_000))
    case = Case(tmp_path / "case")
    case.open()
    case.collect(PagesFromMemory(pages=1, names=(), regions=regions, partial=frozenset(regions)))
    assert case.verify().missing_units == 10_000
    vault = case.vault
    work = find_work(vault)
    assert len(work.units) == 10_000
    with vault.lock(), vault.working():
        result = work.run(case.engine(PagesFromMemory(pages=1, names=(), regions=regions), vault))
    assert result.exit is Exit.OK
    assert len(result.outcomes) == 10_000
    with pytest.raises(EmptyError):
        find_work(case.vault)
