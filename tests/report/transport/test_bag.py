"""An export is the same bytes wherever it is made, opens with the tools a receiver has, and is on record."""

import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from pyrage import x25519
from support.casemaker import NOW, make_case

from evidence_kit.custody import log
from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
from evidence_kit.errors import Exit, MissingError, UnexpectedError, UsageError, VaultError
from evidence_kit.report.transport import bag as transport
from evidence_kit.report.transport import parcel, recipients, tarball
from evidence_kit.vaults.local import LocalVault
from evidence_kit.vaults.registry import open_subject
from evidence_kit.vaults.zstandard import zstd

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
needs_tar = pytest.mark.skipif(
    shutil.which("tar") is None or shutil.which("zstd") is None, reason="tar or zstd is not installed"
)
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture
def person(tmp_path):
    """Somebody with an age key; their public key and where the private one is."""

    def make(name="key"):
        identity = x25519.Identity.generate()
        (tmp_path / name).write_text(f"{identity}\n")
        return str(identity.to_public()), tmp_path / name

    return make


def exported(case, out, *, root=None, to=(), **order):
    vault = LocalVault(root or case.root)
    asked = transport.Order(recipients=recipients.parse(list(to)), **order)
    return transport.export_bag(vault, case.keeper_of(vault), out, asked, at=NOW)


def last_event(case):
    line = (case.root / log.LOG).read_bytes().splitlines()[-1]
    return log.parse_event(line, len((case.root / log.LOG).read_bytes().splitlines()) - 1)


def weight(path):
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}


def judge(path, case):
    subject = open_subject(str(path), {})
    check = verify_bag if subject.is_bag else verify_case
    return check(subject.vault, name=subject.name, trust=case.trust, options=Options(each_signature=True))


def members(path):
    with zstd.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        return list(archive)


# -- the archive ---------------------------------------------------------------------------------------------


def test_the_same_case_gives_the_same_bytes_here_and_on_a_copy(case, tmp_path) -> None:
    shutil.copytree(case.root, tmp_path / "copy")
    for number, path in enumerate(sorted((tmp_path / "copy").rglob("*"))):
        path.chmod(0o755 if path.is_dir() else 0o640)
        os.utime(path, (number, number))
    shutil.copytree(case.root, tmp_path / "again")
    made = [
        exported(case, tmp_path / name, root=root).plain
        for name, root in (("1", None), ("2", tmp_path / "copy"), ("3", tmp_path / "again"))
    ]

    assert made[0] == made[1] == made[2]
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


def test_nothing_of_this_disk_is_told(case, tmp_path) -> None:
    exported(case, tmp_path / "out")
    found = members(tmp_path / "out")

    assert [member.name for member in found] == sorted(member.name for member in found)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in found} == {(0, 0, 0, "", "")}
    assert {m.mode for m in found if not m.name.endswith(log.LOG)} == {0o444}
    assert all(member.isreg() for member in found)
    extended = [m for m in found if m.pax_headers]
    assert all(m.pax_headers.keys() == {"path"} and len(m.name) > 100 for m in extended)
    assert len(extended) < len(found) / 2


def test_the_whole_case_is_in_it_and_nothing_derived(case, tmp_path) -> None:
    (case.root / "derived").mkdir()
    (case.root / "derived" / "report.html").write_text("x")
    before = {path for path in case.files if not path.startswith("derived/")}
    exported(case, tmp_path / "out")

    assert {m.name.removeprefix("IR-2026-014/") for m in members(tmp_path / "out")} == before


@pytest.mark.parametrize("ends", [0, 1, 511, 512, 513, 1023])
def test_members_fill_whole_blocks_whatever_their_size(tmp_path, ends) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "a").write_bytes(b"x" * ends)
    made = b"".join(tarball.tar(LocalVault(tmp_path / "case"), ["a"], within="c", inside=""))
    (tmp_path / "out.tar").write_bytes(made)

    assert len(made) % 10_240 == 0
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert archive.extractfile("c/a").read() == b"x" * ends


def test_frames_are_cut_by_size_and_lose_nothing() -> None:
    chunks = [os.urandom(1 << 20)] * 40
    packed = b"".join(tarball.compressed(chunks))
    first = zstd.ZstdDecompressor()
    first.decompress(packed)

    assert first.eof
    assert first.unused_data.startswith(b"\x28\xb5\x2f\xfd")
    assert zstd.decompress(packed) == b"".join(chunks)


