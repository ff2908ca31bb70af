"""One page of HTML: no script, nothing loaded from anywhere, readable aloud, without colour and on paper."""

from collections.abc import Iterator, Sequence
from html import escape

from evidence_kit.governance.assessment import Answer, Assessment
from evidence_kit.model.time import rfc3339
from evidence_kit.report.verdict.text import visible

_MARKS = {"good": "✓", "partly": "◐", "poor": "✗", "missing": "?"}
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 2rem auto; max-width: 72rem;
       padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { border: 1px solid #767676; padding: .35rem .6rem; text-align: left; vertical-align: top;
         overflow-wrap: anywhere; }
thead th { background: #ececec; }
td.number { text-align: right; white-space: nowrap; }
td.state { white-space: nowrap; }
tr.missing td.state, tr.poor td.state { font-weight: 700; }
a { color: #003e7e; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } section { break-before: page; }
               thead { display: table-header-group; } tr { break-inside: avoid; } a { color: inherit; } }
"""


def page(assessments: Sequence[Assessment]) -> str:
    """Return the whole page."""
    return "\n".join(_lines(assessments))


def _lines(found: Sequence[Assessment]) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Partner assurance</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    yield "<h1>Partner assurance</h1>"
    yield (
        "<p>Scores go from 0 to 100. What nobody knows scores nothing. An answer says what is on record or was "
        "shown, not that it is enough; a score compares only with others of the same questions.</p>"
    )
    yield from _summary(found)
    for number, one in enumerate(found):
        yield from _partner(one, f"partner-{number}")
    yield "</main>\n</body>\n</html>"


def _summary(found: Sequence[Assessment]) -> Iterator[str]:
    yield '<table>\n<caption>All partners</caption>\n<thead><tr><th scope="col">Partner</th>'
    for title in ("Score", "Weight with an answer", "Change", "Agreement", "Assessed"):
        yield f'<th scope="col">{title}</th>'
    yield "</tr></thead>\n<tbody>"
    for number, one in enumerate(found):
        agreed = one.entry.agreement
        change = "first entry" if one.change is None else f"{one.change:+d}"
        yield f'<tr><th scope="row"><a href="#partner-{number}">{_text(one.entry.target.label)}</a></th>'
        yield f'<td class="number">{one.score} of 100</td><td class="number">{one.known} %</td>'
        yield f'<td class="number">{change}</td><td>{_text(agreed.reference if agreed else "none")}</td>'
        yield f"<td>{_time(rfc3339(one.at))}</td></tr>"
    yield "</tbody>\n</table>"


def _partner(one: Assessment, anchor: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{anchor}">\n<h2 id="{anchor}">{_text(one.entry.target.label)}</h2>'
    yield f"<p>{one.score} of 100; {one.known} % of the weight has an answer. {_trend(one)}</p>"
    yield f"<table>\n<caption>Answers about {_text(one.entry.target.label)}</caption>\n<thead><tr>"
    for title in ("Question", "Answer", "Points", "What is known", "Evidence", "As of"):
        yield f'<th scope="col">{title}</th>'
    yield "</tr></thead>\n<tbody>"
    for answer in one.answers:
        yield _answer(answer, one)
    yield "</tbody>\n</table>"
    template = one.template
    yield f"<p>Questions: {_text(template.name)}, version {_text(template.version)}, SHA-256 {template.digest}.</p>"
    yield "</section>"


def _answer(answer: Answer, one: Assessment) -> str:
    said = answer.to_json(one.at)
    age = "" if said["ageDays"] is None else f"{_time(said['asOf'])}, {said['ageDays']} days old"
    cells = (
        f'<th scope="row">{_text(answer.question.text)}</th>',
        f'<td class="state"><span aria-hidden="true">{_MARKS[answer.state]}</span> {answer.state}</td>',
        f'<td class="number">{answer.points:.1f} of {answer.question.weight}</td>',
        f"<td>{_text(answer.found.said)}</td>",
        f"<td>{_text(answer.found.evidence) or 'none'}</td>",
        f"<td>{age or 'not dated'}</td>",
    )
    return f'<tr class="{answer.state}">{"".join(cells)}</tr>'


def _trend(one: Assessment) -> str:
    if not one.earlier:
        return "No earlier entry is at hand."
    before = ", ".join(f"{_time(rfc3339(known.at))}: {known.score}" for known in one.earlier)
    return f"Before: {before}."


def _time(moment: str) -> str:
    return f'<time datetime="{moment}">{moment[:10]}</time>'


def _text(text: str) -> str:
    """Return text that somebody else may have chosen as text, and nothing but."""
    return escape(visible(text))
