"""Files that are named beside a command are read no further than allowed and written only where there is none."""

import resource
import signal

import pytest

from evidence_kit.cli.files import read_file, write_new
from evidence_kit.errors import UsageError, VaultError


def test_a_file_as_long_as_allowed_is_read_and_a_longer_one_is_refused(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_file(str(path), 5) == b"12345"
    with pytest.raises(UsageError, match="is larger than 4 bytes"):
        read_file(path, 4)


@pytest.mark.parametrize(("name", "why"), [("absent", "no such file"), (".", "is a directory")])
def test_what_cannot_be_read_is_said_with_its_reason_and_the_hint(tmp_path, name, why) -> None:
    with pytest.raises(UsageError, match=f"cannot read `.*`: {why}") as told:
        read_file(tmp_path / name, hint="look again")
    assert told.value.hint == "look again"


def test_text_and_bytes_are_written_as_they_are(tmp_path) -> None:
    write_new(tmp_path / "a", "ä\r\n")
    write_new(tmp_path / "b", b"\xff\n")
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"\xc3\xa4\r\n", b"\xff\n"]


def test_nothing_is_overwritten_not_even_through_a_link(tmp_path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"kept")
    (tmp_path / "link").symlink_to(kept)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("kept", "link", "dangling"):
        with pytest.raises(VaultError, match="file exists"):
            write_new(tmp_path / name, b"new", error=VaultError)
    assert kept.read_bytes() == b"kept"
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_cannot_be_finished_is_not_left_behind(tmp_path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(UsageError, match="file too large"):
            write_new(tmp_path / "x", bytes(1 << 17))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not list(tmp_path.iterdir())
