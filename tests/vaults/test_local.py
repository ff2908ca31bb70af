"""Evidence goes into a local vault once, whole, and is never followed out of it."""

import hashlib
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import chdir

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_kit.errors import MissingError, UnexpectedError, VaultError
from evidence_kit.vaults import local
from evidence_kit.vaults.local import RESERVED_FILES, WORK, LocalVault


@pytest.fixture
def vault(tmp_path):
    made = LocalVault(tmp_path, reserve=1 << 16)
    with made.working():
        yield made


def content(vault, path):
    with vault.open(path) as stream:
        return stream.read()


def names(vault, path=""):
    return {entry.path for entry in vault.walk(path) if not entry.path.startswith(WORK)}


# -- going in ------------------------------------------------------------------------------------------------


def test_what_is_staged_is_out_of_sight_until_it_is_committed(vault):
    stored = vault.stage([b"ab", b"c"])
    assert names(vault) == set()
    vault.commit([(stored, "bags/a/data/x")])
    assert names(vault) == {"bags/a/data/x"}
    assert content(vault, "bags/a/data/x") == b"abc"


@given(chunks=st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=40, deadline=None)
def test_staged_bytes_are_hashed_as_they_are_written(tmp_path_factory, chunks):
    vault = LocalVault(tmp_path_factory.mktemp("v"), reserve=0)
    with vault.working():
        stored = vault.stage(iter(chunks))
        vault.commit([(stored, "x")])
        whole = b"".join(chunks)
        assert (stored.sha256, stored.size) == (hashlib.sha256(whole).hexdigest(), len(whole))
        assert content(vault, "x") == whole


def test_committed_evidence_is_read_only(vault):
    vault.commit([(vault.stage([b"x"]), "x")])
    assert stat.S_IMODE((vault.root / "x").stat().st_mode) == 0o444


@pytest.mark.parametrize("there", ["file", "link", "folder"])
def test_nothing_is_ever_put_over_what_is_there(vault, there):
    where = vault.root / "x"
    {"file": lambda: where.write_bytes(b"old"), "link": lambda: where.symlink_to("nowhere"), "folder": where.mkdir}[
        there
    ]()
    with pytest.raises(VaultError, match="is there already"):
        vault.commit([(vault.stage([b"new"]), "x")])
    assert where.is_symlink() if there == "link" else where.exists()
    if there == "file":
        assert where.read_bytes() == b"old"


def test_two_of_one_name_in_a_batch_do_not_overwrite_each_other(vault):
    with pytest.raises(VaultError, match="is there already"):
        vault.commit([(vault.stage([b"1"]), "x"), (vault.stage([b"2"]), "x")])
    assert content(vault, "x") == b"1"


@pytest.mark.parametrize("count", [1, 8, 9, 40])
def test_a_batch_is_all_in_place_whatever_its_size(vault, count):
    vault.commit([(vault.stage([b"%d" % n]), f"d/{n}") for n in range(count)])
    assert names(vault, "d") == {f"d/{n}" for n in range(count)}


def test_chunks_that_break_off_leave_nothing_behind(vault):
    def broken():
        yield b"some"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        vault.stage(broken())
    assert vault.leftovers() == []


def test_staged_names_of_two_vaults_never_meet(tmp_path):
    one, two = LocalVault(tmp_path), LocalVault(tmp_path)
    with one.working():
        assert {one.stage([b"x"]).handle for _ in range(5)}.isdisjoint({two.stage([b"x"]).handle for _ in range(5)})
        assert len(one.leftovers()) == 10


def test_many_threads_stage_at_once_without_meeting(vault):
    handles = []

    def work():
        handles.extend(vault.stage([b"x"]).handle for _ in range(100))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(handles)) == 800


def test_discarded_bytes_are_gone(vault):
    vault.discard(vault.stage([b"x"]))
    assert vault.leftovers() == []


# -- journals and index files ----------------------------------------------------------------------------------


def test_a_journal_grows_by_what_is_appended(vault):
    vault.append("log", b"a\n")
    vault.append("log", b"b\n")
    vault.close()
    vault.append("log", b"c\n")
    assert content(vault, "log") == b"a\nb\nc\n"


