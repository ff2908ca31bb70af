"""One page of HTML that needs nothing else: it works offline, printed, without scripts, and without colour."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING

from markupsafe import Markup

from evidence_kit.custody import log
from evidence_kit.errors import Exit
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case import dag, drawing, matrix, words
from evidence_kit.report.case.matrix import Line
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.safe import parted, period, prose, shown
from evidence_kit.report.case.states import COMPLETE, STATES

if TYPE_CHECKING:
    import jinja2

EMBEDDED = 250_000  # artifacts that one page holds; beyond that browsers stop scrolling
# How much of each part stands in the page itself, where a note says how much more there is.
_CAPS = SimpleNamespace(
    unread=50,
    defects=200,
    events=1_000,
    acquisitions=200,
    picture=400,
    stretches=500,
    findings=300,
    moments=200,
    partners=500,
)
_STATIC = 200  # artifacts that show without scripts
_ANSWERS = {CheckStatus.PASS: "✓ passed", CheckStatus.FAIL: "✗ failed", CheckStatus.NOT_CHECKED: "? not checked"}
_MARKED = (log.SEALED, log.ACCEPTED, log.OFFERED, log.DISPOSED, log.VERIFIED)


def pieces(report: CaseReport) -> Iterator[str]:
    """Yield the page bit by bit; what is not held in the model is never held here either."""
    template = _environment().get_template("page.html")
    yield from template.generate(_context(report))


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("evidence_kit.report.case", "."),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters.update(
        number=_number,
        counted=words.count,
        moment=_moment,
        instant=rfc3339,
        spaced=_spaced,
        told=_told,
        tenths=_tenths,
        prose=prose,
        period=period,
        parted=parted,
    )
    return made


def _context(report: CaseReport) -> Mapping[str, object]:
    style, script = _own("page.css"), _own("page.js")
    told = matrix.lines(report, with_reasons=True)
    held = tuple(islice(report.artifacts, _STATIC))
    return {
        "report": report,
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "tone": _tone(report),
        "numbers": _numbers(report),
        "sections": tuple(_sections(report)),
        "defects": report.verdict.report.defects,
        "defect_count": sum(len(one.defects) + one.more_defects for one in report.verdict.report.checks),
        "unsaid": tuple(one.label for one in report.description if not one.values),
        "marked": _MARKED,
        "answers": _ANSWERS | {"not_checked": _ANSWERS[CheckStatus.NOT_CHECKED]},
        "states": STATES,
        "span": report.span,
        "picture": matrix.lines(report),
        "stretches": tuple((line, one) for line in told for one in line.stretches if one.state is not COMPLETE),
        "runs": tuple(SimpleNamespace(run=run, graph=dag.drawn(run)) for run in report.runs),
        "cap": _CAPS,
        "first_artifacts": held,
        "embedded": min(report.counts.artifacts, EMBEDDED),
        "incident_data": drawing.incident_data(report),
        "artifact_data": drawing.artifact_data(islice(report.artifacts, EMBEDDED)),
        **drawing.chart(report),
    }


@cache
def _own(name: str) -> Markup:
    """Return a file of this package, as it is."""
    return Markup((files("evidence_kit.report.case") / name).read_text(encoding="utf-8"))  # noqa: S704 - our own


def _policy(style: str, script: str) -> str:
    """Return a policy under which only our own style and script run, and nothing is loaded or sent."""
    allowed = {"style-src": style, "script-src": script}
    hashes = "; ".join(f"{name} 'sha256-{_digest(text)}'" for name, text in allowed.items())
    return f"default-src 'none'; {hashes}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _tone(report: CaseReport) -> str:
    code, found = report.verdict.code, report.verdict.report
    if code in {Exit.OK, Exit.INCOMPLETE}:
        is_partial = found.missing_units or found.unsealed or found.pending or report.unread
        return "partly" if is_partial else "good"
    return "partly" if code is Exit.EMPTY else "bad"


def _numbers(report: CaseReport) -> Sequence[tuple[str, int]]:
    counts = report.counts
    return (
        ("artifacts", counts.artifacts),
        ("bytes", counts.bytes),
        ("records counted on arrival", counts.records),
        ("units of work", counts.units),
        ("of them not in full", counts.units_missing),
        ("sources", counts.sources),
        ("targets", counts.targets),
        ("acquisitions", counts.acquisitions),
        ("custody events", counts.events),
    )


def _sections(report: CaseReport) -> Iterator[tuple[str, str]]:
    if report.unread:
        yield "unread", "Not readable"
    yield from (("checks", "Checks"), ("about", "The case"), ("custody", "Custody"), ("seals", "Seals"))
    yield from (("coverage", "Coverage"), ("findings", "Findings"), ("incident", "Incident"))
    yield from ((f"run-{number}", run.playbook) for number, run in enumerate(report.runs, 1))
    yield from (("clocks", "Clocks"), ("partners", "Partners"))
    if report.answers:
        yield "answers", "Questions"
    yield from (("artifacts", "Artifacts"), ("how", "How to verify"))


# -- filters -----------------------------------------------------------------------------------------------------


def _number(value: int) -> str:
    return f"{value:,}"


def _moment(text: str) -> str:
    """Return a time to the second, as people read it."""
    return text[:19].replace("T", " ") if text[10:11] == "T" else text


def _spaced(text: str) -> str:
    return text.replace("_", " ")


def _tenths(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # no minus before a zero


def _told(line: Line) -> str:
    """Return a line of the picture in words."""
    return f"{line.source}, {line.target} {line.place}: " + "; ".join(
        f"{one.state.words} {one.said}" for one in line.stretches
    )