@pytest.mark.parametrize("bad", ["link", "fifo", "name"])
def test_what_no_case_holds_stops_the_export(case, tmp_path, bad) -> None:
    where = case.root / case.bag / "data"
    {
        "link": lambda: (where / "x").symlink_to("/etc/passwd"),
        "fifo": lambda: os.mkfifo(where / "x"),
        "name": lambda: (where / "two words").write_bytes(b""),
    }[bad]()
    events = (case.root / log.LOG).read_bytes()
    with pytest.raises(UnexpectedError, match="cannot be exported"):
        exported(case, tmp_path / "out")
    assert left(tmp_path) == []
    assert (case.root / log.LOG).read_bytes() == events


def left(folder):
    return sorted(path.name for path in folder.iterdir() if "out" in path.name)


# -- who opens it --------------------------------------------------------------------------------------------


@needs_age
@needs_tar
def test_age_tar_bagit_and_verify_all_accept_what_was_exported(case, tmp_path, person) -> None:
    to, key = person()
    made = exported(case, tmp_path / "out.age", to=[to])
    with pytest.raises(VaultError, match="is encrypted"):
        judge(tmp_path / "out.age", case)
    subprocess.run(["age", "-d", "-i", key, "-o", tmp_path / "got.tar.zst", tmp_path / "out.age"], check=True)
    assert weight(tmp_path / "got.tar.zst") == made.plain.fields
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "--zstd", "-xf", tmp_path / "got.tar.zst", "-C", tmp_path / "unpacked"], check=True)
    root = tmp_path / "unpacked" / "IR-2026-014"
    bagit = [sys.executable, "-m", "bagit", "--validate", str(root / case.bag)]

    assert subprocess.run(bagit, capture_output=True, check=False).returncode == 0
    assert judge(tmp_path / "got.tar.zst", case).exit(require_complete=True) is Exit.OK
    assert judge(root, case).exit(require_complete=True) is Exit.OK
    assert (root / log.LOG).stat().st_mode & stat.S_IWUSR  # whoever takes the case over goes on with its log


@needs_age
@needs_tar
def test_one_bag_alone_is_exported_and_verified_as_a_bag(tmp_path, person) -> None:
    case = make_case(tmp_path / "case", acquisitions=2)
    to, key = person()
    name = case.bags[1].removeprefix("bags/")
    exported(case, tmp_path / "out.age", to=[to], acquisition=name)
    subprocess.run(["age", "-d", "-i", key, "-o", tmp_path / "got", tmp_path / "out.age"], check=True)

    assert {member.name.partition("/")[0] for member in members(tmp_path / "got")} == {name}
    assert open_subject(str(tmp_path / "got"), {}).is_bag
    assert judge(tmp_path / "got", case).exit(require_complete=True) is Exit.OK


@needs_age
@needs_ssh
def test_each_of_several_recipients_opens_it(small_case, tmp_path, person) -> None:
    keys = [person("one"), person("two")]
    for kind in ("ed25519", "rsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me@here", "-f", tmp_path / kind], check=True)
        keys.append(((tmp_path / f"{kind}.pub").read_text(), tmp_path / kind))
    made = exported(small_case, tmp_path / "out.age", to=[public for public, _ in keys])

    for _, private in keys:
        opened = subprocess.run(["age", "-d", "-i", private, tmp_path / "out.age"], capture_output=True, check=True)
        assert hashlib.sha256(opened.stdout).hexdigest() == made.plain.sha256
    assert "me@here" not in json.dumps(made.fields)


@needs_age
@pytest.mark.parametrize("at", [0.02, 0.3, 0.7, 0.999])
def test_age_refuses_a_changed_export(small_case, tmp_path, person, at) -> None:
    to, key = person()
    exported(small_case, tmp_path / "out.age", to=[to])
    data = bytearray((tmp_path / "out.age").read_bytes())
    data[int(len(data) * at)] ^= 1
    (tmp_path / "changed.age").write_bytes(data)
    opened = subprocess.run(["age", "-d", "-i", key, tmp_path / "changed.age"], capture_output=True, check=False)

    assert opened.returncode != 0


# -- the record ----------------------------------------------------------------------------------------------


