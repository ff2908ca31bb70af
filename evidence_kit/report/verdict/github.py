"""A verification as GitHub workflow commands, and as the Markdown of a job summary."""

import re
from collections.abc import Iterator

from evidence_kit.model.check import Check, CheckStatus
from evidence_kit.report.verdict.outcome import Finding, Outcome
from evidence_kit.report.verdict.text import visible

_TITLE = "evidence-kit verify"
_SHOWN = 20  # defects in a job summary; the log and the other formats have all of them
_PUNCTUATION = re.compile(r"[!-+.:-@\[-`{-~]")
_WORDS = {CheckStatus.PASS: "pass", CheckStatus.FAIL: "**FAIL**", CheckStatus.NOT_CHECKED: "not checked"}


def commands(outcome: Outcome) -> Iterator[str]:
    """Yield one line a command: each defect, what was not checked, and the verdict.

    GitHub shows ten annotations of a kind for a step and keeps all lines in the log, so the verdict is the notice.
    """
    for finding in outcome.findings:
        yield _annotation(finding, outcome)
    if questions := outcome.open_questions:
        lines = "\n".join(visible(f"{check}: {reason}") for check, reason in questions)
        yield _command("notice", lines, title=f"{_TITLE}: not checked")
    yield _command("notice", visible(outcome.headline), title=_TITLE)


def _annotation(finding: Finding, outcome: Outcome) -> str:
    defect, place = finding.defect, finding.place
    where = {"file": outcome.located(place)} if place else {}
    if place and place.line:
        where["line"] = str(place.line)
    facts = (f"{name}: {value}" for name, value in defect.facts)
    lines = (f"{defect.subject}: {defect.message}", *facts)
    text = "\n".join(visible(line) for line in lines)
    return _command("error", text, **where, title=f"{defect.verdict.name}: {defect.verdict.meaning}")


def _command(name: str, message: str, **properties: str) -> str:
    """Return a workflow command; the runner undoes these escapes, in properties two more than in the message."""
    said = ",".join(f"{key}={_property(visible(value))}" for key, value in properties.items())
    return f"::{name} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(outcome: Outcome) -> str:
    """Return a Markdown table of the checks, then the first defects."""
    lines = [
        f"### {_TITLE}",
        "",
        f"{_markdown(outcome.headline)}",
        "",
        "| check | result | what |",
        "|---|---|---|",
        *(_row(check) for check in outcome.checks),
        "",
    ]
    findings = list(outcome.findings)
    if findings:
        lines += ["| verdict | where | what is wrong |", "|---|---|---|"]
        lines += [_defect_row(finding, outcome) for finding in findings[:_SHOWN]]
        lines.append("")
    if len(findings) > _SHOWN:
        lines += [f"… and {len(findings) - _SHOWN:,} more: the log of this step lists them.", ""]
    lines += [f"- not checked: {_markdown(f'{check}: {reason}')}" for check, reason in outcome.open_questions]
    return "\n".join(lines) + "\n"


def _row(check: Check) -> str:
    said = check.summary
    if check.defects:
        said = f"{len(check.defects):,} finding{'' if len(check.defects) == 1 else 's'}"
    return f"| {_markdown(check.id)} | {_WORDS[check.status]} | {_markdown(said)} |"


def _defect_row(finding: Finding, outcome: Outcome) -> str:
    defect = finding.defect
    where = outcome.located(finding.place) if finding.place else defect.subject
    return f"| {_markdown(defect.verdict.name)} | {_markdown(where)} | {_markdown(defect.message)} |"


def _markdown(text: str) -> str:
    """Return `text` with its punctuation as character references, which never are markup (CommonMark 2.5)."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", visible(text))
