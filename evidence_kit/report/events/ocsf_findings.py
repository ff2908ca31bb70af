"""What a detector's finding is called and numbered, taken from the finding itself."""

import json
from collections.abc import Mapping

from evidence_kit.analysis.timeline.rows import Event

_UID = ("id", "Id", "arn", "Arn", "name", "Name", "AlertId")
_TITLE = ("title", "Title", "displayName", "category")


def finding_info(event: Event) -> dict[str, object]:
    """Return the finding's number and title; without a number it is the place where the record stands."""
    said = _document(event.text("raw"))
    found: dict[str, object] = {
        "uid": _first(said, _UID) or event.place,
        "title": _first(said, _TITLE) or event.text("action"),
        "types": [event.text("action")],
    }
    return found


def _document(raw: str) -> Mapping[str, object]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    inside = value.get("finding", value) if isinstance(value, dict) else {}
    return inside if isinstance(inside, dict) else {}


def _first(said: Mapping[str, object], names: tuple[str, ...]) -> str:
    return next((text for name in names if isinstance(text := said.get(name), str) and text), "")
