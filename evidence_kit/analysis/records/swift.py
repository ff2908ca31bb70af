"""Well-formed JSON at twice the speed; whatever is not beyond doubt is left to the careful reader.

A document is taken only if what was read of it, written anew, is the very same bytes: then no key stood twice, no
digit was lost, and each record's text is the one that is sealed. Where msgspec is not installed, none is taken.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from evidence_kit.analysis.records.decoding import refusal

MOST = 16 << 20  # bytes of a document that is held whole; CloudTrail closes a file long before this
Found = Iterator[tuple[str, object]]


def records_in(body: bytes, name: str) -> Found | None:
    """Return the text and the value of every record of `{name: […]}`, or None where that is not all it is.

    A number is the int or float that msgspec makes of it, `text_of` writes it as it stands.
    """
    decode, split, encode = _codec()
    try:
        whole, texts = decode(body), split(body)
        if encode(whole) != body or len(texts) != 1:
            return None
        values, raws = whole[name], texts[name]
    except (ValueError, KeyError, RecursionError, OverflowError):
        return None
    found = [str(raw, "utf-8") for raw in raws]
    return None if any(map(refusal, found)) else zip(found, values, strict=True)


def number_text(value: float) -> str:
    """Return a number as JSON has it that `records_in` has taken."""
    return str(_codec()[2](value), "ascii")


@cache
def is_there() -> bool:
    """Say whether msgspec is installed."""
    try:
        import msgspec  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def _codec() -> tuple[Callable[[bytes], Any], Callable[[bytes], dict[str, list[Any]]], Callable[[object], bytes]]:
    import msgspec

    split = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])
    return msgspec.json.Decoder().decode, split.decode, msgspec.json.Encoder().encode
