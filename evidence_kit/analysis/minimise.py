"""A policy's minimisation, on working copies: fields left out or replaced. The sealed original is never touched.

A pseudonym is the same for the same value under the same key, so that one person's acts still belong together; who
holds the key can find out whose they are, and nobody else can.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.analysis import jsonspans
from evidence_kit.analysis.jsonspans import NotJsonError, Steps, steps_of
from evidence_kit.errors import UsageError

KEY_BYTES = 32
DROPPED = "[dropped by policy]"
_PSEUDONYM = "pseudonym:"
_OF_RECORD = frozenset({"action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome", "event_id"})
# A text in JSON that begins as a document does, or as a text that may hold one.
_DOCUMENT = re.compile(r'"(?:\s|\\[nrt])*(?:[{\[]|\\"|\\u00(?:22|5[Bb]|7[Bb]))(?:[^"\\]|\\.)*"')
_DIGITS = 20  # of the HMAC, in hex: 80 bits, too many to meet by chance in one case


@dataclass(frozen=True, slots=True)
class Minimiser:
    """Applies a policy's `drop` and `pseudonymise` to one record after another."""

    drop: tuple[str, ...]
    pseudonymise: tuple[str, ...]
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.pseudonymise and len(self.key) != KEY_BYTES:
            raise UsageError(f"a pseudonym key has {KEY_BYTES} bytes, this one {len(self.key)}")

    @property
    def _paths(self) -> tuple[Steps, ...]:
        """Return where the fields stand; a name without its place is meant at any depth."""
        try:
            return tuple(
                steps_of(path if path.startswith("**.") else f"**.{path}")
                for path in (*self.drop, *self.pseudonymise)
            )
        except ValueError as error:
            raise UsageError(f"a field to be minimised is no path: {error}") from error

    @property
    def _names(self) -> tuple[str, ...]:
        """Return how the fields are called; the empty name, which is everywhere, where a path has none."""
        return tuple(next((step for step in reversed(steps) if step.strip("*")), "") for steps in self._paths)

    def raw(self, text: str) -> tuple[str, Mapping[str, str]]:
        """Return a record without what the policy takes out, and what each value that was in it became.

        Every other byte stays as it was. A record that is not JSON has no fields to take out and is left out whole.
        """
        try:
            return self._fields(text)
        except NotJsonError:
            return json.dumps(DROPPED), {text: DROPPED}

    def _fields(self, text: str) -> tuple[str, Mapping[str, str]]:
        data = text.encode()
        found = jsonspans.find(data, self._paths)
        outermost = _outermost([(one.start, one.end, one.which) for one in found])
        became: dict[str, str] = {}
        parts, at = [], 0
        for start, end, which in outermost:
            value = json.loads(data[start:end], parse_float=str, parse_int=str)  # as columns show numbers
            instead = DROPPED if which < len(self.drop) or isinstance(value, dict | list) else self.pseudonym(value)
            became |= dict.fromkeys(_leaves(value), instead)
            parts += [data[at:start], json.dumps(instead).encode()]
            at = end
        return self._within(b"".join([*parts, data[at:]]).decode(), became), became

    def _within(self, text: str, became: dict[str, str]) -> str:
        """Minimise documents that a record carries as text, such as CloudTrail's within what a lookup brings."""

        def instead(found: re.Match[str]) -> str:
            inner = json.loads(found[0])
            try:
                made, more = self._fields(inner)
            except (ValueError, RecursionError):  # no JSON, no UTF-8, or too deep
                if not any(name in inner for name in self._names):
                    return found[0]
                made, more = DROPPED, {inner: DROPPED}  # it names a field that has to go, and cannot be read
            became.update(more)
            return found[0] if made == inner else json.dumps(made)

        return _DOCUMENT.sub(instead, text)

    def row(self, row: Mapping[str, object]) -> dict[str, object]:
        """Return a row whose record is minimised, and whose columns no longer tell what was in it."""
        text = str(row.get("raw") or "{}")
        raw, became = self.raw(text)
        if text in became:  # no fields: its columns are parts of a text of which nobody can say what they were
            told = {name: DROPPED if name in _OF_RECORD and value else value for name, value in row.items()}
        else:
            told = {name: self._column(value, became) for name, value in row.items()}
        return {**told, "raw": raw}

    def pseudonym(self, value: object) -> str:
        """Return what stands for a value; numbers and texts that look alike are alike."""
        mark = hmac.digest(self.key, str(value).encode(), hashlib.sha256).hex()[:_DIGITS]
        return f"{_PSEUDONYM}{mark}"

    @staticmethod
    def _column(value: object, became: Mapping[str, str]) -> object:
        if not isinstance(value, str) or not value:
            return value
        if value in became:
            return became[value]
        # A column may be made of a value and more, such as `user maria` of `maria`.
        for said, instead in sorted(became.items(), key=lambda one: -len(one[0])):  # what holds another goes first
            if len(said) >= _TELLING and said in value:
                value = value.replace(said, instead)
        return value


_TELLING = 4  # letters; a shorter value would be found in words that have nothing to do with it


def _outermost(spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return the spans that lie within no other, in order; of the same span, the rule that says more: dropping."""
    kept: list[tuple[int, int, int]] = []
    for start, end, which in sorted(spans, key=lambda span: (span[0], -span[1], span[2])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, which))
    return kept


def _leaves(value: object) -> list[str]:
    """Return the texts and numbers in a value, as columns would show them."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) or value == "" else [str(value)]
