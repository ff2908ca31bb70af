"""Rows of an answer as JSON that every reader takes: bytes as hexadecimal digits, numbers that are none as texts."""

import json
import math
from collections.abc import Mapping
from typing import Any


def json_line(row: Mapping[str, Any], *, ascii_only: bool = True) -> str:
    """Return a row on one line."""
    try:
        return json.dumps(row, ensure_ascii=ascii_only, default=plain, allow_nan=False)
    except ValueError:  # nearly never
        return json.dumps(_finite(row), ensure_ascii=ascii_only, default=plain)


def plain(value: object) -> object:
    """Return what JSON has no kind for: dates and decimals as text."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _finite(value: object) -> object:
    """Return a value with the numbers that JSON does not know, `nan` and `inf`, as texts."""
    if isinstance(value, Mapping):
        return {name: _finite(inside) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inside) for inside in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
