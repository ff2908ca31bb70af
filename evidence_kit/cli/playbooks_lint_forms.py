"""How the findings of `playbook lint` are written: for people, as JSON, as SARIF 2.1.0, and as GitHub's commands."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from evidence_kit import __version__
from evidence_kit.cli import output
from evidence_kit.playbook.lint.finding import Finding, Level
from evidence_kit.playbook.lint.rules import RULES

NAMES = ("text", "json", "sarif", "github")
_SHOWN = 110  # characters of a line around a fault
_AROUND = 40  # of them before it
_ORDER = tuple(RULES)


def show(name: str, findings: Sequence[Finding], files: int) -> None:
    """Write findings as `name` says."""
    if name == "json":
        output.document([as_json(one) for one in findings])
    elif name == "sarif":
        output.document(sarif(findings))
    elif name == "github":
        for one in findings:
            typer.echo(command(one).encode())
    else:
        for one in findings:
            for line in lines(one):
                output.data(line)
    output.note(_summary(findings, files))


def lines(one: Finding) -> Iterator[str]:
    """Yield a finding as people read it: what and where, the line, a caret below it, a way out."""
    yield one.headline
    if one.snippet:
        shown, at, width = _cropped(one)
        number = str(one.line)
        yield f"  {number:>4} | {shown}"
        hint = f" {one.hint}" if one.hint else ""
        yield f"       | {' ' * at}^{'~' * (width - 1)}{hint}"
    elif one.hint:
        yield f"       hint: {one.hint}"


def as_json(one: Finding) -> Mapping[str, object]:
    """Return a finding as plain data."""
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "endColumn": one.column + one.width,
        "level": one.level.value,
        "rule": one.rule,
        "message": one.message,
        "hint": one.hint,
        "snippet": one.snippet,
    }


def sarif(findings: Sequence[Finding]) -> Mapping[str, object]:
    """Return a SARIF log of one run."""
    from evidence_kit.report.verdict.sarif import SCHEMA

    driver = {
        "name": "evidence-kit",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in _ORDER],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the repository"}}},
        "results": [_result(one) for one in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def command(one: Finding) -> str:
    """Return a workflow command, by which GitHub shows a finding beside its line."""
    from evidence_kit.report.verdict.text import visible

    kind = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}[one.level]
    properties = {
        "file": _located(one.file),
        "line": str(one.line),
        "col": str(one.column),
        "endColumn": str(one.column + one.width),
        "title": f"evidence-kit {one.rule}",
    }
    said = ",".join(f"{key}={_property(visible(value))}" for key, value in properties.items())
    text = "\n".join(visible(line) for line in (one.message, one.hint) if line)
    return f"::{kind} {said}::{_data(text)}"


def _rule(name: str) -> Mapping[str, object]:
    rule = RULES[name]
    said = {"text": rule.about}
    return {
        "id": name,
        "name": name.title().replace("-", ""),
        "shortDescription": said,
        "fullDescription": said,
        "defaultConfiguration": {"level": rule.level.value},
    }


def _result(one: Finding) -> Mapping[str, object]:
    from evidence_kit.report.verdict.text import uri

    path = _located(one.file)
    where: dict[str, object] = {"uri": uri(path) if not path.startswith("/") else f"file://{uri(path)}"}
    if not path.startswith("/"):
        where["uriBaseId"] = "%SRCROOT%"
    region = {"startLine": one.line, "startColumn": one.column, "endColumn": one.column + one.width}
    hint = f" ({one.hint})" if one.hint else ""
    return {
        "ruleId": one.rule,
        "ruleIndex": _ORDER.index(one.rule),
        "level": one.level.value,
        "message": {"text": _escaped(one.message + hint)},
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": region}}],
    }


def _escaped(text: str) -> str:
    """Return a message in which `[` and `{` start neither a link nor a placeholder (3.11.5, 3.11.6)."""
    from evidence_kit.report.verdict.text import visible

    shown = re.sub(r"[\\\[\]]", lambda found: f"\\{found[0]}", visible(text))
    return shown.replace("{", "{{").replace("}", "}}")


def _located(file: str) -> str:
    """Return a path relative to GITHUB_WORKSPACE, else to the working directory; absolute if it is elsewhere."""
    root = os.path.normpath(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    found = Path(os.path.normpath(Path(file).absolute()))
    return (found.relative_to(root) if found.is_relative_to(root) else found).as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cropped(one: Finding) -> tuple[str, int, int]:
    """Return the part of a line that shows a fault, where the fault is in it, and how wide."""
    first = max(0, one.column - 1 - _AROUND) if len(one.snippet) > _SHOWN else 0
    shown = one.snippet[first : first + _SHOWN].replace("\t", " ")
    before = "…" if first else ""
    after = "…" if first + _SHOWN < len(one.snippet) else ""
    at = one.column - 1 - first
    plain = "".join(char if char.isprintable() else "·" for char in shown)
    return f"{before}{plain}{after}", at + len(before), max(1, min(one.width, len(shown) - at))


def _summary(findings: Sequence[Finding], files: int) -> str:
    if not findings:
        return f"{output.plural(files, 'playbook')}: nothing to mend"
    counts = Counter(one.level for one in findings)
    said = [output.plural(counts[level], level.value) for level in Level if counts[level]]
    return f"{output.plural(files, 'playbook')}: {', '.join(said)}"
