"""When the disk fails, what arrived is sealed as it stands, and the record says who was at fault."""

import subprocess
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from support.casemaker import SOURCE, SPEC, exchange
from support.lab import Lab, target

from evidence_kit.errors import Exit, VaultError
from evidence_kit.model.exchange import Page
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Unit
from evidence_kit.vaults.local import WORK, LocalVault

BODY = b"x" * 20_000


class Endless:
    """A collector with more evidence than any small disk holds."""

    spec = SPEC

    def __init__(self, *, units=4, pages=500, body=BODY):
        self._units, self._pages, self._body = units, pages, body

    def units(self, scope, ctx):
        for n in range(self._units):
            yield Unit(source=SOURCE, target=scope.target, region=f"r-{n}", window=scope.window)

    def acquire(self, unit, ctx):
        for n in range(self._pages):
            cursor = None if n + 1 == self._pages else f"{n}"
            told = replace(exchange("List", self._body), sent_at=ctx.now(), received_at=ctx.now())
            yield Page(name="list", body=self._body, exchange=told, next_cursor=cursor, records=1)


@contextmanager
def tmpfs(folder, options):
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def run(lab, collector, vault):
    lab.vault = vault
    with vault.lock(), vault.working():
        return lab.engine({SOURCE: collector}, workers=4).collect(lab.order(SOURCE, targets=(target(),)))


@pytest.fixture
def window(cloud_end):
    return Window(cloud_end - timedelta(hours=6), cloud_end)


@pytest.mark.parametrize("options", ["size=6m", "size=6m,nr_inodes=200", "size=64m,nr_inodes=200"])
def test_a_full_disk_ends_in_a_seal_over_what_fitted(tmp_path, window, options):
    with tmpfs(tmp_path / "disk", options) as disk:
        lab = Lab(disk / "case", window).open()
        result = run(lab, Endless(), LocalVault(lab.root, reserve=2 << 20))
        assert isinstance(result.failure, VaultError), result
        assert "no space" in result.failure.message
        assert "disk is full" in result.failure.hint
        assert result.exit is Exit.VAULT
        report = lab.verify()
        assert (report.exit(), report.unsealed) == (Exit.OK, 0), report.defects
        assert report.exit(require_complete=True) is Exit.INCOMPLETE
        assert sum(1 for _ in lab.bodies()) > 10
        lines = [line for line in lab.ledger() if line["type"] == "unit"]
        assert Counter(line["status"] for line in lines) == {UnitStatus.PARTIAL_ERROR: 4}
        assert {line["reason"] for line in lines} == {"the store failed before this was finished"}
        assert not [path for path, body in lab.bodies() if body != BODY]


def test_without_a_reserve_a_full_disk_leaves_an_unsealed_bag_that_resume_seals(tmp_path, window):
    with tmpfs(tmp_path / "disk", "size=4m") as disk:
        lab = Lab(disk / "case", window).open()
        with pytest.raises(VaultError, match="no space"):
            run(lab, Endless(), LocalVault(lab.root, reserve=0))
        assert lab.verify().exit() in {Exit.INCOMPLETE, Exit.CHAIN}
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        vault = LocalVault(lab.root)
        lab.vault = vault
        with vault.lock(), vault.working():
            lab.keeper.repair(at=lab.now())
            (name,) = lab.keeper.state().acquisitions
            collector = Endless(pages=40)  # one that knows nothing of replays, and asks for every page anew
            result = lab.engine({SOURCE: collector}, workers=2).resume(name, lab.order(SOURCE))
        assert result.exit is Exit.OK
        assert lab.verify().exit(require_complete=True) is Exit.OK
        bodies = [body for _, body in lab.bodies()]
        assert len(bodies) >= 4 * 40
        assert set(bodies) == {BODY}


