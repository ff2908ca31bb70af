"""A file's digest, whichever way it is read."""

import hashlib
import os

import pytest

from evidence_kit.errors import MissingError, UnexpectedError, VaultError
from evidence_kit.vaults import hashing
from evidence_kit.vaults.local import LocalVault

SIZES = (0, 1, hashing.CHUNK - 1, hashing.CHUNK, hashing.CHUNK + 1, hashing.LARGE - 1, hashing.LARGE, 11 << 20)


@pytest.mark.parametrize("size", SIZES)
def test_a_digest_is_of_every_byte_in_order(tmp_path, size):
    body = os.urandom(size)
    (tmp_path / "x").write_bytes(body)
    assert LocalVault(tmp_path).digest("x") == (hashlib.sha256(body).hexdigest(), size)


@pytest.mark.parametrize("said", [0, 1, hashing.LARGE])
def test_a_file_of_another_size_than_expected_is_read_to_its_end(tmp_path, said):
    body = os.urandom(9 * hashing.CHUNK + 5)
    (tmp_path / "x").write_bytes(body)
    handle = os.open(tmp_path / "x", os.O_RDONLY)
    assert hashing.digest(handle, said) == (hashlib.sha256(body).hexdigest(), len(body))
    os.close(handle)


@pytest.mark.parametrize("said", [1, hashing.LARGE])
def test_what_cannot_be_read_is_an_error(tmp_path, said):
    handle = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(OSError, match="directory"):
        hashing.digest(handle, said)
    os.close(handle)


def test_a_disk_that_takes_no_advice_changes_nothing(tmp_path, monkeypatch):
    def refused(*_):
        refused.asked += 1
        raise OSError(22, "Invalid argument")

    refused.asked = 0
    monkeypatch.setattr(os, "posix_fadvise", refused, raising=False)
    body = os.urandom(1 << 20) * 20
    vault = LocalVault(tmp_path)
    with vault.working():
        stored = vault.stage([body[: 9 << 20], body[9 << 20 :]])
        vault.commit([(stored, "bag/x")])
    asked = refused.asked
    assert vault.digest("bag/x") == (stored.sha256, stored.size) == (hashlib.sha256(body).hexdigest(), len(body))
    assert 0 < asked < refused.asked
    monkeypatch.delattr(os, "posix_fadvise")
    assert vault.digest("bag/x") == (stored.sha256, stored.size)


def test_an_error_while_reading_is_one_of_the_vault(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"x")

    def broken(handle, buffers):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "readv", broken)
    with pytest.raises(VaultError, match="cannot read `x`: input/output error"):
        LocalVault(tmp_path).digest("x")


def test_links_pipes_and_nothing_have_no_digest(tmp_path):
    (tmp_path / "link").symlink_to("x")
    os.mkfifo(tmp_path / "pipe")
    vault = LocalVault(tmp_path)
    for name, error in (("link", UnexpectedError), ("pipe", UnexpectedError), ("x", MissingError)):
        with pytest.raises(error):
            vault.digest(name)


def test_kinds_are_those_of_a_walk_without_the_folders_left_out(tmp_path):
    for name in ("a", "b/c", "b/d/e", "f/g"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "f/link").symlink_to("g")
    (tmp_path / "d").symlink_to("b")
    vault = LocalVault(tmp_path)
    assert list(vault.kinds("")) == [(entry.path, entry.kind == "file") for entry in vault.walk("")]
    assert sorted(vault.kinds("", {"b/d", "d", "f"})) == [("a", True), ("b/c", True), ("d", False)]
    assert sorted(vault.kinds("f")) == [("f/g", True), ("f/link", False)]


def test_a_name_that_no_file_can_have_is_an_error_of_the_vault(tmp_path):
    with pytest.raises(VaultError, match="too long"):
        LocalVault(tmp_path).stat("x" * 300)
