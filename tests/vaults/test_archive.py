"""An archive is verified as it lies, whoever packed it; one made to mislead or to harm is refused."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from support import memory
from support.casemaker import make_case

from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
from evidence_kit.errors import EmptyError, Exit, MissingError, UnexpectedError, VaultError
from evidence_kit.report.transport import tarball
from evidence_kit.vaults import archive, inflate, tape
from evidence_kit.vaults.archive import ArchiveVault
from evidence_kit.vaults.registry import open_subject
from evidence_kit.vaults.zstandard import zstd

needs_tar = pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
PACKERS = {
    ".tar": lambda data: data,
    ".tar.gz": gzip.compress,
    ".tar.zst": zstd.compress,
}


def tarred(*members, end=bytes(1024)):
    """A tar of (name, content) or ready TarInfo pairs, byte for byte as asked."""
    out = b""
    for what, content in members:
        info = what if isinstance(what, tarfile.TarInfo) else tarfile.TarInfo(what)
        if not isinstance(what, tarfile.TarInfo):
            info.size = len(content)
        out += info.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)
    return out + end


def special(name, kind, **more):
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in more.items():
        setattr(info, field, value)
    return info


@pytest.fixture
def written(tmp_path):
    """Write bytes as an archive; return the vault."""

    def write(data, name="x.tar"):
        path = tmp_path / name
        path.write_bytes(data)
        return ArchiveVault(path)

    return write


def content(vault, path):
    with vault.open(path) as stream:
        return stream.read()


def judge(path, case):
    subject = open_subject(str(path), {})
    check = verify_bag if subject.is_bag else verify_case
    return check(subject.vault, name=subject.name, trust=case.trust, options=Options(each_signature=True))


def shell(command, cwd):
    subprocess.run(command, shell=True, check=True, cwd=cwd)  # noqa: S602 - the pipelines that people type


# -- whoever packed it ---------------------------------------------------------------------------------------


@needs_tar
@needs_zstd
@pytest.mark.parametrize(
    "pack",
    [
        "tar -cf {out} case",
        "tar -czf {out} case",
        "tar --zstd -cf {out} case",
        "tar --format=gnu --zstd -cf {out} case",
        "tar --format=posix --zstd -cf {out} case",
        "tar --sort=name -cf - case | zstd -q -o {out}",
        "tar -C case -cf - . | zstd -19 -q -o {out}",
        "cd case && find . -type f | sort -r | tar -cf - -T - | zstd -q -o {out}",
        "cd case && tar -cf - * | zstd -q -o {out}",
    ],
)
def test_a_case_verifies_however_it_was_packed(case, tmp_path, pack) -> None:
    out = tmp_path / "packed"
    shell(pack.format(out=out), tmp_path)

    assert judge(out, case).exit(require_complete=True) is Exit.OK


@needs_tar
@needs_zstd
@pytest.mark.parametrize("inside", [False, True], ids=["with its folder", "without"])
def test_an_archive_of_one_bag_is_verified_as_a_bag(small_case, tmp_path, inside) -> None:
    name = small_case.bag.removeprefix("bags/")
    out = tmp_path / f"{name}.tar.zst"
    where = f"bags/{name}" if inside else "bags"
    shell(f"tar -C {where} --zstd -cf {out} {'.' if inside else name}", small_case.root)

    subject = open_subject(str(out), {})
    assert (subject.is_bag, subject.name) == (True, name)
    assert judge(out, small_case).exit(require_complete=True) is Exit.OK


@needs_tar
@needs_zstd
def test_a_changed_byte_inside_is_the_same_verdict_as_in_the_folder(case, tmp_path) -> None:
    target = next(path for path in case.files if "/list/" in path)
    (case.root / target).chmod(0o644)
    (case.root / target).write_bytes(b"{}")
    shell("tar --zstd -cf packed case", tmp_path)

    report, folder = judge(tmp_path / "packed", case), case.verify(each_signature=True)
    assert [(d.verdict, d.subject) for d in report.defects] == [(d.verdict, d.subject) for d in folder.defects]
    assert report.exit(require_complete=False) is Exit.DIGEST


@needs_tar
@needs_zstd
def test_links_and_devices_inside_are_defects_and_never_followed(case, tmp_path) -> None:
    (case.root / case.bag / "data" / "link").symlink_to("/etc/passwd")
    os.mkfifo(case.root / case.bag / "data" / "fifo")
    os.link(case.root / "case.json", case.root / "again.json")
    shell("tar --zstd -cf packed case", tmp_path)
    report = judge(tmp_path / "packed", case)

    found = {d.subject.rpartition("/")[2] for d in report.defects if "not a plain file" in d.message}
    assert {"link", "fifo"} <= found
    assert found & {"again.json", "case.json"}  # tar packs one of the two as a link to the other


@needs_tar
@needs_zstd
@pytest.mark.parametrize(
    ("pack", "passes"),
    [
        ("tar --sort=name -cf - case | zstd -q -o {out}", 2.1),
        ("tar -cf - case | zstd -q -o {out}", 2.6),
        ("find case -type f | sort -r | tar -cf - -T - | zstd -q -o {out}", 2.6),
        ("tar -czf {out} case", 2.6),
    ],
)
def test_verifying_costs_a_few_passes_whatever_the_order(tmp_path, pack, passes) -> None:
    case = make_case(tmp_path / "case", pages=0, names=tuple(f"{n % 7}/{n:04}.log" for n in range(300)))
    shell(pack.format(out="packed"), tmp_path)
    shell("tar -cf plain case", tmp_path)
    subject = open_subject(str(tmp_path / "packed"), {})
    report = verify_case(subject.vault, name="x", trust=case.trust, options=Options())

    assert report.exit(require_complete=True) is Exit.OK
    assert subject.vault.inflated < passes * (tmp_path / "plain").stat().st_size


def test_an_archive_in_no_order_is_read_through_an_unnamed_copy(written, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(archive, "_PASSED", 1 << 16)
    bodies = {f"c/data/{n:03}": os.urandom(1 << 14) for n in range(200)}
    data = tarred(*bodies.items())
    vault = written(zstd.compress(data), "x.tar.zst")
    before = vault._source
    for path in sorted(bodies, key=lambda path: bodies[path]):
        assert content(vault, path.removeprefix("c/")) == bodies[path]

    assert vault._source is not before
    assert vault._source.is_stored
    assert vault.inflated < 20 * len(data)
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.zst"]


def test_a_copy_that_has_no_room_says_what_to_do(written, monkeypatch) -> None:
    vault = written(zstd.compress(tarred(*((f"c/data/{n}", os.urandom(9000)) for n in range(9)))), "x.tar.zst")
    monkeypatch.setattr(archive, "_PASSES", 0)
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    with pytest.raises(VaultError, match="cannot hold a copy") as refused:
        vault.open("data/1")
    assert "TMPDIR" in refused.value.hint


def test_frames_are_places_to_begin_from(written) -> None:
    bodies = [os.urandom(2 << 20) for _ in range(8)]
    data = tarred(*((f"data/{n}", body) for n, body in enumerate(bodies)))
    cut = [data[at : at + (3 << 20)] for at in range(0, len(data), 3 << 20)]
    vault = written(b"".join(zstd.compress(part) for part in cut), "x.tar.zst")
    before = vault.inflated

    for n in reversed(range(8)):
        assert content(vault, str(n)) == bodies[n]
    assert vault.inflated - before < 8 * (6 << 20)


# -- reading a member ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", PACKERS)
def test_large_members_are_streamed_and_can_be_read_back_and_forth(written, monkeypatch, ending) -> None:
    monkeypatch.setattr(archive, "_SMALL", 1 << 16)
    body = b"".join(b"%06d\n" % n for n in range(400_000))
    vault = written(
        PACKERS[ending](tarred(("a/data/first", b"1"), ("a/data/large", body), ("a/b", b"2"))), f"x{ending}"
    )

    with vault.open("data/large") as stream:
        assert stream.seek(0, 2) == len(body)
        assert stream.seek(7 * 300_000)
        assert stream.readline() == b"300000\n"
        assert stream.seek(7 * 5)
        assert stream.readline() == b"000005\n"
        assert stream.tell() == 7 * 6
        assert stream.seek(-7, 2)
        assert stream.read() == b"399999\n"
        assert content(vault, "data/first") == b"1"
        assert stream.seek(0) == 0
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(body).digest()


def test_stat_walk_and_open_tell_files_from_everything_else(written) -> None:
    vault = written(
        tarred(
            (special("c/", tarfile.DIRTYPE), b""),
            ("c/d/plain", b"123"),
            (special("c/d/link", tarfile.SYMTYPE, linkname="plain"), b""),
            (special("c/null", tarfile.CHRTYPE), b""),
        )
    )
    assert {(e.path, e.kind, e.size) for e in vault.walk("")} == {
        ("d/plain", "file", 3), ("d/link", "other", 0), ("null", "other", 0),
    }  # fmt: skip
    assert {e.path for e in vault.walk("d")} == {"d/plain", "d/link"}
    assert list(vault.walk("nothing")) == []
    assert (vault.stat("d/plain").kind, vault.stat("d/link").kind, vault.stat("d"), vault.stat("x")) == (
        "file", "other", None, None,
    )  # fmt: skip
    for path in ("d/link", "null"):
        with pytest.raises(UnexpectedError, match="not a plain file"):
            vault.open(path)
    with pytest.raises(MissingError):
        vault.open("d")


def test_an_archive_is_never_written_to(written) -> None:
    vault = written(tarred(("a", b"")))
    for write in (
        lambda: vault.append("a", b"x"),
        lambda: vault.publish("a", [b"x"]),
        lambda: vault.stage([b"x"]),
        lambda: vault.commit([]),
        lambda: vault.cut("a", 0),
        lambda: vault.set_aside("a", "b"),
    ):
        with pytest.raises(VaultError, match="not written to"):
            write()


# -- made to mislead -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "..", "a/..", "x" * 5000])
def test_a_name_that_leaves_its_folder_is_refused(written, name) -> None:
    with pytest.raises(UnexpectedError, match="not a name below one folder"):
        written(tarred((name, b"x")))


def test_a_folder_or_link_that_leaves_its_place_is_refused_too(written) -> None:
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE):
        with pytest.raises(UnexpectedError):
            written(tarred((special("../x", kind), b"")))


def test_a_member_that_is_there_twice_is_refused(written) -> None:
    with pytest.raises(UnexpectedError, match="twice"):
        written(tarred(("a", b"good"), ("./a", b"bad")))


@needs_tar
def test_long_names_of_both_kinds_are_read(tmp_path) -> None:
    path = "/".join(["n" * 150] * 4)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(b"deep")
    for form in ("gnu", "posix"):
        shell(f"tar --format={form} -cf {form}.tar {'n' * 150}", tmp_path)
        assert content(ArchiveVault(tmp_path / f"{form}.tar"), path.removeprefix("n" * 150 + "/")) == b"deep"


@needs_tar
@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_sparse_files_are_refused(tmp_path, form) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 20)
    shell(f"tar --sparse --format={form} -cf x.tar sparse", tmp_path)
    with pytest.raises(VaultError, match="sparse"):
        ArchiveVault(tmp_path / "x.tar")


def pax(records, kind=tarfile.XHDTYPE):
    return special("pax", kind, size=len(records)), records


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([pax(b"9 path=b\n"), pax(b"9 path=c\n"), ("a", b"")], "described twice"),
        ([pax(b"9 path=b\n", tarfile.XGLTYPE), ("a", b"")], "described twice"),
        ([pax(b"8 path=b\n"), ("a", b"")], "malformed"),
        ([pax(b"99 path=b\n"), ("a", b"")], "malformed"),
        ([pax(b"x path=b\n"), ("a", b"")], "malformed"),
        ([pax(b"9 path=b\n9 path=c\n"), ("a", b"")], "malformed"),
        ([pax(b"11 size=-1\n"), ("a", b"")], "not a number"),
        ([(special("a", tarfile.XHDTYPE, size=1 << 40), b"")], "enough for any"),
        ([(special("a", tarfile.SYMTYPE, size=512), bytes(512))], "kind of its own"),
        ([(special("a", tarfile.CONTTYPE, size=3), b"abc")], "kind of its own"),
    ],
)
def test_what_two_tools_would_read_differently_is_refused(written, members, says) -> None:
    with pytest.raises(VaultError, match=says):
        written(tarred(*members))


def test_a_size_below_zero_is_refused(written) -> None:
    block = bytearray(tarred(("a", b""))[:512])
    block[124:136] = b"\xff" * 12
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(VaultError, match="below zero"):
        written(bytes(block) + bytes(1024))


# -- damaged -------------------------------------------------------------------------------------------------

BODY = os.urandom(5000)
SOUND = tarred(("c/case.json", b"{}"), ("c/data/x", BODY))


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_unreadable(written, ending, keep) -> None:
    data = PACKERS[ending](SOUND)
    with pytest.raises(VaultError):
        written(data[: int(len(data) * keep)], f"x{ending}")


@pytest.mark.parametrize("end", [b"", bytes(512)], ids=["no end", "half an end"])
def test_an_archive_without_its_end_is_truncated(written, end) -> None:
    with pytest.raises(VaultError, match="truncated"):
        written(tarred(("a", b"x"), end=end))


@pytest.mark.parametrize("ending", PACKERS)
def test_what_follows_the_end_is_not_overlooked(written, ending) -> None:
    with pytest.raises(VaultError, match="follows"):
        written(PACKERS[ending](SOUND) + b"garbage", f"x{ending}")
    with pytest.raises(VaultError, match="follows the end of the tar"):
        written(PACKERS[ending](SOUND + tarred(("hidden", b"x"))), f"x{ending}")
    with pytest.raises(VaultError, match="follows the end of the tar"):
        written(PACKERS[ending](SOUND + bytes(tape.MAX_PADDING + 1024)), f"x{ending}")


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.zst"])
def test_frames_one_after_another_are_one_archive(written, ending) -> None:
    pack = PACKERS[ending]
    vault = written(pack(SOUND[:700]) + pack(b"") + pack(SOUND[700:]), f"x{ending}")

    assert content(vault, "data/x") == BODY


def test_every_flipped_byte_is_refused_or_changes_what_is_read(tmp_path) -> None:
    data = zstd.compress(SOUND, options={zstd.CompressionParameter.checksum_flag: 1})
    for at in range(0, len(data), 97):
        path = tmp_path / "x.tar.zst"
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises((VaultError, UnexpectedError)):
            content(ArchiveVault(path), "data/x")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 not a tar at all" * 100, "not a tar"),
        (zstd.compress(b"hello" * 500), "not a tar"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 600, "cannot be unpacked"),
        (b"age-encryption.org/v1\n-> X25519 x\n", "is encrypted"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "is encrypted"),
    ],
)
def test_what_is_no_archive_is_said_so(written, data, says) -> None:
    with pytest.raises(VaultError, match=says):
        written(data)


def test_an_archive_of_nothing_is_empty(written) -> None:
    with pytest.raises(EmptyError, match="holds no file"):
        written(tarred((special("folder/", tarfile.DIRTYPE), b"")))


def test_a_fifo_or_nothing_at_all_is_no_archive(tmp_path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(VaultError, match="not a plain file"):
        open_subject(str(tmp_path / "fifo"), {})
    with pytest.raises(EmptyError, match="is not there"):
        open_subject(str(tmp_path / "nothing"), {})
    with pytest.raises(VaultError, match="cannot read"):
        ArchiveVault(tmp_path / "nothing")


# -- made to harm --------------------------------------------------------------------------------------------


def test_the_number_of_members_and_the_length_of_their_names_are_bounded(written, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 10)
    with pytest.raises(VaultError, match="more than 10 files"):
        written(tarred(*((f"{n}", b"") for n in range(11))))
    monkeypatch.setattr(archive, "MAX_NAMES", 50)
    with pytest.raises(VaultError, match="names too long"):
        written(tarred(("n" * 51, b"")))


def test_an_archive_that_grows_without_end_is_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(inflate, "_ANY_RATIO", 1 << 20)
    bomb(tmp_path / "bomb.tar.zst", 64 << 20)
    with pytest.raises(VaultError, match="times its size"):
        ArchiveVault(tmp_path / "bomb.tar.zst")


def bomb(path: Path, size: int) -> None:
    """One member of zeros."""
    zeros = bytes(1 << 20)
    with zstd.open(path, "wb") as out:
        out.write(special("data/zeros", tarfile.REGTYPE, size=size).tobuf(tarfile.PAX_FORMAT))
        for _ in range(size // len(zeros)):
            out.write(zeros)
        out.write(bytes(1024))


_READ = """
import sys
from pathlib import Path
from support import memory
from evidence_kit.vaults.archive import ArchiveVault
before = memory.peak()
vault = ArchiveVault(Path(sys.argv[1]))
with vault.open("zeros") as stream:
    size = sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))
