"""Redaction rules: what a person writes about what may not leave, read strictly."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from evidence_kit.analysis.jsonspans import Steps, steps_of
from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, parse_document

API_VERSION = "evidence-kit/redaction.v1"
MAX_RULES = 100
MAX_PATTERN = 1024  # bytes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")  # stands in every marker, within JSON strings too
_RANGE = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")
_WAYS = ("field", "pattern", "bytes")
_FIELDS = ("name", "reason", "artifacts", *_WAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with exactly one of a JSON path, a pattern and a range of bytes."""

    name: str
    reason: str
    artifacts: str = "*"
    steps: Steps | None = None
    pattern: re.Pattern[bytes] | None = None
    range: tuple[int, int] | None = None  # [start, end)
    expected: bool = True  # whether it is a mistake if nothing matches

    def is_about(self, path: str) -> bool:
        """Say whether the rule applies to the artifact at `path` in its case."""
        return is_meant(self.artifacts, path)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a file, in its order, and its digest."""

    rules: tuple[Rule, ...]
    sha256: str

    def about(self, path: str) -> tuple[Rule, ...]:
        """Return the rules that apply to an artifact."""
        return tuple(rule for rule in self.rules if rule.is_about(path))

    def require_matched(self, matched: Iterable[str]) -> None:
        """Raise UsageError if a rule took nothing out anywhere: a typo must not hand out what it was to hold back."""
        idle = [rule for rule in self.rules if rule.expected and rule.name not in set(matched)]
        if not idle:
            return
        said = ", ".join(f"`{rule.name}`" for rule in idle)
        hint = "look at the rule, or say `--allow-unmatched`"
        if any(rule.steps and rule.steps[0] != "**" for rule in idle):
            hint += "; a `field` starts at the top of the document: `**.name` finds a name at any depth"
        raise UsageError(f"nothing in what is to be disclosed matches {said}", hint=hint)


def minimising(policy: str, fields: Iterable[str], digest: str, rules: Rules | None = None) -> Rules:
    """Return the rules that leave out what an organisation's policy names, behind those of a file if there is one.

    A disclosed copy shows what was taken out, and not a pseudonym for it: its digest travels with it.
    """
    made = []
    for number, path in enumerate(fields, start=1):
        try:
            steps = steps_of(path if path.startswith("**.") else f"**.{path}")
        except ValueError as error:
            raise UsageError(f"`{path}` of the policy {policy} is no path: {error}") from error
        made.append(Rule(name=f"policy {number}", reason=f"policy {policy}", steps=steps, expected=False))
    both = hashlib.sha256(f"{rules.sha256}{digest}".encode()).hexdigest() if rules else digest
    return Rules((*(rules.rules if rules else ()), *made), both)


def is_meant(glob: str, path: str) -> bool:
    """Say whether a glob names the artifact at `path` in its case, by that path or by the one within its bag."""
    return fnmatchcase(path, glob) or fnmatchcase(path.split("/", 2)[-1], glob)


def parse_rules(text: bytes, *, name: str) -> Rules:
    """Read a rules file; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "rules"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "RedactionRules":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: RedactionRules`")
    count = len(doc.at(("rules",), list))
    if not 0 < count <= MAX_RULES:
        raise doc.error(("rules",), f"expected 1 to {MAX_RULES} rules, found {count}")
    rules = tuple(_rule(doc, index) for index in range(count))
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in seen:
            raise doc.error(("rules", index, "name"), f"two rules are called `{rule.name}`")
        seen.add(rule.name)
    return Rules(rules, doc.digest)


def _rule(doc: Document, index: int) -> Rule:
    at = ("rules", index)
    given = doc.at(at, dict)
    doc.allow(at, _FIELDS)
    name, reason = doc.at((*at, "name"), str), doc.at((*at, "reason"), str)
    if not _NAME.fullmatch(name):
        raise doc.error((*at, "name"), f"{name[:80]!a} cannot be a rule's name", hint="letters, digits, ` ._-`")
    if not reason.strip():
        raise doc.error((*at, "reason"), "a redaction needs a reason")
    glob = doc.at((*at, "artifacts"), str) if "artifacts" in given else "*"
    if not glob:
        raise doc.error((*at, "artifacts"), "an empty glob names nothing")
    ways = [way for way in _WAYS if way in given]
    if len(ways) != 1:
        raise doc.error(at, f"expected one of {', '.join(f'`{way}`' for way in _WAYS)}, found {len(ways)}")
    path = (*at, ways[0])
    said = doc.at(path, str)
    if ways[0] == "field":
        return Rule(name=name, reason=reason, artifacts=glob, steps=_steps(doc, path, said))
    if ways[0] == "pattern":
        return Rule(name=name, reason=reason, artifacts=glob, pattern=_pattern(doc, path, said))
    return Rule(name=name, reason=reason, artifacts=glob, range=_range(doc, path, said))


def _steps(doc: Document, path: tuple[str | int, ...], said: str) -> Steps:
    try:
        return steps_of(said)
    except ValueError as error:
        raise doc.error(path, str(error), hint="for example `Records.*.requestParameters.password`") from error


def _pattern(doc: Document, path: tuple[str | int, ...], said: str) -> re.Pattern[bytes]:
    raw = said.encode()
    if not 0 < len(raw) <= MAX_PATTERN:
        raise doc.error(path, f"a pattern has 1 to {MAX_PATTERN:,} bytes, this one {len(raw):,}")
    try:
        pattern = re.compile(raw)
    except (re.error, RecursionError, OverflowError) as error:
        raise doc.error(path, f"not a regular expression: {error}") from error
    if pattern.match(b""):
        raise doc.error(path, "the pattern matches nothing at all, everywhere")
    return pattern


def _range(doc: Document, path: tuple[str | int, ...], said: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(said)
    if found is None or int(found[1]) >= int(found[2]):
        raise doc.error(
            path, "expected `start-end`, the first byte and the one after the last", hint='such as "0-64"'
        )
    return int(found[1]), int(found[2])
