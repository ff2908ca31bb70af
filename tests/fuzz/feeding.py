"""What the fuzzers share: a decoder with its seeds, damage done to them, and the bounds within which it must answer.

A decoder may refuse by the errors that it declares; any other is a crash. Steps are calls that Python makes, counted
and not timed, so that a busy machine is no finding; a loop within one call ends at pytest's timeout.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from evidence_kit.errors import EvidenceKitError

STEPS = 3_000_000  # calls for one small input: a thousand times what any seed takes
MEMORY = 64 << 20  # bytes beyond what was there, for one input of some kilobytes
_SHORT = 20
_LONG = 2_000

# The same damage in every run: what is found anew is found by the long runs, which print how to repeat it.
NORMAL = settings(
    max_examples=_SHORT, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
LONG = settings(max_examples=_LONG, deadline=None, suppress_health_check=list(HealthCheck), database=None)

JUNK = (
    b"", b"\x00", b"\xff", b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\r\n", b"\t", b" ", b",", b":", b"-", b"--",
    b"0", b"-1", b"1e999", b"NaN", b"Infinity", b"9" * 400, b"0x10", b"null", b"true", b"~", b"*a", b"&a ", b"!!x ",
    b"<<: ", b"? ", b"- ", b": ", b"../", b"/etc/passwd", b"\xe2\x80\xae", b"\xc3\xa9", b"\xed\xa0\x80", b"\\ud800",
    b"${{", b"}}", b"<!DOCTYPE a>", b"<![CDATA[", b"&#0;", b"=", b"AAAA", b"sha256", b"PT1H", b"P99999999999D",
    b"2026-11-21T12:00:00Z", b"9999-12-31T23:59:59Z", b"0000-00-00", b"PK\x03\x04", b"\x1f\x8b", b"\x30\x84\xff\xff",
)  # fmt: skip


class Endless(BaseException):
    """More steps than any input of this size can need."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One reader of hostile bytes: by what it may refuse them, and sound ones to begin from."""

    name: str
    call: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refuses: tuple[type[Exception], ...] = (EvidenceKitError,)

    def __repr__(self) -> str:
        """Name it in a test's id."""
        return self.name


def ids(decoders: tuple[Decoder, ...]) -> dict[str, object]:
    """Return the arguments of `parametrize` for a test of each decoder."""
    return {
        "argnames": "decoder",
        "argvalues": decoders,
        "ids": [one.name for one in decoders],
    }


def judge(decoder: Decoder, data: bytes) -> bool:
    """Feed a decoder within so many steps; return whether it took the bytes. What it may not raise goes through."""
    left = [STEPS]

    def count(_frame: object, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            left[0] -= 1
            if left[0] < 0:
                sys.setprofile(None)
                raise Endless(f"{decoder.name}: more than {STEPS:,} steps for {len(data):,} bytes")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decoder.call(data)
    except decoder.refuses:
        return False
    finally:
        sys.setprofile(before)
    return True


def weighed(decoder: Decoder, data: bytes, *, most: int = MEMORY) -> bool:
    """Feed a decoder and hold its memory against the bound; for inputs made to fill it."""
    tracemalloc.start()
    try:
        taken = judge(decoder, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{decoder.name}: {peak:,} bytes for {len(data):,}"
    return taken


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Return a seed with a few places cut, doubled, overwritten or exchanged, or something that was never sound."""
    data = draw(st.sampled_from(seeds) | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        how = draw(st.sampled_from(("junk", "cut", "double", "flip", "end", "move")))
        if how == "junk":
            data = data[:at] + draw(st.sampled_from(JUNK)) + data[end:]
        elif how == "cut":
            data = data[:at] + data[end:]
        elif how == "double":
            data = data[:end] + data[at:end] * draw(st.integers(1, 30)) + data[end:]
        elif how == "flip":
            data = data[:at] + bytes(byte ^ draw(st.integers(1, 255)) for byte in data[at : at + 1]) + data[at + 1 :]
        elif how == "end":
            data = data[:at]
        else:
            data = data[end:] + data[:end]
    return data


# -- what is made to hurt ------------------------------------------------------------------------------------------

DEPTH = 100_000
JSON_BOMBS = {
    "nested lists": b"[" * DEPTH + b"]" * DEPTH,
    "nested objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "lists without an end": b'{"Records":' + b"[" * DEPTH,
    "a number of a hundred thousand digits": b'{"seq":' + b"9" * DEPTH + b"}",
    "a number beyond every float": b'{"seq":1e999999999}',
    "half of a surrogate pair": b'{"a":"\\ud800"}',
    "one key a hundred times": b"{" + b",".join(b'"a":1' for _ in range(100)) + b"}",
    "an object in an array of a mebibyte": json.dumps({"a": ["x" * 1024] * 1024}).encode(),
}
_ALIASES = b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30))
YAML_BOMBS = {
    "billion laughs": b"a0: &a0 [lol]\n" + _ALIASES,
    "an alias of itself": b"a: &a [*a]\n",
    "nested flow": b"a: " + b"[" * 3_000,
    "nested maps": b"a: " + b"{a: " * 3_000,
    "nested blocks": b"".join(b" " * n + b"a:\n" for n in range(1_000)),
    "nested sequences": b"- " * 3_000,
    "a tag that runs code": b"a: !!python/object/apply:os.system [id]\n",
    "a merge of itself": b"a: &a\n  <<: *a\n",
    "a number of a hundred thousand digits": b"a: " + b"9" * DEPTH + b"\n",
    "a number in sixties": b"a: " + b"1:" * 50_000 + b"1\n",
    "a date that is none": b"a: 9999-99-99T99:99:99Z\n",
    "a key that is a map": b"? {a: b}\n: c\n",
    "brackets that never match": b"a: " + b"[{" * 1_000,
    "anchors without an end": b"".join(b"&a%d " % n for n in range(2_000)),
    "two documents": b"a: 1\n---\na: 2\n",
    "an escape that is none": b'a: "\\x"\n',
    "more than a mebibyte": b"a: " + b"x" * (2 << 20) + b"\n",
    "a directive": b"%YAML 9.9\n---\na: 1\n",
}
