import hashlib
import threading

import pytest

from evidence_kit.custody.verify import digests
from evidence_kit.errors import DigestError, MissingError, UnexpectedError, VaultError
from evidence_kit.vaults.local import LocalVault

SIZES = (0, 5, 100, 3, 200, 300, 1, 400, 7)


@pytest.fixture
def vault(tmp_path, monkeypatch):
    """Nine files, of which those of a hundred bytes and more count as large."""
    monkeypatch.setattr(digests, "LARGE", 100)
    for number, size in enumerate(SIZES):
        (tmp_path / "bag").mkdir(exist_ok=True)
        (tmp_path / f"bag/{number}").write_bytes(bytes([number]) * size)
    return LocalVault(tmp_path)


def expected(number):
    body = bytes([number]) * SIZES[number]
    return str(number), (hashlib.sha256(body).hexdigest(), len(body))


def taken(vault, paths, known=None):
    return list(digests.digests(vault, "bag", paths, known or {}))


@pytest.mark.parametrize("processors", [1, 2, 99])
@pytest.mark.parametrize("ahead", [1, 64])
def test_digests_come_in_the_order_that_was_asked_for(vault, monkeypatch, processors, ahead):
    monkeypatch.setattr(digests, "processors", lambda: processors)
    monkeypatch.setattr(digests, "_AHEAD", ahead)
    for order in (range(9), range(8, -1, -1), [2, 4, 5, 7], [0, 1, 3]):
        assert taken(vault, map(str, order)) == [expected(number) for number in order]


def test_large_files_are_read_side_by_side(vault, monkeypatch):
    monkeypatch.setattr(digests, "processors", lambda: 2)
    together = threading.Barrier(2, timeout=20)

    class Meeting(LocalVault):
        def digest(self, path):
            together.wait()
            return super().digest(path)

    assert taken(Meeting(vault.root), ["4", "5"]) == [expected(4), expected(5)]


def test_what_cannot_be_read_takes_its_place_among_the_others(vault):
    (vault.root / "bag/link").symlink_to("4")
    found = taken(vault, ["4", "none", "link", "5"])
    assert [path for path, _ in found] == ["4", "none", "link", "5"]
    assert [type(answer) for _, answer in found] == [tuple, MissingError, UnexpectedError, tuple]


def test_an_error_of_the_list_comes_after_all_that_it_named(vault):
    def paths():
        yield from ("4", "0", "5")
        raise DigestError("the list ends here")

    several = digests.digests(vault, "bag", paths(), {})
    assert [next(several) for _ in range(3)] == [expected(4), expected(0), expected(5)]
    with pytest.raises(DigestError, match="the list ends here"):
        next(several)


def test_what_is_known_is_not_read(vault):
    assert taken(vault, ["none", "0"], {"none": ("00", 3)}) == [("none", ("00", 3)), expected(0)]


@pytest.mark.parametrize("fault", [ZeroDivisionError, SystemExit])
def test_a_fault_of_ours_in_a_thread_is_not_lost(vault, fault):
    class Faulty(LocalVault):
        def digest(self, path):
            raise fault

    with pytest.raises(fault):
        taken(Faulty(vault.root), ["4"])


def test_a_file_that_cannot_be_looked_at_says_so_as_its_digest(vault):
    ((path, found),) = taken(vault, ["x" * 300])
    assert path == "x" * 300
    assert isinstance(found, VaultError)


def test_a_vault_that_is_not_nearby_is_read_as_a_stream(vault):
    class Far:
        open, stat, walk = vault.open, vault.stat, vault.walk

    assert taken(Far(), map(str, range(9))) == [expected(number) for number in range(9)]
    assert digests.digest(Far(), "bag/4") == digests.digest(vault, "bag/4") == expected(4)[1]
