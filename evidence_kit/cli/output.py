"""How things are said: data to stdout, everything else to stderr, errors in two lines."""

import json
import sys
import unicodedata
from collections.abc import Mapping

import typer

from evidence_kit.errors import EvidenceKitError

_KEPT_CONTROLS = "\n\t"


def safe(text: str) -> str:
    """Return text that a terminal shows as it is: evidence must not move the cursor or turn the reading order."""
    return "".join(
        char
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def data(text: str) -> None:
    """Write a line of what was asked for."""
    typer.echo(safe(text))


def document(value: object) -> None:
    """Write one JSON document."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True))


def note(text: str) -> None:
    """Tell the person something that no program reads."""
    typer.echo(safe(text), err=True)


def show_error(error: EvidenceKitError, *, as_json: bool) -> None:
    """Say what happened and what to do."""
    if as_json:
        said: Mapping[str, object] = {
            "kind": "error",
            "code": int(error.exit),
            "name": error.exit.name,
            "message": error.message,
            "hint": error.hint,
        }
        typer.echo(json.dumps(said), err=True)
        return
    note(f"error: {error.message}")
    if error.hint:
        note(f"hint: {error.hint}")


def plural(count: int, word: str) -> str:
    """Return `1 unit`, `2 units`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def size(octets: float) -> str:
    """Return a size in the unit that reads best."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if octets < 1000 or unit == "GB":
            return f"{octets:,.0f} {unit}" if unit == "bytes" else f"{octets:,.1f} {unit}"
        octets /= 1000
    raise AssertionError


def is_terminal() -> bool:
    """Say whether a person watches stderr."""
    return sys.stderr.isatty()