def test_the_event_says_what_left_and_the_case_still_verifies(case, tmp_path, person) -> None:
    to, _ = person()
    made = exported(case, tmp_path / "out.age", to=[to], purpose="for the court", medium="disk 7")
    event = last_event(case)
    said = event.said.predicate["export"]

    assert (event.type, event.seq) == (log.EXPORTED, made.event)
    assert [(s.name, s.sha256) for s in event.said.subjects] == [("out.age", weight(tmp_path / "out.age")["sha256"])]
    assert said["cipher"] == weight(tmp_path / "out.age")
    assert (said["scope"], said["purpose"], said["medium"], said["recipients"]) == (
        "case", "for the court", "disk 7", [to],
    )  # fmt: skip
    assert said["encoder"]["zstd"] == zstd.zstd_version
    assert "unsealed" not in said
    assert case.verify().exit(require_complete=True) is Exit.OK


def test_without_recipients_the_archive_itself_is_on_record(case, tmp_path) -> None:
    exported(case, tmp_path / "out")
    said = last_event(case).said

    assert said.predicate["export"]["plain"] == weight(tmp_path / "out")
    assert said.predicate["export"]["cipher"] is None
    assert said.subject("out").sha256 == weight(tmp_path / "out")["sha256"]


def test_an_unsealed_acquisition_is_exported_with_a_note_of_it(unsealed_case, tmp_path) -> None:
    made = exported(unsealed_case, tmp_path / "out")
    (name,) = made.unsealed

    assert last_event(unsealed_case).said.predicate["export"]["unsealed"] == [name]
    assert judge(tmp_path / "out", unsealed_case).unsealed == 1


def test_an_acquisition_that_is_not_there_is_named(case, tmp_path) -> None:
    with pytest.raises(UsageError, match="no acquisition") as refused:
        exported(case, tmp_path / "out", acquisition="../../etc")
    assert case.bag.removeprefix("bags/") in refused.value.hint
    assert left(tmp_path) == []


# -- recipients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    ["", "hello", "age1xyz", "age1" + "q" * 58, "ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA", "--help", "age1\n"],
)
def test_what_is_no_public_key_is_refused(bad) -> None:
    with pytest.raises(UsageError, match=r"recipient 1.* is not a public key"):
        recipients.parse([bad])


def test_a_private_key_given_by_mistake_is_not_repeated() -> None:
    secret = str(x25519.Identity.generate())
    for text in (secret, f"age1 {secret}", f"x {secret}"):
        with pytest.raises(UsageError) as refused:
            recipients.parse([text])
        assert secret not in refused.value.message + refused.value.hint


def test_a_recipient_is_taken_once_and_there_are_not_too_many(person) -> None:
    to, _ = person()
    assert [r.text for r in recipients.parse([to, f" {to} "])] == [to]
    with pytest.raises(UsageError, match="more than 64"):
        recipients.parse([to] * 65)


def test_a_file_of_recipients_has_comments_and_blank_lines(tmp_path, person) -> None:
    to, _ = person()
    (tmp_path / "r.txt").write_text(f"# the court\n\n  {to}\n")
    assert recipients.listed(tmp_path / "r.txt") == [to]
    assert recipients.listed(None) == []
    for text in ("", "# nobody\n"):
        (tmp_path / "r.txt").write_text(text)
        with pytest.raises(UsageError, match="names no recipient"):
            recipients.listed(tmp_path / "r.txt")
    for bad in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UsageError, match="cannot read the recipients"):
            recipients.listed(bad)


# -- going wrong ---------------------------------------------------------------------------------------------


