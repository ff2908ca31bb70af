"""A verification as SARIF 2.1.0 (OASIS): a rule a verdict, a result a defect, a note for each open question."""

from collections.abc import Mapping, Sequence

from evidence_kit import __version__
from evidence_kit.errors import Exit
from evidence_kit.model.check import Check
from evidence_kit.report.verdict.outcome import Finding, Outcome
from evidence_kit.report.verdict.text import uri, visible

Json = Mapping[str, object]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RULES = tuple(code for code in Exit if code is not Exit.OK)
_CASE = "CASE"  # the folder of the case, where it lies outside of the reader's root
_ROOT = "%SRCROOT%"  # the reader's own root, by the name that code scanning gives it
_WARNINGS = frozenset({Exit.INCOMPLETE})


def document(outcome: Outcome) -> Json:
    """Return the log, of one run."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(outcome)]}


def _run(outcome: Outcome) -> Json:
    code, report = outcome.code, outcome.report
    driver = {
        "name": "evidence-kit",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(verdict) for verdict in RULES],
    }
    return {
        "tool": {"driver": driver},
        "invocations": [_invocation(outcome)],
        "originalUriBaseIds": _bases(outcome.base),
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, outcome) for finding in outcome.findings],
        "properties": {
            "subject": visible(report.subject),
            "verdict": {"code": int(code), "name": code.name, "meaning": code.meaning},
            "authentic": report.authentic,
            "unitsMissing": report.missing_units,
            "unsealed": report.unsealed,
            "handoversPending": len(report.pending),
            "checks": [_check(check) for check in outcome.checks],
        },
    }


def _rule(verdict: Exit) -> Json:
    said = {"text": verdict.meaning}
    return {
        "id": verdict.name,
        "name": verdict.name.title().replace("_", ""),
        "shortDescription": said,
        "fullDescription": said,
        "help": {"text": f"{verdict.meaning} (exit code {int(verdict)})"},
        "defaultConfiguration": {"level": _level(verdict)},
        "properties": {"exitCode": int(verdict)},
    }


def _level(verdict: Exit) -> str:
    return "warning" if verdict in _WARNINGS else "error"


def _invocation(outcome: Outcome) -> Json:
    """Say how it ended. A verdict on evidence is a successful execution; a bug in this program is none."""
    open_questions = [_notification(check, reason) for check, reason in outcome.open_questions]
    return {
        "exitCode": int(outcome.code),
        "exitCodeDescription": visible(outcome.headline),
        "executionSuccessful": outcome.code is not Exit.INTERNAL,
        "toolExecutionNotifications": open_questions,
    }


def _notification(check: str, reason: str) -> Json:
    return {
        "level": "note",
        "message": {"text": visible(f"not checked: {check}: {reason}")},
        "properties": {"check": visible(check)},
    }


def _bases(base: str) -> Json:
    """Say what locations are relative to: the case where it lies elsewhere, else the reader's root.

    Readers seldom follow a base that hangs below another, so a case below the root has its folder in each location.
    """
    if "://" in base:
        scheme, _, rest = base.partition("://")
        return {_CASE: {"uri": f"{scheme}://{uri(rest.rstrip('/'))}/"}}
    if base.startswith("/"):
        return {_CASE: {"uri": f"file://{uri(base.rstrip('/'))}/"}}
    return {_ROOT: {"description": {"text": "the root of the repository, or where verification ran"}}}


def _result(finding: Finding, outcome: Outcome) -> Json:
    defect = finding.defect
    return {
        "ruleId": defect.verdict.name,
        "ruleIndex": RULES.index(defect.verdict),
        "kind": "fail",
        "level": _level(defect.verdict),
        "message": {"text": _escaped(f"{defect.subject}: {defect.message}")},
        "locations": [_location(finding, outcome)],
        "properties": {
            "check": visible(finding.check),
            "subject": visible(defect.subject),
            "facts": {visible(name): visible(value) for name, value in defect.facts},
        },
    }


def _escaped(text: str) -> str:
    """Return a message in which `[` and `{` start neither a link nor a placeholder (3.11.5, 3.11.6)."""
    shown = visible(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("{", "{{").replace("}", "}}")


def _location(finding: Finding, outcome: Outcome) -> Json:
    """Return the file of a defect; one without a file is about the whole folder, as readers demand some location."""
    place, base = finding.place, outcome.base
    path = place.path if place else "./"
    name = _CASE
    if not (base.startswith("/") or "://" in base):
        name, path = _ROOT, outcome.located(place) if place else f"{base.rstrip('/')}/"
    physical: dict[str, object] = {"artifactLocation": {"uri": uri(path), "uriBaseId": name}}
    if place and place.line:
        physical["region"] = {"startLine": place.line}
    return {"physicalLocation": physical}


def _check(check: Check) -> Mapping[str, str | int | Sequence[str]]:
    return {
        "name": visible(check.id),
        "status": check.status.value,
        "summary": visible(check.summary),
        "moreDefects": check.more_defects,
    }
