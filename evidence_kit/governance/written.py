"""Answers from what people wrote down: the agreement, and the facts in the inventory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from evidence_kit.governance.agreement import Agreement
from evidence_kit.governance.assurance import Assurance, Paper
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.template import Question
from evidence_kit.model.time import spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer: its credit from 0 to 1, None where nobody knows; in words, from where, and as of when."""

    credit: float | None
    said: str
    evidence: str = ""
    as_of: datetime | None = None


Answering = Callable[[Question, Entry, datetime], Found]


def missing(said: str, evidence: str = "") -> Found:
    """Return the answer that nobody has."""
    return Found(credit=None, said=said, evidence=evidence)


def within(lasting: timedelta, question: Question) -> float:
    """Return the credit of a period: all of it up to `good`, half up to `most`."""
    if question.good is None or question.most is None:
        raise ValueError(f"`{question.id}` is not measured in time")
    return 1.0 if lasting <= question.good else 0.5 if lasting <= question.most else 0.0


def midnight(day: date) -> datetime:
    """Return the beginning of a day, in UTC."""
    return datetime.combine(day, time(), UTC)


def _where(agreement: Agreement) -> str:
    return f"agreement {agreement.reference}, in the inventory"


def _in_force(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    if (agreed := entry.agreement) is None:
        return missing("no agreement is on record")
    if agreed.is_over(at):
        return Found(credit=0.0, said=f"it ended on {agreed.expires}", evidence=_where(agreed))
    return Found(credit=1.0, said=f"{agreed.reference} is in force", evidence=_where(agreed))


def _clauses(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    if (agreed := entry.agreement) is None:
        return missing("no agreement is on record")
    held = sum(bool(clause) for clause in agreed.evidence.values())
    said = f"{held} of {len(agreed.evidence)} classes have a clause: {', '.join(agreed.evidence)}"
    return Found(credit=held / len(agreed.evidence), said=said, evidence=_where(agreed))


def _deadline(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    agreed = entry.agreement
    if agreed is None or agreed.notify_within is None:
        return missing("no deadline is on record")
    said = f"within {spelled(agreed.notify_within)}"
    return Found(credit=within(agreed.notify_within, question), said=said, evidence=_where(agreed))


def _latency(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    agreed = entry.agreement
    if agreed is None or agreed.latency is None:
        return missing("no latency is on record")
    return Found(credit=1.0, said=f"records within {spelled(agreed.latency)}", evidence=_where(agreed))


def _transfer(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    where, agreed = entry.jurisdiction, entry.agreement
    if agreed is not None and agreed.transfer:
        return Found(credit=1.0, said=agreed.transfer, evidence=_where(agreed))
    if not where.data or not where.subjects:
        return missing("no mechanism is on record, nor where the data and their subjects are")
    if set(where.subjects) <= set(where.data) and len(where.data) == 1:
        said = f"none is needed: data and subjects are in {where.data[0]}"
        return Found(credit=1.0, said=said, evidence="jurisdiction, in the inventory")
    return missing(f"data in {', '.join(where.data)} of subjects in {', '.join(where.subjects)}, and no mechanism")


def _expiry(question: Question, entry: Entry, at: datetime) -> Found:
    agreed = entry.agreement
    if agreed is None or agreed.expires is None:
        return missing("no end is on record")
    left = midnight(agreed.expires) + timedelta(days=1) - at
    if question.good is None or question.most is None:
        raise ValueError(f"`{question.id}` is not measured in time")
    credit = 1.0 if left >= question.good else 0.5 if left >= question.most else 0.0
    said = (
        f"until {agreed.expires}, {left.days} days left" if left > timedelta(0) else f"it ended on {agreed.expires}"
    )
    return Found(credit=credit, said=said, evidence=_where(agreed))


def _owner(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    theirs = entry.agreement.contact_role if entry.agreement else ""
    if not entry.owner and not theirs:
        return missing("neither an `owner` nor a `contactRole` is on record")
    said = f"ours {entry.owner or 'not on record'}, theirs {theirs or 'not on record'}"
    return Found(credit=(bool(entry.owner) + bool(theirs)) / 2, said=said, evidence="the inventory")


def _paper(name: str) -> Answering:
    def answer(question: Question, entry: Entry, at: datetime) -> Found:
        paper: Paper | None = entry.assurance.papers.get(name) if entry.assurance else None
        if paper is None:
            return missing("none is on record")
        issued = midnight(paper.issued)
        evidence = f"{paper.reference or name}, in the inventory"
        if issued > at:
            return Found(credit=0.0, said=f"dated {paper.issued}, in the future", evidence=evidence, as_of=issued)
        if paper.expires is not None and at >= midnight(paper.expires) + timedelta(days=1):
            return Found(credit=0.0, said=f"expired on {paper.expires}", evidence=evidence, as_of=issued)
        credit = within(at - issued, question)
        return Found(credit=credit, said=f"issued on {paper.issued}", evidence=evidence, as_of=issued)

    return answer


def _confirmed(found: Assurance, question: Question, at: datetime) -> tuple[float, datetime | None, str]:
    """Return how much a statement still counts; one that nobody dated counts half."""
    if found.confirmed is None:
        return 0.5, None, "; nobody wrote down when it was confirmed"
    moment = midnight(found.confirmed)
    return within(max(at - moment, timedelta(0)), question), moment, ""


def _subprocessors(question: Question, entry: Entry, at: datetime) -> Found:
    facts = entry.assurance
    if facts is None or facts.subprocessors is None:
        return missing("no list is on record")
    credit, as_of, note = _confirmed(facts, question, at)
    said = f"{len(facts.subprocessors)}: {', '.join(facts.subprocessors)}" if facts.subprocessors else "none, it says"
    return Found(credit=credit, said=said + note, evidence="assurance, in the inventory", as_of=as_of)


def _incidents(question: Question, entry: Entry, at: datetime) -> Found:
    """Hold each notification against the agreed deadline; one whose delay nobody wrote down was not in time."""
    facts = entry.assurance
    if facts is None or facts.incidents is None:
        return missing("nothing is on record, not even that there were none")
    fresh, as_of, note = _confirmed(facts, question, at)
    evidence = "assurance, in the inventory"
    if not facts.incidents:
        return Found(credit=fresh, said=f"none, it says{note}", evidence=evidence, as_of=as_of)
    limit = entry.agreement.notify_within if entry.agreement else None
    if limit is None:
        return missing(f"{len(facts.incidents)} on record, and no deadline to hold them against", evidence)
    timely = sum(one.notified_after is not None and one.notified_after <= limit for one in facts.incidents)
    said = f"{timely} of {len(facts.incidents)} notified within {spelled(limit)}{note}"
    return Found(credit=fresh * timely / len(facts.incidents), said=said, evidence=evidence, as_of=as_of)


def _contacts(question: Question, entry: Entry, at: datetime) -> Found:  # noqa: ARG001
    facts = entry.assurance
    if facts is None or not facts.contacts:
        return missing("none is on record")
    return Found(credit=1.0, said=", ".join(sorted(facts.contacts)), evidence="assurance, in the inventory")


WRITTEN: Mapping[str, Answering] = {
    "inventory.agreement": _in_force,
    "inventory.clauses": _clauses,
    "inventory.deadline": _deadline,
    "inventory.latency": _latency,
    "inventory.transfer": _transfer,
    "inventory.expiry": _expiry,
    "inventory.owner": _owner,
    "facts.soc2": _paper("soc2"),
    "facts.iso27001": _paper("iso27001"),
    "facts.subprocessors": _subprocessors,
    "facts.incidents": _incidents,
    "facts.contacts": _contacts,
}
