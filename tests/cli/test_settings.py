"""What a person keeps for themselves, and what it says when it is broken."""

import stat

import pytest

from evidence_kit.analysis.minimise import KEY_BYTES
from evidence_kit.cli import settings
from evidence_kit.errors import AccessError


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the key for pseudonyms is kept; it is not there yet."""
    monkeypatch.setenv("EVIDENCE_KIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "pseudonym.key"


def test_the_key_for_pseudonyms_is_made_once_and_for_nobody_else(path):
    made = settings.pseudonym_key()
    assert (len(made), settings.pseudonym_key()) == (KEY_BYTES, made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [b"", b"x" * (KEY_BYTES - 1), b"x" * (KEY_BYTES + 1)])
def test_a_key_that_a_full_disk_cut_off_is_named_with_what_to_do_and_left_as_it_is(path, left):
    path.parent.mkdir()
    path.write_bytes(left)
    with pytest.raises(AccessError, match=r"pseudonym\.key` is no whole key") as caught:
        settings.pseudonym_key()
    assert "remove it" in (caught.value.hint or "")
    assert path.read_bytes() == left


def test_a_key_that_cannot_be_read_is_no_surprise(path):
    path.mkdir(parents=True)
    with pytest.raises(AccessError, match=r"cannot read `.*pseudonym\.key`: is a directory"):
        settings.pseudonym_key()