def test_an_append_that_fails_leaves_the_journal_as_it_was(vault):
    vault.append("log", b"a" * 1000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(VaultError, match="cannot write `log`"):
            vault.append("log", b"b" * 8000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert content(vault, "log") == b"a" * 1000
    vault.append("log", b"c")
    assert content(vault, "log") == b"a" * 1000 + b"c"


def test_a_journal_that_is_a_link_is_refused(vault, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "target"
    (vault.root / "log").symlink_to(elsewhere)
    with pytest.raises(VaultError):
        vault.append("log", b"x")
    assert not elsewhere.exists()


def test_a_published_file_replaces_the_old_one_whole_or_not_at_all(vault):
    vault.publish("index", [b"old"])

    def breaking():
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(VaultError, match="no space left"):
        vault.publish("index", breaking())
    assert names(vault) == {"index"}
    assert content(vault, "index") == b"old"
    assert vault.publish("index", [b"n", b"ew"])[1] == 3
    assert content(vault, "index") == b"new"


@pytest.mark.parametrize("path", ["bags/a/data/x", "data/x", "bags/a/data/b/c"])
def test_evidence_cannot_be_published_over(vault, path):
    with pytest.raises(VaultError, match="is evidence"):
        vault.publish(path, [b"x"])


def test_cut_returns_what_was_behind_and_keeps_what_was_before(vault):
    vault.append("log", b"whole\ntorn")
    assert vault.cut("log", 6) == b"torn"
    vault.append("log", b"next\n")
    assert content(vault, "log") == b"whole\nnext\n"


def test_a_file_is_set_aside_but_never_over_another(vault):
    vault.append("a", b"1")
    vault.set_aside("a", "torn/1/a")
    assert names(vault) == {"torn/1/a"}
    vault.append("b", b"2")
    with pytest.raises(VaultError, match="is there already"):
        vault.set_aside("b", "torn/1/a")


def test_a_journal_that_was_set_aside_is_begun_anew(vault):
    vault.append("log", b"old\n")
    vault.set_aside("log", "torn/1/log")
    vault.append("log", b"new\n")
    assert (content(vault, "torn/1/log"), content(vault, "log")) == (b"old\n", b"new\n")


def test_folders_that_were_not_synced_when_a_commit_failed_are_synced_when_it_is_repeated(vault, monkeypatch):
    synced, real = [], local._sync

    def failing(path):
        synced.append(path)
        if path == vault.root / "a":
            raise OSError(5, "Input/output error")
        real(path)

    batch = [(vault.stage([b"1"]), "a/b/c")]
    monkeypatch.setattr(local, "_sync", failing)
    with pytest.raises(VaultError, match="input/output"):
        vault.commit(batch)
    monkeypatch.setattr(local, "_sync", lambda path: (synced.append(path), real(path)))
    synced.clear()
    vault.commit(batch)
    assert {vault.root, vault.root / "a", vault.root / "a/b"} <= set(synced)
    assert content(vault, "a/b/c") == b"1"


def test_the_folder_of_a_case_is_synced_in_those_that_hold_it(tmp_path, monkeypatch):
    synced, real = [], local._sync
    monkeypatch.setattr(local, "_sync", lambda path: (synced.append(path), real(path)))
    LocalVault(tmp_path / "x/y/case").create()
    assert set(synced) == {tmp_path / "x/y", tmp_path / "x", tmp_path}


def test_only_working_files_can_be_forgotten(vault):
    vault.append("bags/x", b"1")
    with pytest.raises(VaultError, match="not a working file"):
        vault.forget("bags/x")
    vault.publish(f"{WORK}/known", [b"1"])
    vault.forget(f"{WORK}/known")
    assert vault.leftovers() == []


# -- reading -----------------------------------------------------------------------------------------------------


@pytest.fixture
def odd(vault, tmp_path_factory):
    """A vault with everything in it that is not a plain file."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_bytes(b"secret")
    (vault.root / "link").symlink_to(outside / "secret")
    (vault.root / "folder-link").symlink_to(outside)
    (vault.root / "dangling").symlink_to("nowhere")
    os.mkfifo(vault.root / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        with chdir(vault.root):  # the path of a socket has to be short
            listening.bind("socket")
        yield vault


def test_walk_names_links_and_devices_and_follows_none(odd):
    odd.append("d/plain", b"123")
    found = {entry.path: (entry.kind, entry.size) for entry in odd.walk("") if not entry.path.startswith(WORK)}
    assert found == {
        "d/plain": ("file", 3),
        **dict.fromkeys(("link", "folder-link", "dangling", "fifo", "socket"), ("other", 0)),
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["link", "dangling", "fifo", "socket", "folder-link", "."])
def test_open_refuses_what_is_not_a_plain_file(odd, name):
    with pytest.raises(UnexpectedError, match="not a plain file"):
        odd.open(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device node takes root")
def test_open_refuses_a_device(vault):
    try:
        os.mknod(vault.root / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device node is not permitted here")
    with pytest.raises(UnexpectedError):
        vault.open("null")


@pytest.mark.parametrize("path", ["nothing", "no/thing", "log/below"])
def test_what_is_not_there_is_missing(vault, path):
    vault.append("log", b"x")
    with pytest.raises(MissingError):
        vault.open(path)
    assert vault.stat(path) is None


def test_stat_tells_plain_files_from_everything_else(odd):
    odd.append("plain", b"12")
    assert (odd.stat("plain").kind, odd.stat("plain").size) == ("file", 2)
    assert odd.stat("link").kind == odd.stat(WORK).kind == "other"


def test_walking_or_listing_what_is_not_there_yields_nothing(vault):
    assert list(vault.walk("nothing")) == vault.folders("nothing") == []
    vault.append("a/b/c", b"")
    vault.append("a/file", b"")
    assert vault.folders("a") == ["b"]


# -- one writer, some reserve ------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from evidence_kit.vaults.local import LocalVault
with LocalVault(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_case_that_another_process_writes_to_is_locked(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(VaultError, match="another evidence-kit") as refused, LocalVault(tmp_path).lock():
            pass
        assert refused.value.hint == "wait until it has finished"
        other.stdin.close()
        other.wait()
    with LocalVault(tmp_path).lock():
        pass


def test_a_case_that_is_not_there_cannot_be_locked_or_written(tmp_path):
    vault = LocalVault(tmp_path / "nothing")
    with pytest.raises(VaultError, match="cannot lock"), vault.lock():
        pass
    with pytest.raises(VaultError, match="cannot prepare"), vault.working():
        pass


def test_the_reserve_takes_space_and_names_and_gives_both_back(tmp_path):
    vault = LocalVault(tmp_path, reserve=1 << 20)
    with vault.working():
        kept = list((tmp_path / WORK / "reserve").iterdir())
        assert len(kept) == RESERVED_FILES
        assert sum(path.stat().st_size for path in kept) >= 1 << 20
        assert vault.leftovers() == []
        vault.release_reserve()
        assert list((tmp_path / WORK).iterdir()) == []
    assert not (tmp_path / WORK).exists()


def test_what_a_run_left_staged_survives_the_end_of_the_next(tmp_path):
    one = LocalVault(tmp_path)
    with one.working():
        one.stage([b"left"])
    with LocalVault(tmp_path).working():
        pass
    assert len(one.leftovers()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_named_as_such(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(VaultError) as refused, LocalVault(tmp_path).working():
        pass
    assert refused.value.hint == "check who owns the folder"


@pytest.fixture
def deep(tmp_path):
    """A file below 1,200 nested folders; taken away by `rm`, for Python's own cleaning would recurse."""
    current = os.open(tmp_path, os.O_RDONLY)
    for name in ["deep"] + ["d"] * 1200:
        os.mkdir(name, dir_fd=current)
        below = os.open(name, os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=current))
    os.close(current)
    yield tmp_path
    subprocess.run(["rm", "-rf", str(tmp_path / "deep")], check=True)


def test_folders_nested_a_thousand_deep_are_walked_without_recursion(deep) -> None:
    (found,) = LocalVault(deep).walk("")

    assert found.path.endswith("/d/file")
