"""Turns a parsed Sigma condition into one WHERE clause for DuckDB, or refuses; nothing is left out in silence.

Strings compare without case, as Sigma has it; regular expressions and `cased` values with it. What a record does
not hold is no match, and so is a match once negated (never SQL's NULL). Where a field is a list, one item suffices.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from evidence_kit.analysis.sigma.places import Place, column_of, steps_of
from evidence_kit.analysis.sigma.words import UnfitError

if TYPE_CHECKING:
    from sigma.types import SigmaString, SigmaType

MAX_SQL = 256 << 10  # characters of one rule; the longest rule for a cloud that SigmaHQ publishes makes some 20,000
_ESCAPE = "\\"
_PLACEHOLDER = "a placeholder, which only a pipeline of the rule's author could fill"
_OCTETS = (1 << 24, 1 << 16, 1 << 8, 1)
_IPV4 = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
Test = Callable[[str], str]  # from an SQL expression of text to one of truth


@dataclass(frozen=True, slots=True)
class Clause:
    """A WHERE clause; for each field that it names whether a record has it, as SQL; what it reads of a record."""

    text: str
    fields: Mapping[str, str]
    reads: Mapping[str, str]  # by column, the path: all of them are taken out of a record at once


def where(conditions: Iterable[object], place: Place) -> Clause:
    """Return the clause for conditions that pySigma parsed, any of which may hold; UnfitError says what cannot be."""
    writer = _Writer(place)
    text = " OR ".join(f"({writer.write(condition)})" for condition in conditions)
    if not text or len(text) > MAX_SQL:
        raise UnfitError(f"it makes more than {MAX_SQL:,} characters of SQL" if text else "it has no condition")
    return Clause(text, {name: writer.has(name) for name in sorted(writer.named)}, writer.reads)


def literal(text: str) -> str:
    """Return text as SQL; DuckDB knows no escapes but the doubled quotation mark."""
    if "\0" in text:
        raise UnfitError("it holds a NUL character")
    return "'" + text.replace("'", "''") + "'"


class _Writer:
    """Writes one condition for one kind of log."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.named: set[str] = set()
        self.reads: dict[str, str] = {}

    def has(self, field: str) -> str:
        """Return SQL that is true where a record has a field, be it null."""
        return f"({' OR '.join(f'{kind} IS NOT NULL' for kind in self._kinds(field))})"

    def write(self, condition: object) -> str:
        from sigma.conditions import (
            ConditionAND,
            ConditionFieldEqualsValueExpression,
            ConditionNOT,
            ConditionOR,
            ConditionValueExpression,
        )

        if isinstance(condition, ConditionNOT):
            return f"NOT {self.write(condition.args[0])}"
        if isinstance(condition, ConditionAND | ConditionOR):
            word = " AND " if isinstance(condition, ConditionAND) else " OR "
            return f"({word.join(self.write(part) for part in condition.args)})"
        if isinstance(condition, ConditionFieldEqualsValueExpression):
            return self._field(str(condition.field), condition.value)
        if isinstance(condition, ConditionValueExpression):
            return self._keyword(condition.value)
        raise UnfitError(f"a condition of the kind `{type(condition).__name__}`")

    # -- what is tested ----------------------------------------------------------------------------------------

    def _field(self, field: str, value: "SigmaType") -> str:
        from sigma.types import SigmaExists, SigmaExpansion, SigmaFieldReference, SigmaNull

        self.named.add(field)
        if isinstance(value, SigmaExpansion):
            return f"({' OR '.join(self._field(field, one) for one in value.values)})"
        if isinstance(value, SigmaNull):
            return f"({' AND '.join(f'{text} IS NULL' for text in self._texts(field))})"
        if isinstance(value, SigmaExists):
            return self.has(field) if value.exists else f"NOT {self.has(field)}"
        if isinstance(value, SigmaFieldReference):
            return self._alike(field, value)
        return self._any(field, _test(value))

    def _any(self, field: str, test: Test) -> str:
        """Return the test of every place where the field may be, and of each item if a list is there."""
        said = [test(text) for text in self._texts(field)]
        item = test("item")
        said += [f"len(list_filter({items}, lambda item: {item})) > 0" for items in self._items(field)]
        return f"coalesce({' OR '.join(said)}, false)"

    def _alike(self, field: str, other: object) -> str:
        """Compare two fields of the record as plain text."""
        name, before, behind = (getattr(other, said) for said in ("field", "starts_with", "ends_with"))
        how = "starts_with" if before else "ends_with" if behind else ""
        if before and behind:
            how = "contains"
        pairs = [(one, two) for one in self._texts(field) for two in self._texts(str(name))]
        said = [f"{how}(lower({one}), lower({two}))" if how else f"lower({one}) = lower({two})" for one, two in pairs]
        return f"coalesce({' OR '.join(said)}, false)"

    def _keyword(self, value: "SigmaType") -> str:
        """Look for a value anywhere in the record as it stands."""
        from sigma.types import SigmaExpansion, SigmaNumber, SigmaRegularExpression, SigmaString

        if isinstance(value, SigmaExpansion):
            return f"({' OR '.join(self._keyword(one) for one in value.values)})"
        if isinstance(value, SigmaRegularExpression):
            return f"coalesce({_test(value)('record')}, false)"
        if isinstance(value, SigmaNumber):
            return f"coalesce(contains(record, {literal(str(value.number))}), false)"
        if isinstance(value, SigmaString):
            return f"coalesce(record ILIKE {literal(f'%{_pattern(value)}%')} ESCAPE '{_ESCAPE}', false)"
        raise UnfitError(f"a keyword of the kind `{type(value).__name__}`")

    # -- where it is ---------------------------------------------------------------------------------------------

    def _texts(self, field: str) -> list[str]:
        """Return an expression of text for each place that holds one value."""
        return [self._text(path) for path in self._place.paths(field) if "[*]" not in path] or ["NULL::VARCHAR"]

    def _text(self, path: str) -> str:
        said = _path(path)
        name = f"p_{hashlib.sha256(said.encode()).hexdigest()[:24]}"
        return column_of(path) or (self.reads.setdefault(name, said) and name)

    def _items(self, field: str) -> list[str]:
        """Return an expression of a list of texts for each place that may hold several; parsing costs the most."""
        return [
            f"json_extract_string(doc, {_path(path)})"
            if "[*]" in path
            else f"(CASE WHEN {self._text(path)} LIKE '[%' THEN json_extract_string(doc, {_path(f'{path}[*]')}) END)"
            for path in self._place.paths(field)
            if not column_of(path)
        ]

    def _kinds(self, field: str) -> list[str]:
        """Return an expression for each place that is NULL only if the record has no such key."""
        return [
            f"nullif(len(json_extract(doc, {_path(path)})), 0)"
            if "[*]" in path
            else column_of(path) or f"json_type(doc, {_path(path)})"
            for path in self._place.paths(field)
        ]


