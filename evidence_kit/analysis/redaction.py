"""Redacting one artifact: find the bytes that rules name, replace them, leave every other byte as it was.

Patterns run over the whole decoded artifact, at most MAX_DECODED bytes of it, so that none hides at an edge; whoever
calls sets the time that one artifact may take through `limit`.
"""

import hashlib
import io
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import BinaryIO

from evidence_kit.analysis import jsonspans
from evidence_kit.analysis.jsonspans import NotJsonError
from evidence_kit.analysis.rules import Rule
from evidence_kit.custody.redacted import BYTES, GZIP, MAX_DECODED, Redaction, Span, plain, splice
from evidence_kit.errors import DigestError, UsageError

MAX_SPANS = 20_000  # in one artifact; MAX_LINE of `redactions.jsonl` holds them
UNNAMED = "json"  # a JSON value whose path would say what another rule takes out
_GZIP = b"\x1f\x8b"
# A pattern would look at compressed bytes, find nothing, and hand out what is inside.
_CLOSED = {
    "gzip": _GZIP,
    "zip": b"PK\x03\x04",
    "zstd": b"\x28\xb5\x2f\xfd",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "lz4": b"\x04\x22\x4d\x18",
    "parquet": b"PAR1",
    "UTF-16": b"\xff\xfe",
    "UTF-16BE": b"\xfe\xff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A redacted copy, what is recorded about it, and which rules took part."""

    body: bytes
    redaction: Redaction
    matched: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Match:
    rules: tuple[Rule, ...]
    place: str
    start: int
    end: int

    def span(self) -> Span:
        names = ", ".join(dict.fromkeys(rule.name for rule in self.rules))
        reasons = "; ".join(dict.fromkeys(rule.reason for rule in self.rules))
        return Span(rule=names, reason=reasons, place=self.place, start=self.start, end=self.end)


def redact(
    artifact: str,
    original: BinaryIO,
    rules: Sequence[Rule],
    *,
    limit: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Copy | None:
    """Return the copy of `original` under `rules`, or None if none of them matches.

    The same original and rules give the same copy. UsageError where a rule cannot be applied, or matches the copy
    again: then nothing may be handed out.
    """
    raw = _bounded(original, artifact)
    data, decoded = _decoded(raw, artifact)
    with limit():
        matches = _matches(artifact, data, rules)
        if not matches:
            return None
        merged = _merge(matches, rules)
        if len(merged) > MAX_SPANS:
            raise UsageError(f"`{artifact}`: more than {MAX_SPANS:,} redactions", hint="leave this artifact out")
        spans = tuple(match.span() for match in merged)
        body = b"".join(splice(io.BytesIO(data), spans))
        _require_clean(artifact, body, spans, rules)
    redaction = Redaction(
        artifact=artifact,
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        copy_sha256=hashlib.sha256(body).hexdigest(),
        copy_size=len(body),
        decoded="gzip" if decoded else "",
        spans=spans,
    )
    return Copy(body=body, redaction=redaction, matched=frozenset(r.name for match in matches for r in match.rules))


def _bounded(stream: BinaryIO, artifact: str) -> bytes:
    data = stream.read(MAX_DECODED + 1)
    if len(data) > MAX_DECODED:
        raise UsageError(
            f"`{artifact}` is larger than the {MAX_DECODED >> 20} MB that can be redacted",
            hint="leave it out, or exempt it with `artifacts` in the rules",
        )
    return data


def _decoded(raw: bytes, artifact: str) -> tuple[bytes, bool]:
    """Return what there is to read, and whether it had to be decompressed."""
    is_gzip = raw.startswith(_GZIP)
    data = raw
    if is_gzip:
        try:
            with plain(io.BytesIO(raw), GZIP) as inflated:
                data = _bounded(inflated, artifact)
        except DigestError as error:
            raise UsageError(f"`{artifact}` {error.message}", hint="leave it out") from error
    for what, magic in _CLOSED.items():
        if data.startswith(magic):
            raise UsageError(
                f"`{artifact}` holds {what}, into which no rule can look",
                hint="leave it out, or exempt it with `artifacts` in the rules",
            )
    return data, is_gzip


def _matches(artifact: str, data: bytes, rules: Sequence[Rule]) -> list[_Match]:
    found = [*_by_range(data, rules), *_by_pattern(data, rules)]
    return [*_by_field(artifact, data, rules, found), *found]


def _by_range(data: bytes, rules: Sequence[Rule]) -> Iterator[_Match]:
    for rule in rules:
        if rule.range and rule.range[0] < len(data):
            yield _Match((rule,), BYTES, rule.range[0], min(rule.range[1], len(data)))


def _by_pattern(data: bytes, rules: Iterable[Rule]) -> Iterator[_Match]:
    for rule in rules:
        if rule.pattern:
            for number, found in enumerate(rule.pattern.finditer(data)):
                if number > MAX_SPANS:
                    raise UsageError(f"rule `{rule.name}` matches more than {MAX_SPANS:,} times in one artifact")
                if found.end() > found.start():
                    yield _Match((rule,), BYTES, *found.span())


def _by_field(artifact: str, data: bytes, rules: Sequence[Rule], others: Sequence[_Match]) -> Iterator[_Match]:
    """Yield the JSON values that rules name; a path through a key that another rule takes out is not told."""
    fields = [rule for rule in rules if rule.steps]
    if not fields:
        return
    try:
        found = jsonspans.find(data, tuple(rule.steps for rule in fields if rule.steps))
    except NotJsonError as error:
        names = ", ".join(f"`{rule.name}`" for rule in fields)
        raise UsageError(
            f"`{artifact}` is not JSON, so {names} cannot be applied: {error}",
            hint="say with `artifacts` which ones a `field` is meant for, or use a `pattern`",
        ) from error
    taken = _merge(others, rules)
    for one in found:
        hidden = any(_touches(taken, start, end) for start, end in one.keys)
        yield _Match((fields[one.which],), UNNAMED if hidden else one.place, one.start, one.end)


def _touches(spans: Sequence[_Match], start: int, end: int) -> bool:
    """Say whether one of `spans`, which ascend and do not overlap, holds a byte of `[start, end)`."""
    nearest = bisect_left(spans, end, key=lambda span: span.start) - 1
    return nearest >= 0 and spans[nearest].end > start


def _merge(matches: Iterable[_Match], rules: Sequence[Rule]) -> list[_Match]:
    """Join what overlaps: the outermost place stands, all rules are named, in the order of their file."""
    merged: list[_Match] = []
    for match in sorted(matches, key=lambda m: (m.start, -m.end, m.place == BYTES, m.place)):
        last = merged[-1] if merged else None
        if last is None or match.start >= last.end:
            merged.append(match)
            continue
        both = tuple(rule for rule in rules if rule in last.rules or rule in match.rules)
        if match.end <= last.end:
            merged[-1] = replace(last, rules=both)
        else:
            merged[-1] = _Match(both, BYTES, last.start, match.end)
    return merged


def _require_clean(artifact: str, body: bytes, spans: Sequence[Span], rules: Sequence[Rule]) -> None:
    """Apply the rules to the copy: what they find may only be what stands there instead."""
    markers: list[tuple[int, int]] = []
    shift = 0
    for span in spans:
        start = span.start + shift
        markers.append((start, start + len(span.marker)))
        shift += len(span.marker) - (span.end - span.start)
    again = [*_by_pattern(body, rules), *_by_field(f"{artifact} (redacted)", body, rules, ())]
    at = 0
    for match in sorted(again, key=lambda m: m.start):
        while at < len(markers) and markers[at][1] <= match.start:
            at += 1
        if at == len(markers) or not (markers[at][0] <= match.start and match.end <= markers[at][1]):
            name = match.rules[0].name
            raise UsageError(
                f"`{artifact}`: rule `{name}` still matches after it was applied",
                hint="what is left would show what was to be taken out; widen the rule, or leave the artifact out",
            )
