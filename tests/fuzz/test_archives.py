"""Whatever archive is handed over as a case: it is read without unpacking, or refused; nothing leaves its place."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from fuzz.feeding import LONG, NORMAL, Decoder, damaged, judge, weighed
from hypothesis import given
from hypothesis import strategies as st
from support.vector_format import bytes_of, load

from evidence_kit.errors import UnexpectedError
from evidence_kit.vaults.archive import ArchiveVault

SOUND = load(Path(__file__).parents[1] / "vectors" / "valid" / "plain.json")
ZEROS = bytes(32 << 20)


def _tar(members, *, kind=tarfile.REGTYPE, link=""):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(body) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


TAR = _tar({f"case/{name}": bytes_of(content) for name, content in SOUND.files.items()})
OUTSIDE = (
    "../out",
    "/etc/passwd",
    "a/../../out",
    "..",
    "a/..",
    "./../out",
    "//out",
    "a\\..\\..\\out",
    "C:\\out",
    "a\0b",
)


def read_all(path):
    """Read every member of an archive, as `verify` would."""
    vault = ArchiveVault(path)
    try:
        for entry in vault.walk(""):
            if entry.kind == "file":
                with vault.open(entry.path) as stream:
                    while stream.read(1 << 16):
                        pass
    finally:
        vault.close()


@pytest.fixture
def tar(tmp_path):
    """A decoder that reads bytes as an archive of a case."""
    path = tmp_path / "case.tar"

    def call(data):
        path.write_bytes(data)
        read_all(path)

    return Decoder("archive", call, (TAR, gzip.compress(TAR, 1, mtime=0)))


def test_every_seed_is_taken(tar):
    assert [judge(tar, seed) for seed in tar.seeds] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leaves_its_place_is_refused_or_stays_in_it(tar, tmp_path, name):
    before = set(tmp_path.parent.rglob("*"))
    judge(tar, _tar({name.replace("\0", "%00"): b"x", "case.json": b"{}"}))
    assert set(tmp_path.parent.rglob("*")) - before <= {tmp_path / "case.tar"}


@pytest.mark.parametrize("name", OUTSIDE[:5])
def test_a_name_that_climbs_is_refused(tar, name):
    assert not judge(tar, _tar({name: b"x"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_is_never_opened(tmp_path, kind):
    path = tmp_path / "case.tar"
    path.write_bytes(_tar({"case/link": b""}, kind=kind, link="/etc/passwd"))
    vault = ArchiveVault(path)
    (entry,) = vault.walk("")
    assert entry.kind == "other"
    with pytest.raises(UnexpectedError):
        vault.open(entry.path)
    vault.close()


def test_zeros_without_an_end_take_no_memory(tar):
    weighed(tar, gzip.compress(_tar({"case/data/zeros": ZEROS}), 9, mtime=0), most=24 << 20)


def test_a_bomb_within_a_bomb_is_one_member(tar):
    inner = gzip.compress(ZEROS, 9, mtime=0)
    assert weighed(tar, _tar({"case/data/inner.gz": inner}))


@pytest.mark.parametrize(
    "size",
    [
        b"\x80" + b"\x00" * 3 + b"\x00\x7f" + b"\xff" * 6,
        b"\x80" + b"\x00" * 3 + b"\x7f" + b"\xff" * 7,
    ],
    ids=["a petabyte and more", "almost 64 bits"],
)
def test_a_size_that_no_disk_has_is_refused(tar, size):
    head = bytearray(_tar({"case/a": b"x"}))
    head[124:136] = size
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head[:512])
    assert not weighed(tar, bytes(head))


def test_many_names_that_are_long_are_bounded(tar):
    weighed(tar, _tar({f"{'d' * 200}/{number}": b"" for number in range(300)}))


@given(data=st.data())
@NORMAL
def test_a_damaged_archive_is_read_or_refused(tar, data):
    judge(tar, data.draw(damaged(tar.seeds)))


@pytest.mark.slow
@given(data=st.data())
@LONG
def test_an_archive_damaged_in_thousands_of_ways_is_read_or_refused(tar, data):
    judge(tar, data.draw(damaged(tar.seeds)))
