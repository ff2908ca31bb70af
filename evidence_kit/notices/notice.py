"""What may leave by mail or chat: numbers, times, digests, and words that a person wrote; no value from evidence.

By construction: whatever else there is to say has no field here. Words come wrapped as `Written`, so that nobody
hands over a text that was read somewhere without saying that a person wrote it; labels are names in a playbook.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import require_utc, rfc3339

MAX_TITLE = 120  # characters; a subject line, and below what any of the services cuts
MAX_TEXT = 2000
MAX_LISTED = 20  # counts, deadlines or digests: a message, not a report
_TEMPLATE = "${{"  # an expression that nobody has filled in, or one from evidence
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}")  # neither an address of any kind nor a path
_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _is(value: object, kind: type) -> bool:
    """Check at run time what types promise: values come from an engine that fills them in."""
    return isinstance(value, kind)


@dataclass(frozen=True, slots=True)
class Written:
    """Words of a person or of a playbook's author, not of evidence. Controls and turns of direction are left out."""

    text: str

    def __post_init__(self) -> None:
        if not _is(self.text, str):
            raise UsageError("a notice says words that somebody wrote, and this is no text")
        if _TEMPLATE in self.text:
            raise UsageError(
                f"a notice does not carry `{_TEMPLATE}`", hint="its numbers and digests have fields of their own"
            )
        object.__setattr__(self, "text", cleaned(self.text))


def cleaned(text: str) -> str:
    """Return text without control, formatting and unassigned characters; line feeds stay."""
    lines = text.replace("\r\n", "\n").replace("\t", " ").split("\n")
    return "\n".join("".join(char for char in one if unicodedata.category(char) not in _DROPPED) for one in lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about a case. `counts`, `deadlines` and `digests` are by label, and labels are plain words."""

    case: str
    title: Written
    text: Written = field(default=Written(""))
    counts: Mapping[str, int] = field(default_factory=dict)
    gaps: Mapping[UnitStatus, int] = field(default_factory=dict)
    deadlines: Mapping[str, datetime] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (_is(self.title, Written) and _is(self.text, Written)):
            raise UsageError("title and text of a notice have to be `Written` by somebody")
        if not self.subject.strip():
            raise UsageError("a notice without a title")
        if not _CASE.fullmatch(self.case):
            raise UsageError("this cannot be the id of a case", hint="letters, digits, `.`, `_` and `-`; at most 64")
        for named in (self.counts, self.deadlines, self.digests):
            _require_labels(named)
        for count in (*self.counts.values(), *self.gaps.values()):
            if type(count) is not int or count < 0:
                raise UsageError("a count of a notice is a whole number")
        if not all(_is(status, UnitStatus) for status in self.gaps):
            raise UsageError("a gap of a notice is one of the known outcomes")
        for moment in self.deadlines.values():
            require_utc(moment)
        if not all(_SHA256.fullmatch(one) for one in self.digests.values()):
            raise UsageError("a digest of a notice is a SHA-256 in small hex digits")

    @property
    def subject(self) -> str:
        """Return the title on one line."""
        return _cut(" ".join(self.title.text.split()), MAX_TITLE)

    @property
    def body(self) -> str:
        """Return all of it as plain text."""
        return "\n".join([f"case {self.case}", *self._text(), *self._facts()])

    def _text(self) -> list[str]:
        return ["", _cut(self.text.text.strip(), MAX_TEXT), ""] if self.text.text.strip() else [""]

    def _facts(self) -> list[str]:
        gaps = [f"{count:,} units {status.value}" for status, count in sorted(self.gaps.items())]
        deadlines = sorted(self.deadlines.items(), key=lambda item: item[1])
        return [
            *(f"{label}: {count:,}" for label, count in self.counts.items()),
            *gaps,
            *(f"deadline {label}: {rfc3339(at)}" for label, at in deadlines),
            *(f"sha256 {label}: {digest}" for label, digest in self.digests.items()),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as a webhook gets it."""
        return {
            "case": self.case,
            "title": self.subject,
            "text": _cut(self.text.text.strip(), MAX_TEXT),
            "counts": dict(self.counts),
            "gaps": {status.value: count for status, count in sorted(self.gaps.items())},
            "deadlines": {label: rfc3339(at) for label, at in self.deadlines.items()},
            "digests": dict(self.digests),
        }


def _require_labels(named: Mapping[str, object]) -> None:
    if len(named) > MAX_LISTED:
        raise UsageError(f"a notice lists {len(named)} of a kind; at most {MAX_LISTED}")
    if not all(_is(label, str) and _LABEL.fullmatch(label) for label in named):
        raise UsageError(
            "a label of a notice is a plain name", hint="a letter; letters, digits, blanks, `.`, `_`, `-`"
        )
