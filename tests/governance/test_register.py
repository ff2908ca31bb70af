"""The register only grows: whatever is changed within it is found."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_kit.errors import ChainError, VaultError
from evidence_kit.governance.assessment import assess
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.register import NOTHING, lines_of, opened, read_register
from evidence_kit.governance.template import standard

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRIES = parse_inventory(
    b"""apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: acme, provider: acme, id: t-7, owner: us}
  - {name: bolt, provider: bolt, id: t-8}
""",
    name="i.yaml",
).entries
KEY = ("acme", "t-7")


def assessed(days=0):
    return [assess(entry, standard(), at=NOW + timedelta(days=days)) for entry in ENTRIES]


def written():
    first = b"".join(lines_of(assessed(), read_register(b"", name="r")))
    return first + b"".join(lines_of(assessed(1), read_register(first, name="r")))


WHOLE = written()


def test_what_was_written_is_read_and_is_the_trend(tmp_path):
    path = tmp_path / "register.jsonl"
    heads = []
    for day in range(3):
        with opened(path) as book:
            heads.append(book.register.head)
            last = book.add(assessed(day))
    found = read_register(path.read_bytes(), name="r")
    assert [one.at for one in found.earlier[KEY]] == [NOW + timedelta(days=day) for day in range(3)]
    assert (heads[0], found.head, found.size) == (NOTHING, last, 6)


@settings(max_examples=60)
@given(st.data())
def test_any_changed_byte_is_found(data):
    # The head tells of the last line, which nothing follows.
    head = read_register(WHOLE, name="r").head
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    changed = bytearray(WHOLE)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ChainError):
        assert read_register(bytes(changed), name="r").head != head


@pytest.mark.parametrize("gone", range(4))
def test_a_line_that_is_gone_is_found_but_for_the_last_which_the_head_tells(gone):
    lines = WHOLE.splitlines(keepends=True)
    less = b"".join(lines[:gone] + lines[gone + 1 :])
    if gone < 3:
        with pytest.raises(ChainError):
            read_register(less, name="r")
    else:
        assert read_register(less, name="r").head != read_register(WHOLE, name="r").head


def test_lines_in_another_order_are_found():
    one, two, *rest = WHOLE.splitlines(keepends=True)
    with pytest.raises(ChainError):
        read_register(b"".join([two, one, *rest]), name="r")


def test_a_torn_line_is_refused_and_nothing_is_added(tmp_path):
    path = tmp_path / "register.jsonl"
    path.write_bytes(WHOLE[:-20])
    with pytest.raises(ChainError, match="torn"), opened(path):
        pass
    assert path.read_bytes() == WHOLE[:-20]


def test_an_entry_dated_before_the_last_is_refused():
    later = b"".join(lines_of(assessed(2), read_register(b"", name="r")))
    mixed = later + b"".join(lines_of(assessed(1), read_register(later, name="r")))
    with pytest.raises(ChainError, match="dated before"):
        read_register(mixed, name="r")


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "register.jsonl"
    with opened(path), pytest.raises(VaultError, match="somebody else"), opened(path):
        pass


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_plain_file_is_refused(tmp_path, kind):
    path = tmp_path / "register.jsonl"
    path.mkdir() if kind == "folder" else path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultError, match="cannot open"), opened(path):
        pass
    assert not (tmp_path / "elsewhere").exists()
