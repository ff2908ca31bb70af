"""A verification as JUnit XML: one test case a sound check, one a defect, one skipped for what was not checked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evidence_kit import __version__
from evidence_kit.model.check import Check, CheckStatus
from evidence_kit.report.verdict.outcome import Finding, Outcome
from evidence_kit.report.verdict.text import visible

_SUITE = "evidence-kit verify"


def document(outcome: Outcome) -> str:
    """Return the XML document, in ASCII.

    There is no schema that all readers share. A test case holds at most one `failure` or `skipped`, because GitLab
    reads the first one only, and no two have the same name in the same class, because it keeps one of them.
    """
    suite = Element("testsuite", name=_SUITE)
    _properties(suite, outcome)
    used: Counter[tuple[str, str]] = Counter()
    for case in _cases(outcome):
        key = (case.get("classname", ""), case.get("name", ""))
        used[key] += 1
        if used[key] > 1:
            case.set("name", f"{key[1]} ({used[key]})")
        suite.append(case)
    SubElement(suite, "system-out").text = visible(outcome.headline)
    counts: Mapping[str, str] = {
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": "0",
        "skipped": str(len(suite.findall("testcase/skipped"))),
    }
    suite.attrib.update(counts)
    suites = Element("testsuites", {"name": _SUITE, **counts})
    suites.append(suite)
    indent(suites)
    body = tostring(suites, encoding="us-ascii", xml_declaration=False).decode()
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _properties(suite: Element, outcome: Outcome) -> None:
    code, report = outcome.code, outcome.report
    said = {
        "version": __version__,
        "subject": report.subject,
        "verdict": f"{code.name} {int(code)}",
        "meaning": code.meaning,
        "authentic": str(report.authentic).lower(),
        "unitsMissing": str(report.missing_units),
        "unsealed": str(report.unsealed),
        "handoversPending": str(len(report.pending)),
    }
    parent = SubElement(suite, "properties")
    for name, value in said.items():
        SubElement(parent, "property", name=name, value=visible(value))


def _cases(outcome: Outcome) -> Iterator[Element]:
    for check in outcome.checks:
        if check.status is CheckStatus.PASS:
            yield _passed(check)
    for finding in outcome.findings:
        yield _failed(finding, outcome)
    for asked, reason in outcome.open_questions:
        case = _case(asked, f"not checked: {reason}")
        SubElement(case, "skipped", message=visible(reason))
        yield case


def _case(check: str, name: str) -> Element:
    return Element("testcase", classname=f"evidence-kit.{visible(check)}", name=visible(name))


def _passed(check: Check) -> Element:
    case = _case(check.id, check.id)
    if check.summary:
        SubElement(case, "system-out").text = visible(check.summary)
    return case


def _failed(finding: Finding, outcome: Outcome) -> Element:
    defect = finding.defect
    case = _case(finding.check, f"{finding.check}: {defect.subject}")
    if finding.place:
        case.set("file", visible(outcome.located(finding.place)))
        if finding.place.line:
            case.set("line", str(finding.place.line))
    failure = SubElement(case, "failure", type=defect.verdict.name, message=visible(defect.message))
    lines = [
        f"{defect.subject}: {defect.message}",
        f"verdict: {defect.verdict.name} {int(defect.verdict)}, {defect.verdict.meaning}",
        *(f"{name}: {value}" for name, value in defect.facts),
    ]
    failure.text = "\n".join(visible(line) for line in lines)
    return case
