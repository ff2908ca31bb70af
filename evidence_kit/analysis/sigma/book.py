"""Reads rule files strictly: no anchors, no tags, bounded size and depth; what cannot be read is listed."""

import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from evidence_kit.analysis.sigma.words import End, Rule, Told
from evidence_kit.errors import EmptyError, EvidenceKitError, UsageError
from evidence_kit.model.document import parse_document

MAX_RULE = 64 << 10  # bytes; the longest rule that SigmaHQ publishes for a cloud has some six thousand
MAX_RULES = 20_000  # six times what SigmaHQ publishes in all
MAX_CONDITION = 2_000  # characters; pySigma's parser takes time with the length and stack with the brackets
MAX_BRACKETS = 20
_SUFFIXES = (".yml", ".yaml")
_LISTS = ("correlation", "filter")  # kinds of documents that are no rules by themselves


def own_rules() -> Iterator[tuple[str, bytes]]:
    """Yield the rules that come with evidence-kit."""
    folder = files("evidence_kit.analysis.sigma") / "rules"
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.endswith(_SUFFIXES):
            yield item.name, item.read_bytes()


def rules_at(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield `(name, bytes)` of a rule file, or of every one below a folder; UsageError if there is none."""
    try:
        found = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES) if path.is_dir() else [path]
        if not found:
            raise UsageError(f"`{path}` holds no `*.yml`", hint="a folder of Sigma rules, or one file")
        for file in found[: MAX_RULES + 1]:
            with file.open("rb") as stream:
                yield str(file), stream.read(MAX_RULE + 1)
    except OSError as error:
        raise UsageError(f"cannot read the rules at `{path}`: {(error.strerror or '').lower()}") from error


def read_rules(given: Iterable[tuple[str, bytes]]) -> tuple[tuple[Rule, ...], tuple[Told, ...]]:
    """Return the rules, and what is none with the reason."""
    rules: list[Rule] = []
    refused: list[Told] = []
    for count, (name, text) in enumerate(given):
        if count >= MAX_RULES:
            raise UsageError(f"more than {MAX_RULES:,} rules", hint="give a folder below this one")
        try:
            rules.append(_rule(name, text))
        except EvidenceKitError as error:
            said = Rule(file=name, sha256=_digest(text), id="", title="", level="", data={})
            refused.append(Told(rule=said, end=End.NOT_TRANSLATED, reason=error.message))
    return tuple(rules), tuple(refused)


def chosen(rules: Iterable[Rule], wanted: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules with the wanted ids, titles or file names; EmptyError names one that is not there."""
    known, found = tuple(rules), dict[str, Rule]()
    for word in wanted:
        fits = [rule for rule in known if word in {rule.id, rule.title, Path(rule.file).name, Path(rule.file).stem}]
        if not fits:
            raise EmptyError(f"no rule is called `{word}`", hint="give its id, its title or the name of its file")
        found.update({rule.file: rule for rule in fits})
    return tuple(found.values())


def _rule(name: str, text: bytes) -> Rule:
    if len(text) > MAX_RULE:
        raise UsageError(f"larger than {MAX_RULE:,} bytes")
    doc = parse_document(text, name=name)
    for kind in _LISTS:
        if kind in doc.data:
            raise UsageError(f"a `{kind}` document; only plain rules are run")
    if "detection" not in doc.data:
        raise UsageError("not a rule: it has no `detection`")
    _require_small(doc.at(("detection",), dict).get("condition"))
    return Rule(
        file=name,
        sha256=doc.digest,
        id=str(doc.data.get("id", "")),
        title=str(doc.data.get("title", "")),
        level=str(doc.data.get("level", "")),
        data=doc.data,
    )


def _require_small(condition: object) -> None:
    for said in condition if isinstance(condition, list) else [condition]:
        text = str(said or "")
        if len(text) > MAX_CONDITION or text.count("(") > MAX_BRACKETS:
            raise UsageError(f"a condition of more than {MAX_CONDITION:,} characters or {MAX_BRACKETS} brackets")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