def _path(path: str) -> str:
    """Return a JSON path as SQL, each step in quotation marks."""
    said = "$"
    for step in steps_of(path):
        name, star = (step.removesuffix("[*]"), "[*]") if step.endswith("[*]") else (step, "")
        said += f'."{name}"{star}'
    return literal(said)


def _test(value: "SigmaType") -> Test:
    """Return how a value is compared; UnfitError for a kind of value that has no equal."""
    from sigma.types import (
        SigmaBool,
        SigmaCasedString,
        SigmaCIDRExpression,
        SigmaCompareExpression,
        SigmaNumber,
        SigmaRegularExpression,
        SigmaString,
        SigmaTimestampPart,
    )

    if isinstance(value, SigmaString):
        return _string(value, cased=isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaBool):
        said = literal("true" if value.boolean else "false")
        return lambda text: f"lower({text}) = {said}"
    if isinstance(value, SigmaNumber) and not isinstance(value, SigmaTimestampPart):
        number = value.number
        return lambda text: f"({text} = {literal(str(number))} OR try_cast({text} AS DOUBLE) = {float(number)!r})"
    if isinstance(value, SigmaCompareExpression) and isinstance(value.number, SigmaNumber):
        sign, bound = value.op.name, float(value.number.number)
        word = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}.get(sign)
        if word is None or isinstance(value.number, SigmaTimestampPart):
            raise UnfitError(f"a comparison of the kind `{sign}`")
        return lambda text: f"try_cast({text} AS DOUBLE) {word} {bound!r}"
    if isinstance(value, SigmaRegularExpression):
        if value.contains_placeholder():
            raise UnfitError(_PLACEHOLDER)
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        return _regex(str(value.regexp), flags)
    if isinstance(value, SigmaCIDRExpression):
        return _network(value.network)
    raise UnfitError(f"a value of the kind `{type(value).__name__}`")


def _string(value: "SigmaString", *, cased: bool) -> Test:
    if all(isinstance(part, str) for part in value.s):
        plain = literal("".join(str(part) for part in value.s))
        return (lambda text: f"{text} = {plain}") if cased else (lambda text: f"lower({text}) = lower({plain})")
    pattern, word = literal(_pattern(value)), "LIKE" if cased else "ILIKE"
    return lambda text: f"{text} {word} {pattern} ESCAPE '{_ESCAPE}'"


def _pattern(value: "SigmaString") -> str:
    """Return a LIKE pattern: `*` and `?` of the rule as its wildcards, everything else as itself."""
    from sigma.types import SpecialChars

    signs = {SpecialChars.WILDCARD_MULTI: "%", SpecialChars.WILDCARD_SINGLE: "_"}
    said = ""
    for part in value.s:
        if isinstance(part, str):
            said += "".join(f"{_ESCAPE}{char}" if char in f"%_{_ESCAPE}" else char for char in part)
        elif isinstance(part, SpecialChars) and part in signs:
            said += signs[part]
        else:
            raise UnfitError(_PLACEHOLDER)
    return said


def _regex(pattern: str, flags: str) -> Test:
    said = literal(f"(?{flags}){pattern}" if flags else pattern)
    return lambda text: f"regexp_matches({text}, {said})"


def _network(network: object) -> Test:
    if not isinstance(network, IPv4Network):
        raise UnfitError("a range of IPv6 addresses, which can be written in many ways")
    first, last = int(network.network_address), int(network.broadcast_address)

    def test(text: str) -> str:
        octets = (
            f"try_cast(split_part({text}, '.', {place}) AS BIGINT) * {weight}"
            for place, weight in enumerate(_OCTETS, start=1)
        )
        return f"(regexp_full_match({text}, '{_IPV4}') AND {' + '.join(octets)} BETWEEN {first} AND {last})"

    return test
