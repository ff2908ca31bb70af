"""Well-formed JSON at twice the speed; whatever is not beyond doubt is left to the careful reader.

A document is taken only if what was read of it, written anew, is the very same bytes: then no key stood twice, no
digit was lost, and each record's text is the one that is sealed. Where orjson is not installed, none is taken.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

MOST = 16 << 20  # bytes of a document that is held whole; CloudTrail closes a file long before this
Found = tuple[Sequence[bytes], Sequence[object]]  # the text of every record, and what it says


def records_in(body: bytes, name: str) -> Found | None:
    """Return the texts and the values of the records of `{name: […]}`, or None where that is not all it is.

    A number is the int or float that orjson makes of it, `text_of` writes it as it stands. None nests deeper than a
    record may, for orjson writes 254 levels at most.
    """
    decode, encode = _codec()
    try:
        (found,) = decode(body).items()
        values = found[1] if found[0] == name else None
        if not isinstance(values, list):
            return None
        raws = list(map(encode, values))
    except (ValueError, TypeError, AttributeError):  # orjson's own are of the first two
        return None
    if b'{"%b":[%b]}' % (name.encode(), b",".join(raws)) != body:
        return None
    return raws, values


def number_text(value: float) -> str:
    """Return a number as JSON has it that `records_in` has taken."""
    return str(_codec()[1](value), "ascii")


@cache
def is_there() -> bool:
    """Say whether orjson is installed."""
    try:
        import orjson  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def _codec() -> tuple[Callable[[bytes], Any], Callable[[object], bytes]]:
    import orjson

    return orjson.loads, orjson.dumps