print(size, memory.peak() - before)
"""


def test_an_archive_of_zeros_takes_no_memory(tmp_path) -> None:
    bomb(tmp_path / "bomb.tar.zst", 512 << 20)
    told = subprocess.run(
        [sys.executable, "-c", _READ, tmp_path / "bomb.tar.zst"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    size, grown = map(int, told.stdout.split())

    assert size == 512 << 20
    assert grown < 40 << 10  # KB


def test_a_claimed_size_is_not_believed(written) -> None:
    memory.forget()
    before = memory.peak()
    for claim in (1 << 20, 1 << 33, 1 << 60):
        with pytest.raises(VaultError, match="truncated"):
            written(zstd.compress(tarred((special("a", tarfile.REGTYPE, size=claim), b"short"))), "x.tar.zst")
        with pytest.raises(VaultError, match="truncated"):
            written(tarred((special("a", tarfile.REGTYPE, size=claim), b"short")))
    assert memory.peak() - before < 40 << 10


def test_what_is_kept_for_later_is_bounded(written, monkeypatch) -> None:
    monkeypatch.setattr(archive, "_PINNED", 1 << 16)
    monkeypatch.setattr(archive, "_PASSED", 1 << 16)
    bodies = {f"data/{n:03}": os.urandom(4096) for n in range(100)}
    records = {f"record/{n:03}": os.urandom(4096) for n in range(100)}
    vault = written(zstd.compress(tarred(*bodies.items(), *records.items())), "x.tar.zst")

    for path, body in reversed([*bodies.items(), *records.items()]):
        assert content(vault, path) == body
    assert sum(map(len, vault._pinned.values())) <= 1 << 16
    assert sum(map(len, vault._passed.values())) <= 1 << 16


def test_a_window_larger_than_any_tool_takes_is_refused(written) -> None:
    level = {zstd.CompressionParameter.window_log: 30, zstd.CompressionParameter.enable_long_distance_matching: 1}
    made = zstd.ZstdCompressor(options=level)
    with pytest.raises(VaultError, match="cannot be unpacked"):
        written(made.compress(SOUND) + made.flush(), "x.tar.zst")


def test_a_member_of_nine_gigabytes_is_found_by_its_true_size(tmp_path) -> None:
    size = 9 << 30
    header = tarball._header("c/data/disk.img", size, journal=False)
    with (tmp_path / "x.tar").open("wb") as out:
        out.write(header)
        out.seek(size - 3, 1)
        out.write(b"end")
        out.truncate(len(header) + size + 1024)
    vault = ArchiveVault(tmp_path / "x.tar")

    assert vault.stat("data/disk.img").size == size
    with vault.open("data/disk.img") as stream:
        stream.seek(-3, 2)
        assert stream.read() == b"end"
