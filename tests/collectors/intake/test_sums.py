"""Lists of checksums are read in every form in which partners write them, and never guessed at."""

import hashlib
import os
import subprocess
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.collectors.intake.sums import KNOWN, UnreadableError, parse, parse_manifest

A = hashlib.sha256(b"a").hexdigest()
M = hashlib.md5(b"a", usedforsecurity=False).hexdigest()


def said(data, read=parse):
    return [(one.name, one.algorithm, one.digest) for one in read(data, proof="p")]


@pytest.mark.parametrize(
    "line",
    [
        f"{A}  a.log", f"{A} *a.log", f"{A.upper()}  a.log", f"SHA256 (a.log) = {A}", f"SHA2-256(a.log)= {A}",
        f"SHA256(a.log)= {A}", f"\ufeff{A}  a.log", f"# made by us\n\n{A}  a.log\r",
    ],
)  # fmt: skip
def test_a_line_of_any_form_says_the_same(line):
    assert said(f"{line}\n".encode()) == [("a.log", "sha256", A)]


def test_powershell_writes_utf_16_and_whole_paths():
    text = f'"Algorithm","Hash","Path"\r\n"SHA256","{A.upper()}","C:\\export\\a.log"\r\n'
    assert said(text.encode("utf-16")) == [("C:\\export\\a.log", "sha256", A)]


def test_a_table_may_give_sizes_and_several_digests_of_which_the_strongest_counts():
    table = f"path;size;MD5;SHA-256\nx/a.log;12;{M};{A}\n".encode()
    (claim,) = parse(table, proof="p")
    assert (claim.name, claim.size, claim.algorithm, claim.digest) == ("x/a.log", 12, "sha256", A)


def test_a_bag_encodes_line_ends_in_names():
    assert said(f"{A}  data/a%0Ab%25\n".encode(), parse_manifest) == [("data/a\nb%", "sha256", A)]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n# nothing\n", b"hello\n", b"abcd  a\n", f"{A}  a\nrubbish\n".encode(), b"\xff\xfea",
        f"MD5 (a) = {A}\n".encode(), f"path,sha256\n,{A}\n".encode(), b"path,sha256\na,zz\n",
        b"path,hash\na,sha256-47DEQpj8HBSa\n",
        f"{A[:-1]}  a\n".encode(), b'path,md5\n"a\n',
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_not_guessed_at(data):
    with pytest.raises(UnreadableError):
        parse(data, proof="p")


@pytest.mark.parametrize("program", ["md5sum", "sha1sum", "sha256sum", "sha384sum", "sha512sum"])
@pytest.mark.parametrize("options", [(), ("--tag",), ("--binary",)])
def test_the_lists_of_coreutils_are_read_names_and_all(tmp_path, program, options):
    names = ["a", "b c", "new\nline", "back\\slash", "ü", os.fsdecode(b"\xe9"), " lead", "x) = y"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    made = subprocess.run([program, *options, *names], cwd=tmp_path, capture_output=True, check=True).stdout
    algorithm = program.removesuffix("sum")
    for name, kind, digest in said(made):
        body = name.encode("utf-8", "surrogateescape")
        assert (kind, digest) == (algorithm, hashlib.new(algorithm, body, usedforsecurity=False).hexdigest())
    assert {name for name, _, _ in said(made)} == set(names)


@given(st.binary(max_size=300))
def test_no_list_however_malformed_is_more_than_unreadable(data):
    for read in (parse, parse_manifest):
        with suppress(UnreadableError):
            assert read(data, proof="p")


@pytest.mark.parametrize("name", ["SHA256SUMS", "sha512sum.txt", "MD5SUMS", "checksums.txt", "a.zip.sha256", "x.md5"])
def test_a_list_is_known_by_its_name(name):
    assert KNOWN.fullmatch(name)
    assert not KNOWN.fullmatch(f"{name}.jsonl")
