"""What lies there is taken whole, whatever it is and however it is called."""

import os
import socket
import tracemalloc
import zipfile

import pytest
from collectors.intake.conftest import SPEC, WINDOW

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.registry import build
from evidence_kit.errors import EmptyError, Exit, UnexpectedError, UsageError
from evidence_kit.model.exchange import Download, Stop
from evidence_kit.model.unit import Scope, Target
from evidence_kit.testing.witness import TearingVault
from evidence_kit.vaults.local import LocalVault


def test_every_file_is_kept_as_it_came_and_the_case_verifies(drop):
    drop.put("a.log", b"one\r\n")
    drop.put("deep/er/b c.bin", bytes(range(256)))
    drop.put("empty", b"")
    taken = drop.take()
    assert taken.status == "complete"
    assert taken.stored("a.log") == b"one\r\n"
    assert taken.stored("deep/er/b c.bin") == bytes(range(256))
    assert taken.stored("empty") == b""
    assert taken.verified() is Exit.OK
    assert taken.said("no_proof")


def test_who_delivered_when_and_how_is_part_of_what_was_planned(drop):
    drop.put("a")
    (settings,) = [fields["settings"] for kind, fields in drop.take().lines if kind == "planned"]
    assert settings["deliveredBy"] == "dana"
    assert settings["channel"] == "sftp"
    assert settings["deliveredAt"] == "2026-11-21T12:00:00Z"
    assert settings["files"] == "1"


def test_one_file_and_several_paths_are_a_delivery_too(drop, tmp_path):
    drop.put("a")
    (tmp_path / "alone.csv").write_bytes(b"x")
    taken = drop.take(drop.folder, tmp_path / "alone.csv")
    assert set(taken.artifacts) == {"drop/a", "alone.csv"}


def test_two_files_of_one_name_are_refused_before_anything_is_taken(drop, tmp_path):
    drop.put("a")
    (tmp_path / "other" / "drop").mkdir(parents=True)
    (tmp_path / "other" / "drop" / "a").write_bytes(b"y")
    with pytest.raises(UsageError, match="would both be called `drop/a`"):
        drop.take(drop.folder, tmp_path / "other" / "drop")


@pytest.mark.parametrize("where", ["nothing", "empty"])
def test_nothing_is_no_delivery(drop, where):
    path = drop.folder / "missing" if where == "nothing" else drop.folder
    with pytest.raises(EmptyError):
        drop.take(path)


