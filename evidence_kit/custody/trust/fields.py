"""Fields of a trust policy that occur in several places, each read strictly: what is written may not be empty."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, Path, did_you_mean
from evidence_kit.model.time import parse_instant

ROLES = ("collector", "custodian", "log", "approver")
MAX_NAME = 200  # characters; longer than any person's or authority's name
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def stands(doc: Document, path: Path) -> bool:
    """Say whether a field is written at all; one left blank must not read as "no limit"."""
    return path[-1] in (doc.at(path[:-1], dict) if path[:-1] else doc.data)


def entries(doc: Document, field: str, *, limit: int) -> int:
    """Return how many entries the list `field` has; an empty one is an error, an absent one has none."""
    if not stands(doc, (field,)):
        return 0
    count = len(doc.at((field,), list))
    if count == 0:
        raise doc.error((field,), f"`{field}` is empty", hint="leave the field out, or list what it trusts")
    if count > limit:
        raise doc.error((field,), f"`{field}` has {count:,} entries, more than the {limit:,} allowed")
    return count


def name(doc: Document, at: Path) -> str:
    """Return the `name` of an entry."""
    said = doc.at((*at, "name"), str)
    if not said.strip() or len(said) > MAX_NAME:
        raise doc.error((*at, "name"), f"a name has 1 to {MAX_NAME} characters")
    if said != said.strip() or not unicodedata.is_normalized("NFC", said):
        # People are counted by name; two spellings that look the same must not be two people.
        raise doc.error((*at, "name"), "the name has spaces around it or is not in Unicode's composed form (NFC)")
    return said


def plain_name(doc: Document, at: Path) -> str:
    """Return the `name` of an authority, which reports print: nothing in it may hide."""
    said = name(doc, at)
    if _UNPRINTABLE.search(said):
        raise doc.error((*at, "name"), "the name holds characters that cannot be seen")
    return said


def texts(doc: Document, path: Path, *, limit: int) -> tuple[str, ...]:
    """Return a list of distinct strings that is not empty."""
    said = doc.at(path, list)
    if not said:
        raise doc.error(path, f"`{path[-1]}` is empty")
    if len(said) > limit:
        raise doc.error(path, f"`{path[-1]}` has more than {limit} entries")
    found: list[str] = []
    for position in range(len(said)):
        text = doc.at((*path, position), str)
        if text in found:
            raise doc.error((*path, position), f"`{text}` is listed twice")
        found.append(text)
    return tuple(found)


def roles(doc: Document, at: Path) -> frozenset[str]:
    """Return the `roles` of a key or of those whom an authority names."""
    path = (*at, "roles")
    said: Sequence[object] = doc.at(path, list)
    for position, role in enumerate(said):
        if role not in ROLES:
            raise doc.error((*path, position), f"unknown role `{role}`", hint=did_you_mean(str(role), ROLES))
    if not said:
        raise doc.error(path, "a key without a role can do nothing")
    return frozenset(texts(doc, path, limit=len(ROLES)))


def instant(doc: Document, path: Path) -> datetime | None:
    """Return a time, or None where none is written."""
    if not stands(doc, path):
        return None
    try:
        return parse_instant(doc.at(path, str))
    except UsageError as error:
        raise doc.error(path, error.message, hint=error.hint) from error


def window(doc: Document, at: Path) -> tuple[datetime | None, datetime | None]:
    """Return `validFrom` and `validUntil`; a window in which nothing can happen is an error."""
    start, end = instant(doc, (*at, "validFrom")), instant(doc, (*at, "validUntil"))
    if start and end and end <= start:
        raise doc.error((*at, "validUntil"), "`validUntil` is not after `validFrom`")
    return start, end


def number(doc: Document, path: Path, *, default: int, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`, or `default` where none is written."""
    if not stands(doc, path):
        return default
    value = doc.at(path, int)
    if not low <= value <= high:
        raise doc.error(path, f"`{path[-1]}` is {value}, not from {low} to {high}")
    return value