def test_a_disk_that_turns_read_only_is_named_as_such(tmp_path, window):
    with tmpfs(tmp_path / "disk", "size=32m") as disk:
        lab = Lab(disk / "case", window).open()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        vault = LocalVault(lab.root)
        with pytest.raises(VaultError, match="read-only") as refused, vault.lock(), vault.working():
            pass
        assert "choose another place" in refused.value.hint


def test_a_file_that_stands_in_the_way_is_never_overwritten(tmp_path, window):
    lab = Lab(tmp_path / "case", window).open()

    class InTheWay(Endless):
        def acquire(self, unit, ctx):
            for number, page in enumerate(super().acquire(unit, ctx)):
                if number == 3:
                    while not (found := list(lab.root.rglob("data/**/000000.json"))):
                        time.sleep(0.01)  # until the first page is in place
                    found[0].with_name("000003.json").write_bytes(b"planted")
                yield page

    result = run(lab, InTheWay(units=1, pages=6), LocalVault(lab.root))
    assert isinstance(result.failure, VaultError)
    assert "is there already" in result.failure.message
    assert result.exit is Exit.VAULT
    assert lab.verify().exit() is Exit.OK
    kept = [path for path in lab.bags[-1].rglob("*") if path.is_file() and path.read_bytes() == b"planted"]
    assert [path.parent.parent.name for path in kept] == ["torn"]


def test_a_failing_store_ends_no_unit_as_interrupted_by_the_operator(tmp_path, window):
    lab = Lab(tmp_path / "case", window).open()

    class Failing(LocalVault):
        staged = 0

        def stage(self, chunks):
            self.staged += 1
            if self.staged == 30:
                raise VaultError("cannot store evidence: input/output error")
            return super().stage(chunks)

    result = run(lab, Endless(), Failing(lab.root))
    assert result.exit is Exit.VAULT
    reasons = {line["reason"] for line in lab.ledger() if line["type"] == "unit"}
    assert reasons == {"the store failed before this was finished"}
    with suppress(FileNotFoundError):
        assert not list((lab.root / WORK).iterdir())
    assert lab.verify().exit() is Exit.OK


@pytest.mark.parametrize("journal", ["record/artifacts.intoto.jsonl", "record/exchanges.jsonl"])
def test_what_had_arrived_when_the_disk_filled_up_is_kept_with_the_help_of_the_reserve(tmp_path, window, journal):
    lab = Lab(tmp_path / "case", window).open()

    class Full(LocalVault):
        """Has no room for what is appended to a journal the third time, until the reserve is given back."""

        appends = 0
        released = False

        def append(self, path, data):
            self.appends += path.endswith(journal)
            if path.endswith(journal) and self.appends > 2 and not self.released:
                raise VaultError("cannot write: no space left on device")
            super().append(path, data)

        def release_reserve(self):
            self.released = True
            super().release_reserve()

    # A busy machine writes up to 500 pages at once, so there must be more than the first two batches can hold.
    result = run(lab, Endless(pages=1600, body=b"x"), Full(lab.root))
    assert result.exit is Exit.VAULT
    assert lab.verify().exit() is Exit.OK
    # All that was queued; only what each worker held in its hands at that moment is set aside.
    assert len(list(lab.bags[-1].glob("record/torn/*/0*"))) <= 4
    assert len(lab.exchanges()) == sum(1 for _ in lab.bodies()) > 0


def test_a_disk_that_is_full_when_the_ledger_is_to_be_closed_still_ends_in_a_seal(tmp_path, window):
    lab = Lab(tmp_path / "case", window).open()

    class Full(LocalVault):
        refused = False

        def append(self, path, data):
            if b'"type":"closed"' in data and not self.refused:
                self.refused = True
                raise VaultError("cannot write: no space left on device")
            super().append(path, data)

    result = run(lab, Endless(pages=2), Full(lab.root))
    assert result.exit is Exit.VAULT
    assert {o.status for o in result.outcomes} == {UnitStatus.COMPLETE}
    assert lab.verify().exit(require_complete=True) is Exit.OK
