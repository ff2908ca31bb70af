"""What ISA-L inflates is what zlib would; a member that zlib finds anything wrong with is left to it."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import read, reasons

from evidence_kit.analysis.records import gunzip

pytest.importorskip("isal")
MOST = 1 << 20
BODY = b'{"Records":[%b]}' % b",".join(b'{"n":%d}' % number for number in range(300))
MEMBER = gzip.compress(BODY, mtime=0)
FLAGS = 3  # the byte of a header that says which parts it has


def whole(data: bytes) -> bytes | None:
    """Return what zlib makes of exactly one member."""
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = inflater.decompress(data)
    except zlib.error:
        return None
    return found if inflater.eof and not inflater.unused_data else None


def slowly(data: bytes) -> list[object]:
    """Read records without ISA-L."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_isal", lambda: None)
        return read(data)


@given(body=st.binary(max_size=4_000), level=st.integers(0, 9))
def test_one_member_is_inflated_to_what_was_compressed(body, level) -> None:
    assert gunzip.inflated(gzip.compress(body, level), MOST) == body


@given(at=st.integers(0, len(MEMBER) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_taken_for_what_zlib_refuses(at, bit) -> None:
    damaged = MEMBER[:at] + bytes([MEMBER[at] ^ 1 << bit]) + MEMBER[at + 1 :]
    assert gunzip.inflated(damaged, MOST) in {None, whole(damaged)}
    assert read(damaged) == slowly(damaged)


HURT = {
    "cut short": MEMBER[:-1],
    "without its trailer": MEMBER[:-8],
    "only a header": MEMBER[:10],
    "followed by something": MEMBER + b"more",
    "followed by zeros": MEMBER + bytes(512),
    "of two members": MEMBER + gzip.compress(b""),
    "of a wrong checksum": MEMBER[:-8] + bytes(4) + MEMBER[-4:],
    "of a wrong length": MEMBER[:-4] + bytes(4),
    "with reserved flags": MEMBER[:FLAGS] + b"\xe0" + MEMBER[FLAGS + 1 :],
    "with a checksum of its header": MEMBER[:FLAGS] + b"\x02" + MEMBER[FLAGS + 1 : 10] + b"\0\0" + MEMBER[10:],
}


@pytest.mark.parametrize("data", HURT.values(), ids=HURT.keys())
def test_whatever_is_not_one_plain_member_is_left_to_zlib_and_told_alike(data) -> None:
    assert gunzip.inflated(data, MOST) is None
    assert read(data) == slowly(data)


def test_a_member_that_lost_its_end_is_a_defect() -> None:
    assert any("gzip" in reason for reason in reasons(MEMBER[:-1]))


def test_a_bomb_is_given_up_at_the_most_that_may_be_held() -> None:
    assert gunzip.inflated(gzip.compress(bytes(64 << 20)), MOST) is None
