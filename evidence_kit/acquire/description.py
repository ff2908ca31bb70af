"""What people say about a case when they open it: one table of fields, and how each is read.

Everything beside id, title and purpose may be left out; what nobody said is absent and never an empty text.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import cast

from evidence_kit.acquire.environment import environment
from evidence_kit.custody import strict
from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, Path, did_you_mean, parse_document
from evidence_kit.model.time import parse_instant, rfc3339

CASE_VERSION = "evidence-kit/case.v1"
ABOUT_VERSION = "evidence-kit/about.v1"
# A reader takes a description of at most 1 MB, and a character may take twelve bytes of it.
MAX_TEXT = 2000
MAX_LIST = 40
AUTHORITIES = ("consent", "warrant", "court-order", "preservation", "contract", "policy", "other")

Value = str | tuple[str, ...]
About = Mapping[tuple[str, ...], Value]
_NOTHING: About = MappingProxyType({})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a person can say: where it stands, in `ABOUT.yaml` as in `case.json`, and what it is."""

    path: tuple[str, ...]
    label: str
    read: Callable[[Document, Path], Value]


def _text(doc: Document, path: Path) -> str:
    said = doc.at(path, str)
    if not said.strip():
        raise doc.error(
            path, f"`{'.'.join(map(str, path))}` is empty", hint="leave it out if there is nothing to say"
        )
    if len(said) > MAX_TEXT:
        raise doc.error(path, f"longer than {MAX_TEXT:,} characters", hint="put the document into the case file")
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in said):
        raise doc.error(path, "holds a control character")
    return said


def _list(doc: Document, path: Path) -> tuple[str, ...]:
    count = len(doc.at(path, list))
    if not 0 < count <= MAX_LIST:
        raise doc.error(path, f"expected a list of 1 to {MAX_LIST} texts", hint="leave it out if there are none")
    return tuple(_text(doc, (*path, index)) for index in range(count))


def _time(doc: Document, path: Path) -> str:
    """Return a time as it was written: the offset says what a person read on the paper."""
    said = _text(doc, path)
    if not _TIME.fullmatch(said):
        message = f"`{said[:40]}` is not a time with its zone"
        raise doc.error(path, message, hint="write `2026-11-18T09:00:00+01:00`")
    try:
        parse_instant(said)
    except UsageError as error:
        raise doc.error(path, error.message, hint=error.hint) from error
    return said


def _email(doc: Document, path: Path) -> str:
    said = _text(doc, path)
    if not _EMAIL.fullmatch(said):
        raise doc.error(path, f"`{said[:80]}` is not an e-mail address")
    return said


def _authority(doc: Document, path: Path) -> str:
    said = _text(doc, path)
    if said not in AUTHORITIES:
        raise doc.error(path, f"unknown type of authority `{said[:40]}`", hint=did_you_mean(said, AUTHORITIES))
    return said


