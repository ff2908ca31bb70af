"""The questions that every partner is asked, as data: a YAML file, ours or the organisation's own."""

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

from evidence_kit.governance.agreement import stated
from evidence_kit.model.document import Document, did_you_mean, parse_document
from evidence_kit.model.time import parse_period

API_VERSION = "evidence-kit/assessment.v1"
STANDARD = "assessment.yaml"
# What can be asked, by where the answer comes from.
ANSWERS = (
    "inventory.agreement", "inventory.clauses", "inventory.deadline", "inventory.latency", "inventory.transfer",
    "inventory.expiry", "inventory.owner",
    "facts.soc2", "facts.iso27001", "facts.subprocessors", "facts.incidents", "facts.contacts",
    "check.reachable", "check.authorised", "check.fresh", "check.retention", "check.clock",
    "cases.collected", "cases.gaps", "cases.answered",
)  # fmt: skip
# Those that are measured in time; for `inventory.expiry` more is better, for all others less.
TIMED = frozenset(ANSWERS) - {
    "inventory.agreement", "inventory.clauses", "inventory.latency", "inventory.transfer", "inventory.owner",
    "facts.contacts", "cases.gaps",
}  # fmt: skip
_FIELDS = ("id", "question", "weight", "answer", "good", "most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. What is past `good` counts half, what is past `most` nothing."""

    id: str
    text: str
    weight: int
    answer: str
    good: timedelta | None = None
    most: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """All questions of one file, and its digest: a score means nothing without them."""

    name: str
    version: str
    digest: str
    questions: tuple[Question, ...]


def standard() -> Template:
    """Return the template that comes with the program."""
    return parse_template((files("evidence_kit.governance") / STANDARD).read_bytes(), name=STANDARD)


def parse_template(text: bytes, *, name: str) -> Template:
    """Read a template; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "name", "version", "questions"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Assessment":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Assessment`")
    questions = tuple(_question(doc, index) for index in range(len(doc.at(("questions",), list))))
    if not questions:
        raise doc.error(("questions",), "a template without questions finds everybody good")
    seen: set[str] = set()
    for index, one in enumerate(questions):
        if one.id in seen:
            raise doc.error(("questions", index, "id"), f"two questions are called `{one.id}`")
        seen.add(one.id)
    return Template(
        name=stated(doc, ("name",)), version=stated(doc, ("version",)), digest=doc.digest, questions=questions
    )


def _question(doc: Document, index: int) -> Question:
    at = ("questions", index)
    doc.allow(at, _FIELDS)
    answer, weight = doc.at((*at, "answer"), str), doc.at((*at, "weight"), int)
    if answer not in ANSWERS:
        raise doc.error((*at, "answer"), f"nobody can answer `{answer}`", hint=did_you_mean(answer, ANSWERS))
    if weight < 1:
        raise doc.error((*at, "weight"), "a weight is at least 1; leave out what does not count")
    good, most = (_period(doc, (*at, name)) for name in ("good", "most"))
    given = [period for period in (good, most) if period is not None]
    if len(given) != (2 if answer in TIMED else 0):
        said = "has `good` and `most`" if answer in TIMED else "is not measured in time: no `good`, no `most`"
        raise doc.error(at, f"`{answer}` {said}")
    if good is not None and most is not None and (good < most) == (answer == "inventory.expiry"):
        raise doc.error(at, "`good` is better than `most`", hint="for `inventory.expiry` longer is better")
    return Question(
        id=stated(doc, (*at, "id")),
        text=stated(doc, (*at, "question")),
        weight=weight,
        answer=answer,
        good=good,
        most=most,
    )


def _period(doc: Document, at: tuple[str | int, ...]) -> timedelta | None:
    said = doc.at(at, str, default="")
    return parse_period(said) if said else None
