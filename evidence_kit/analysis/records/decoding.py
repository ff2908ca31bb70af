"""One JSON value, read strictly: duplicate keys and NaN are refused, and every number stays the digits it was."""

import json
from collections.abc import Callable
from typing import cast

from evidence_kit.analysis.records.body import has_lost_bytes
from evidence_kit.analysis.records.record import MAX_DEPTH

_OPENING, _CLOSING = "{[", "}]"


class NotReadError(ValueError):
    """A value cannot be read; the message is the reason."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotReadError(f"the key {twice[:80]!a} stands twice")
    return value


def _refuse(name: str) -> object:
    raise NotReadError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_refuse)
scan: Callable[[str, int], tuple[object, int]] = _DECODER.raw_decode
"""Read the value that starts at an index; ValueError or RecursionError where there is none that can be read."""


def decode(text: str) -> object:
    """Read the one value that `text` is; NotReadError says why not."""
    if problem := refusal(text):
        raise NotReadError(problem)
    try:
        return cast("object", _DECODER.decode(text))
    except NotReadError:
        raise
    except RecursionError:
        raise NotReadError(f"nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        raise NotReadError(f"not JSON: {error.msg[:80].lower()} at character {error.pos + 1:,}") from None


def refusal(text: str) -> str:
    """Return why a value whose JSON is well formed is refused, or nothing."""
    if not text.isascii() and has_lost_bytes(text):
        return "not UTF-8"
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} deep"
    return ""


def _depth(text: str) -> int:
    """Return how deep containers nest; what stands in strings does not count."""
    deepest = depth = at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
        elif char in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif char in _CLOSING:
            depth -= 1
        at += 1
    return deepest