# In the order in which `case.json` has them; the custody record and docs/custody-record.md read this table too.
FIELDS: tuple[Field, ...] = (
    Field(("purpose",), "purpose", _text),
    Field(("legalAuthority",), "legal authority", _text),
    Field(("authority", "type"), "type of authority", _authority),
    Field(("authority", "identifier"), "identifier", _text),
    Field(("authority", "issuer"), "issued by", _text),
    Field(("authority", "validFrom"), "valid from", _time),
    Field(("authority", "validUntil"), "valid until", _time),
    Field(("authority", "scope"), "scope and limits", _text),
    Field(("authority", "approver"), "approved by", _text),
    Field(("jurisdictions",), "jurisdictions", _list),
    Field(("dataResidency",), "data residency", _list),
    Field(("retention",), "retention", _text),
    Field(("disposition",), "planned disposition", _text),
    Field(("examiner", "organisation"), "organisation", _text),
    Field(("examiner", "role"), "role", _text),
    Field(("examiner", "email"), "e-mail", _email),
    Field(("examiner", "qualifications"), "qualifications", _list),
    Field(("secondPerson", "name"), "second person", _text),
    Field(("secondPerson", "role"), "second person's role", _text),
    Field(("principals",), "principals declared", _list),
    Field(("exhibit", "id"), "exhibit id", _text),
    Field(("exhibit", "description"), "description", _text),
    Field(("location", "physical"), "physical location", _text),
    Field(("location", "host"), "machine, by its label", _text),
    Field(("storage", "location"), "storage location", _text),
    Field(("storage", "encryption"), "encryption at rest", _text),
    Field(("storage", "access"), "who has access", _text),
    Field(("storage", "wormUntil"), "write-protected until", _time),
)
# What `case.json` always had: these stand there even where nobody said anything.
_ALWAYS: About = {
    ("purpose",): "",
    ("legalAuthority",): "",
    ("jurisdictions",): (),
    ("retention",): "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person says about a case when it is opened."""

    id: str
    title: str
    purpose: str
    authority: str
    jurisdictions: Sequence[str] = ()
    retention: str = ""
    about: About = field(default_factory=lambda: _NOTHING)  # a field above wins over the same one in here


def parse_about(text: bytes, *, name: str) -> About:
    """Read an `ABOUT.yaml`; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), {"apiVersion", "kind", *(known.path[0] for known in FIELDS)})
    if doc.at(("apiVersion",), str) != ABOUT_VERSION or doc.at(("kind",), str) != "About":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {ABOUT_VERSION}` and `kind: About`")
    groups = {known.path[0] for known in FIELDS if len(known.path) > 1}
    for group in sorted(groups & set(doc.data)):
        doc.allow((group,), (known.path[1] for known in FIELDS if known.path[0] == group))
        if not doc.at((group,), dict):
            raise doc.error((group,), f"`{group}` is empty", hint="leave it out if there is nothing to say")
    about = {known.path: known.read(doc, known.path) for known in FIELDS if _has(doc, known.path)}
    if not about:
        raise doc.error((), "this says nothing about a case", hint="`docs/custody-record.md` lists the fields")
    start, end = about.get(("authority", "validFrom")), about.get(("authority", "validUntil"))
    if isinstance(start, str) and isinstance(end, str) and parse_instant(end) <= parse_instant(start):
        raise doc.error(("authority", "validUntil"), "the authority ends before it begins")
    return about


def _has(doc: Document, path: tuple[str, ...]) -> bool:
    value: object = doc.data
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return True


def with_flags(about: About, flags: Mapping[tuple[str, ...], str | None]) -> About:
    """Return `about` with what the command line says instead; an empty flag is an error, not silence."""
    said = dict(about)
    for path, value in flags.items():
        if value is None:
            continue
        name = ".".join(map(str, path))
        if not value.strip() or len(value) > MAX_TEXT:
            raise UsageError(f"`{name}` is {'too long' if value.strip() else 'empty'}", hint="leave the option out")
        said[path] = value
    return said


def encoded(
    said: Description, *, serial: str, examiner: Mapping[str, str], at: datetime, zone: tzinfo | None = None
) -> bytes:
    """Return `case.json`; `zone` is where the examiner's clock stands, by default this machine's."""
    own: About = {
        ("purpose",): said.purpose,
        ("legalAuthority",): said.authority,
        ("jurisdictions",): tuple(said.jurisdictions),
        ("retention",): said.retention,
    }
    about = {**_ALWAYS, **said.about, **{path: value for path, value in own.items() if value}}
    document: dict[str, object] = {"apiVersion": CASE_VERSION, "id": said.id, "uuid": serial, "title": said.title}
    for known in FIELDS:
        if known.path == ("examiner", "organisation"):
            document["examiner"] = dict(examiner)
        if (value := about.get(known.path)) is not None:
            _put(document, known.path, value)
    document |= {"openedAt": rfc3339(at), "localOffset": local_offset(at, zone), "host": environment()["host"]}
    body = strict.encode(document) + b"\n"
    if len(body) > strict.MAX_DOCUMENT:
        raise UsageError(f"a description of {len(body):,} bytes is larger than the {strict.MAX_DOCUMENT:,} allowed")
    return body


def _put(document: dict[str, object], path: tuple[str, ...], value: Value) -> None:
    inner = cast("dict[str, object]", document.setdefault(path[0], {})) if path[1:] else document
    inner[path[-1]] = value if isinstance(value, str) else list(value)


def local_offset(at: datetime, zone: tzinfo | None = None) -> str:
    """Return how far local time was from UTC, such as `+01:00`; a bare UTC time says nothing of the wall clock."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
