"""`export`, and `verify` of what it made."""

import json
import subprocess
import sys

import pytest
from pyrage import x25519

from evidence_kit.custody import log


@pytest.fixture
def public():
    return str(x25519.Identity.generate().to_public())


@pytest.fixture
def noted(run, opened):
    """A case with something in its log."""
    run("custody", "note", opened, "hello")
    return opened


def test_an_export_is_made_told_and_logged(run, noted, tmp_path) -> None:
    told = run(
        "export", noted, "--to", "bag", "-o", "out.tar.zst", "--purpose", "for the court", "--medium", "disk 7"
    )
    event = json.loads(run("custody", "log", noted, "--json").out)[-1]

    assert told.code == 0
    assert told.out.startswith("exported  out.tar.zst")
    assert "not encrypted" in told.err
    assert event["name"] == "exported"
    assert (tmp_path / "out.tar.zst").stat().st_size > 0


def test_the_same_as_one_document(run, noted, tmp_path, public) -> None:
    told = run("export", noted, "--to", "bag", "-o", "out.age", "--recipient", public, "--json")
    said = json.loads(told.out)

    assert (said["name"], said["scope"], said["recipients"]) == ("out.age", "case", [public])
    assert said["cipher"]["bytes"] == (tmp_path / "out.age").stat().st_size
    assert said["event"] == 2


def test_what_was_exported_verifies_as_the_case_does(run, noted) -> None:
    run("export", noted, "--to", "bag", "-o", "out.tar.zst")
    told = run("verify", "out.tar.zst")

    assert told.code == run("verify", noted).code == 4  # nothing was collected yet
    assert "nothing was collected" in told.out


@pytest.mark.parametrize("kind", ["junit", "sarif", "github", "json"])
def test_every_format_speaks_of_archives_too(run, noted, kind) -> None:
    run("export", noted, "--to", "bag", "-o", "out.tar.zst")

    assert run("verify", "out.tar.zst", "--format", kind).code == 4


def test_an_encrypted_export_cannot_be_verified_and_says_how(run, noted, public) -> None:
    run("export", noted, "--to", "bag", "-o", "out.tar.zst.age", "--recipient", public)
    told = run("verify", "out.tar.zst.age")

    assert told.code == 8
    assert "age -d" in told.err


def test_an_unknown_target_gets_the_list(run, noted) -> None:
    told = run("export", noted, "--to", "floppy", "-o", "out")

    assert told.code == 2
    assert "`floppy`" in told.err
    assert "`bag`" in told.err


@pytest.mark.parametrize("bad", ["hello", "age1xyz", "AGE-SECRET-KEY-1QQQQ"])
def test_a_wrong_recipient_stops_before_anything_is_written(run, noted, tmp_path, public, bad) -> None:
    before = (noted / log.LOG).read_bytes()
    told = run("export", noted, "--to", "bag", "-o", "out", "--recipient", public, "--recipient", bad)

    assert told.code == 2
    assert "recipient 2" in told.err
    assert "SECRET" not in told.err
    assert not (tmp_path / "out").exists()
    assert (noted / log.LOG).read_bytes() == before


def test_recipients_come_from_a_file_too(run, noted, tmp_path, public) -> None:
    (tmp_path / "r.txt").write_text(f"# court\n{public}\n")
    told = run("export", noted, "--to", "bag", "-o", "out", "--recipients-file", "r.txt", "--json")

    assert json.loads(told.out)["recipients"] == [public]


def test_nothing_is_overwritten(run, noted, tmp_path) -> None:
    (tmp_path / "out").write_text("mine")

    assert run("export", noted, "--to", "bag", "-o", "out").code == 2
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_that_is_no_case_is_said_so(run, opened, tmp_path) -> None:
    (tmp_path / "empty").mkdir()

    assert run("export", "empty", "--to", "bag", "-o", "out").code == 4


@pytest.mark.parametrize(
    ("what", "code"),
    [("nothing", 4), ("ftp://host/x", 2), ("s3://", 2), ("s3://b?x=1", 2), ("http://127.0.0.1/x.tar", 2)],
)
def test_what_cannot_be_verified_is_named(run, opened, what, code) -> None:
    told = run("verify", what)

    assert (told.code, told.out) == (code, "")
    assert "hint: " in told.err


_LOADED = """
import sys
from evidence_kit.cli.app import main
main([sys.argv[1], "--help"])
print([name for name in ("pyrage", "backports.zstd", "obstore", "tarfile", "cryptography") if name in sys.modules])
"""


@pytest.mark.parametrize("command", ["export", "verify"])
def test_help_loads_neither_compression_nor_encryption_nor_a_store(command) -> None:
    told = subprocess.run([sys.executable, "-c", _LOADED, command], capture_output=True, text=True, check=True)

    assert told.stdout.splitlines()[-1] == "[]"