def test_links_devices_and_sockets_are_named_and_never_followed(drop, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("root:x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "b").write_text("also")
    drop.put("a")
    (drop.folder / "link").symlink_to(secret)
    (drop.folder / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(drop.folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(drop.folder, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{here}/s")
        finally:
            os.close(here)
        taken = drop.take()
    assert set(taken.artifacts) == {"a"}
    assert taken.status == "partial_truncated"
    assert len(taken.said("not_taken")) == 4


def test_a_link_as_the_delivery_itself_is_refused(drop, tmp_path):
    drop.put("a")
    (tmp_path / "link").symlink_to(drop.folder)
    with pytest.raises(UnexpectedError, match="not a plain file"):
        drop.take(tmp_path / "link")


def test_a_folder_swapped_for_a_link_after_it_was_listed_leads_nowhere(drop, tmp_path):
    drop.put("in/a", b"theirs")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "a").write_bytes(b"ours!!")
    units, collector, ctx = _planned(drop)
    items = collector.acquire(units[0], ctx)
    download = next(item for item in items if isinstance(item, Download))
    (drop.folder / "in").rename(tmp_path / "aside")
    (drop.folder / "in").symlink_to(tmp_path / "ours")
    with pytest.raises(Exception, match="not a plain file"), download.open() as stream:
        list(stream.chunks)


NAMES = [
    "..a", "a..", "new\nline", "tab\t", "bell\a", "bidi\u202eexe", "-rf", "a b", "ü" * 60, "quote'\"", "back\\slash",
    "percent%0A", os.fsdecode(b"latin-\xe9"), "CON", "a=b", "x" * 250,
]  # fmt: skip


def test_names_of_every_kind_are_kept_and_stored_under_safe_ones(drop):
    for name in NAMES:
        drop.put(f"d/{name}", name.encode("utf-8", "surrogateescape"))
    taken = drop.take()
    assert set(taken.artifacts) == {f"d/{name}" for name in NAMES}
    for name in NAMES:
        assert taken.stored(f"d/{name}") == name.encode("utf-8", "surrogateescape")
    assert taken.verified() is Exit.OK


def test_an_archive_is_not_unpacked(drop):
    with zipfile.ZipFile(drop.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/cron.d/x", b"0" * (32 << 20))
    sent = (drop.folder / "bomb.zip").read_bytes()
    taken = drop.take()
    assert taken.stored("bomb.zip") == sent
    assert len(taken.artifacts) == 1


def test_a_large_file_passes_through_in_pieces(drop):
    with (drop.folder / "huge.bin").open("wb") as stream:
        stream.truncate(96 << 20)
    units, collector, ctx = _planned(drop)
    tracemalloc.start()
    try:
        for item in collector.acquire(units[0], ctx):
            if isinstance(item, Download):
                with item.open() as opened:
                    assert sum(map(len, opened.chunks)) == opened.size == 96 << 20
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_many_small_files_are_taken_all(drop):
    for number in range(2_000):
        drop.put(f"{number % 7}/{number}.json", b"%d" % number)
    taken = drop.take()
    assert taken.outcome.artifacts == 2_000
    assert taken.status == "complete"


@pytest.mark.slow
def test_a_hundred_thousand_small_files_are_taken_all(drop):
    folders = [drop.folder / str(number) for number in range(100)]
    for folder in folders:
        folder.mkdir()
        for number in range(1_000):
            (folder / f"{number}.json").write_bytes(b"%d" % number)
    taken = drop.take()
    assert taken.outcome.artifacts == 100_000
    assert taken.status == "complete"


def test_a_file_that_still_grows_is_not_taken_for_whole(drop):
    path = drop.put("upload.part", b"a" * 10)
    units, collector, ctx = _planned(drop)
    download = next(item for item in collector.acquire(units[0], ctx) if isinstance(item, Download))
    path.write_bytes(b"a" * 20)
    with download.open() as stream:
        assert (sum(map(len, stream.chunks)), stream.size) == (20, 10), "the engine sees that these differ"


def test_a_file_that_is_gone_when_its_turn_comes_costs_only_itself(drop):
    drop.put("a")
    drop.put("b")
    units, collector, ctx = _planned(drop)
    items = collector.acquire(units[0], ctx)
    first = next(items)
    (drop.folder / "b").unlink()
    with first.open() as stream:
        assert list(stream.chunks) == [b"x\n"]
    second = next(items)
    with pytest.raises(Stop, match="`b` is not there any more"):
        second.open().__enter__()


def test_what_changed_between_plan_and_taking_is_said(drop):
    drop.put("a")
    units, collector, ctx = _planned(drop)
    drop.put("b")
    kinds = []
    for item in collector.acquire(units[0], ctx):
        if isinstance(item, Download):
            with item.open() as stream:
                list(stream.chunks)
        elif hasattr(item, "finding"):
            kinds.append(item.finding.kind)
        else:
            assert item.status.value == "partial_error"
    assert "changed_meanwhile" in kinds


def test_a_torn_run_is_resumed_and_its_files_are_still_held_against_the_proof(drop):
    from support.lab import Lab

    for name in "abc":
        drop.put(name, name.encode())
    drop.put("SHA256SUMS", b"%s  a\n" % (b"0" * 64))
    lab = Lab(drop.case, WINDOW).open()
    order = drop.order(drop.delivery())
    lab.vault = TearingVault(drop.case, 2)
    with lab.vault.lock(), lab.vault.working(), pytest.raises(Exception, match="stop"):
        lab.engine(build({SPEC.name: SPEC}), workers=1).collect(order)
    lab.vault = LocalVault(drop.case)
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
        (torn,) = lab.keeper.state().acquisitions
        (outcome,) = lab.engine(build({SPEC.name: SPEC})).resume(torn, order).outcomes
    assert outcome.status.value == "integrity_failed"
    assert outcome.artifacts == 4
    assert lab.verify().exit() is Exit.OK


def test_collecting_the_source_by_hand_says_what_to_use():
    with pytest.raises(UsageError, match="takes what a partner delivers"):
        list(build({SPEC.name: SPEC})[SPEC.name].units(_scope({}), None))


def _scope(params):
    return Scope(window=WINDOW, target=Target(provider="intake", id="tenant-7"), params=params)


def _planned(drop):
    collector = build({SPEC.name: SPEC})[SPEC.name]
    scope = _scope(drop.delivery().to_params())
    from support.lab import Clock

    world = World(now=Clock(), secret=str, pacer=Pacer(), observer=Silent())
    (unit,) = collector.units(scope, None)
    ctx = UnitContext(world=world, limit=SPEC.limit, unit=unit, record=lambda _: None)
    return [unit], collector, ctx
