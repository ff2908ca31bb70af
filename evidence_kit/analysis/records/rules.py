"""What a column says of many records at once: where its value may stand, in order, and what is made of it.

A million records come through here ten times each, so a rule walks down a list of records, not a record at a time.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from evidence_kit.analysis.records.places import First, Place
from evidence_kit.analysis.records.swift import number_text

_ABSENT = frozenset({"", "-", "None", "N/A", "null"})  # what logs write for nothing
_LONGEST = max(map(len, _ABSENT))
Text = str | None


class Batch:
    """The values of some records, and what stands at the names that several rules go down by."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values
        self._known: dict[tuple[str, ...], Sequence[object]] = {}
        self._said: dict[tuple[str, ...], Sequence[Text]] = {}

    def at(self, names: tuple[str, ...]) -> Sequence[object]:
        """Return what stands in each value below `names`, or None."""
        found = self._known.get(names)
        if found is None:
            above, name = self.at(names[:-1]) if len(names) > 1 else self.values, names[-1]
            found = _below(above, name)
            self._known[names] = found
        return found

    def texts(self, names: tuple[str, ...]) -> Sequence[Text]:
        """Return what that says."""
        said = self._said.get(names)
        if said is None:
            said = self._said[names] = texts(self.at(names))
        return said


def _below(above: Sequence[object], name: str) -> Sequence[object]:
    try:
        return list(map(itemgetter(name), above))  # type: ignore[arg-type]  # nearly always all of them have it
    except (KeyError, TypeError):
        return [one.get(name) if type(one) is dict else None for one in above]


@dataclass(frozen=True, slots=True)
class Rule:
    """One place where a column's value may stand; `names` leads to it too, where that needs no more than names."""

    place: Place
    names: tuple[str, ...] = ()
    then: Callable[[object], object] | None = None  # what is made of a value that is there
    is_outer: bool = False  # stands in the record, not in the document that the record carries
    says: Text = None  # what the column says wherever something stands there

    def each(self, batch: Batch) -> Sequence[object]:
        """Return what the rule finds in each value, or None."""
        if self.names:
            found = batch.at(self.names)
        elif isinstance(self.place, First):
            found = self.place.among(batch.at((self.place.above,)))
        else:
            found = [self.place(value) for value in batch.values]
        then = self.then
        if then is None or found.count(None) == len(found):
            return found
        return [None if one is None else then(one) for one in found]

    def texts(self, batch: Batch) -> Sequence[Text]:
        """Return what each value says by this rule."""
        said = batch.texts(self.names) if self.names and self.then is None else texts(self.each(batch))
        return said if self.says is None else [None if text is None else self.says for text in said]


def column(rules: Sequence[Rule], inner: Batch, outer: Batch) -> Sequence[Text]:
    """Return what each record says by the first rule that finds something, as text."""
    count = len(inner.values)
    said: Sequence[Text] = [None] * count
    for rule in rules:
        more = rule.texts(outer if rule.is_outer else inner)
        if said.count(None) == count:
            said = more
        elif more.count(None) < count:
            said = [also if text is None else text for text, also in zip(said, more, strict=True)]
        if None not in said:
            break
    return said


def texts(found: Sequence[object]) -> Sequence[Text]:
    """Return what each value says; all at once if all are plain text, as nearly always."""
    try:
        is_plain = "".join(found).isascii()  # type: ignore[arg-type]
    except TypeError:
        is_plain = False
    if is_plain and found and (min(map(len, found)) > _LONGEST or _ABSENT.isdisjoint(found)):  # type: ignore[arg-type]
        return found  # type: ignore[return-value]
    return [None if one is None else said_by(one) for one in found]


def said_by(value: object) -> Text:
    """Return what a value says, as text; None if that is nothing."""
    if type(value) is str:
        if value in _ABSENT:
            return None
        return value if value.isascii() else _storable(value)
    return (text_of(value) or "") if is_said(value) else None


def is_said(value: object) -> bool:
    """Say whether a value says anything."""
    return value not in _ABSENT if isinstance(value, str) else value is not None and value not in ([], {})


def text_of(value: object) -> Text:
    """Return a value as a column holds it: text as it stands, true and false, lists and objects as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else _storable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return json.dumps(_with_digits(value), ensure_ascii=True, separators=(",", ":"))


def _with_digits(value: object) -> object:
    """Return a list or an object whose numbers are texts, whichever reader has read it."""
    if isinstance(value, dict):
        return {name: _with_digits(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_digits(item) for item in value]
    return number_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _storable(text: str) -> str:
    """Return text that can be written as UTF-8: a lone surrogate, which JSON can spell, cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