def test_nothing_is_overwritten(case, tmp_path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        exported(case, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
    (tmp_path / "link-out").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists"):
        exported(case, tmp_path / "link-out")


def test_a_name_that_is_taken_meanwhile_is_left_to_its_taker(tmp_path) -> None:
    with parcel.Parcel(tmp_path / "out") as made:
        made.write(b"x")
        (tmp_path / "out").write_text("theirs")
        with pytest.raises(UsageError, match="exists"):
            made.close_up()
    assert (tmp_path / "out").read_text() == "theirs"
    assert left(tmp_path) == ["out"]


def test_two_exports_to_one_name_do_not_meet(tmp_path) -> None:
    with parcel.Parcel(tmp_path / "out") as first:
        with pytest.raises(UsageError, match="exists") as refused, parcel.Parcel(tmp_path / "out"):
            pass
        assert "another export" in refused.value.hint
        first.write(b"x")
        first.close_up()
        first.deliver()
    assert left(tmp_path) == ["out"]


def test_an_export_into_the_case_is_refused(case) -> None:
    for where in (case.root / "out", case.root / "bags" / "out"):
        with pytest.raises(UsageError, match="in the case itself"):
            exported(case, where)


def test_a_place_that_is_not_there_is_said_so(case, tmp_path) -> None:
    with pytest.raises(VaultError, match="no such file"):
        exported(case, tmp_path / "no" / "out")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_full_disk_leaves_neither_file_nor_event(case, tmp_path, person, encrypted) -> None:
    to = [person()[0]] if encrypted else []
    events = (case.root / log.LOG).read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    vault = LocalVault(case.root, reserve=0)
    asked = transport.Order(recipients=recipients.parse(to))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(VaultError, match=r"cannot write .*file too large"):
            transport.export_bag(vault, case.keeper_of(vault), tmp_path / "out", asked, at=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert left(tmp_path) == []
    assert (case.root / log.LOG).read_bytes() == events


class Locked(LocalVault):
    """Takes no more events."""

    def append(self, path, data):
        raise VaultError("cannot write")


def test_no_copy_leaves_without_a_record(case, tmp_path) -> None:
    vault = Locked(case.root)
    with pytest.raises(VaultError, match="cannot write"):
        transport.export_bag(vault, case.keeper_of(vault), tmp_path / "out", transport.Order(), at=NOW)
    assert left(tmp_path) == []


class Shrinking(LocalVault):
    """Loses a file, or a part of one, between listing and reading."""

    def __init__(self, root, harm):
        super().__init__(root)
        self.harm = harm

    def open(self, path):
        where = self.root / path
        if path.endswith("record/exchanges.jsonl") and where.exists():
            self.harm(where)
        return super().open(path)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_file_that_goes_away_while_it_is_read_surfaces_as_itself(case, tmp_path, person, encrypted) -> None:
    vault = Shrinking(case.root, lambda where: where.unlink())
    asked = transport.Order(recipients=recipients.parse([person()[0]] if encrypted else []))
    with pytest.raises(MissingError, match=r"exchanges\.jsonl` is missing"):
        transport.export_bag(vault, case.keeper_of(vault), tmp_path / "out", asked, at=NOW)
    assert left(tmp_path) == []


@pytest.mark.parametrize("change", [b"", b"longer than before"])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, change) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5)

    class Changing(LocalVault):
        def open(self, path):
            stream = super().open(path)
            stream.seek(0, 2)
            (self.root / path).write_bytes(change)
            return Held(stream)

    class Held:
        def __init__(self, stream):
            self.stream, self.seek, self.read = stream, lambda *_: 5, stream.read
            stream.seek(0)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.stream.close()

    with pytest.raises(VaultError, match="changed while it was read"):
        list(tarball.tar(Changing(tmp_path), ["a"], within="c", inside=""))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_encryption_ends_as_it_was_interrupted(tmp_path, person, stop) -> None:
    def chunks():
        yield b"x" * 100_000
        raise stop

    with pytest.raises(stop), parcel.Parcel(tmp_path / "out") as made:
        recipients.encrypt(chunks(), made.write, recipients.parse([person()[0]]))
    assert left(tmp_path) == []


_EXPORT = """
import sys
from pathlib import Path
from support import memory
from evidence_kit.report.transport import parcel, recipients, tarball
from evidence_kit.vaults.local import LocalVault
vault, to = LocalVault(Path(sys.argv[1])), recipients.parse(sys.argv[3:])
before = memory.peak()
with parcel.Parcel(Path(sys.argv[2])) as made:
    listed = tarball.paths(vault, ["bags"])
    packed = tarball.compressed(tarball.tar(vault, listed, within="x", inside=""))
    recipients.encrypt(packed, made.write, to)
    made.close_up()
    made.deliver()
print(memory.peak() - before)
"""


@pytest.mark.slow
def test_a_large_export_takes_no_more_memory_than_a_small_one(tmp_path, person) -> None:
    (tmp_path / "bags").mkdir()
    with (tmp_path / "bags" / "large").open("wb") as out:
        for _ in range(300):
            out.write(os.urandom(1 << 19) + b"a line of a log\n" * (1 << 15))
    told = subprocess.run(
        [sys.executable, "-c", _EXPORT, tmp_path, tmp_path / "out", person()[0]],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert (tmp_path / "out").stat().st_size > 150 << 20
    assert int(told.stdout) < 40 << 10  # KB
