"""What a column says of many records at once: where its value may stand, in order, and what is made of it.

A million records come through here ten times each, so a rule walks down a list of records, not a record at a time.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evidence_kit.analysis.records.places import Place
from evidence_kit.analysis.records.swift import number_text

_ABSENT = frozenset({"", "-", "None", "N/A", "null"})  # what logs write for nothing
_TEXT = {str}
Text = str | None


class Batch:
    """The values of some records, and what stands at the names that several rules go down by."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values
        self._known: dict[tuple[str, ...], Sequence[object]] = {}

    def at(self, names: tuple[str, ...]) -> Sequence[object]:
        """Return what stands in each value below `names`, or None."""
        found = self._known.get(names)
        if found is None:
            above, name = self.at(names[:-1]) if len(names) > 1 else self.values, names[-1]
            found = [one.get(name) if type(one) is dict else None for one in above]
            self._known[names] = found
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """One place where a column's value may stand; `names` leads to it too, where that needs no more than names."""

    place: Place
    names: tuple[str, ...] = ()
    then: Callable[[object], object] | None = None  # what is made of a value that is there
    is_outer: bool = False  # stands in the record, not in the document that the record carries

    def each(self, batch: Batch) -> Sequence[object]:
        """Return what the rule finds in each value, or None."""
        found = batch.at(self.names) if self.names else [self.place(value) for value in batch.values]
        then = self.then
        return found if then is None else [None if one is None else then(one) for one in found]


def column(rules: Sequence[Rule], inner: Batch, outer: Batch) -> list[Text]:
    """Return what each record says by the first rule that finds something, as text."""
    said: list[Text] = [None] * len(inner.values)
    for number, rule in enumerate(rules):
        found = rule.each(outer if rule.is_outer else inner)
        if number == 0:
            said = texts(found)
        elif found.count(None) < len(found):
            said = [text if text is not None else said_by(one) for text, one in zip(said, found, strict=True)]
        if None not in said:
            break
    return said


def texts(found: Sequence[object]) -> list[Text]:
    """Return what each value says; all at once if all are plain text, as nearly always."""
    if set(map(type, found)) == _TEXT and _ABSENT.isdisjoint(found) and all(map(str.isascii, found)):  # type: ignore[arg-type]
        return list(found)  # type: ignore[arg-type]
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
