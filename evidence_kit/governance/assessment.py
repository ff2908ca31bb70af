"""Scores a partner by a template of questions: each answer with its evidence and age, none made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.shown import Shown, by_cases, by_check, latest
from evidence_kit.governance.template import Question, Template
from evidence_kit.governance.written import WRITTEN, Found
from evidence_kit.model.dealings import Dealings
from evidence_kit.model.time import rfc3339


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and what is known of it."""

    question: Question
    found: Found

    @property
    def state(self) -> str:
        """Return `good`, `partly`, `poor` or `missing`."""
        credit = self.found.credit
        return "missing" if credit is None else "good" if credit >= 1 else "partly" if credit > 0 else "poor"

    @property
    def points(self) -> float:
        """Return what it earns; nothing where it is missing."""
        return self.question.weight * (self.found.credit or 0.0)

    def to_json(self, at: datetime) -> dict[str, Any]:
        """Return plain data."""
        as_of = self.found.as_of
        return {
            "id": self.question.id,
            "question": self.question.text,
            "weight": self.question.weight,
            "points": round(self.points, 2),
            "state": self.state,
            "said": self.found.said,
            "evidence": self.found.evidence,
            "asOf": rfc3339(as_of) if as_of else "",
            "ageDays": max(at - as_of, timedelta(0)).days if as_of else None,
        }


@dataclass(frozen=True, slots=True)
class Earlier:
    """A score of before, from the register."""

    at: datetime
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All answers about one partner at one time."""

    entry: Entry
    at: datetime
    template: Template
    answers: tuple[Answer, ...]
    earlier: tuple[Earlier, ...] = ()

    @property
    def score(self) -> int:
        """Return 0 to 100, rounded down."""
        return int(100 * sum(one.points for one in self.answers) / self._weights)

    @property
    def known(self) -> int:
        """Return how much of the weight has any answer, in percent, rounded down."""
        answered = sum(one.question.weight for one in self.answers if one.found.credit is not None)
        return int(100 * answered / self._weights)

    @property
    def _weights(self) -> int:
        return sum(one.question.weight for one in self.answers)

    @property
    def change(self) -> int | None:
        """Return by how much the score differs from the one before."""
        return self.score - self.earlier[-1].score if self.earlier else None

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as the register keeps it."""
        target, template = self.entry.target, self.template
        return {
            "name": target.name or target.id,
            "provider": target.provider,
            "id": target.id,
            "at": rfc3339(self.at),
            "score": self.score,
            "known": self.known,
            "template": {"name": template.name, "version": template.version, "sha256": template.digest},
            "answers": [one.to_json(self.at) for one in self.answers],
        }


def assess(
    entry: Entry,
    template: Template,
    *,
    at: datetime,
    checks: Sequence[Shown] = (),
    dealings: Dealings | None = None,
    earlier: Mapping[tuple[str, str], tuple[Earlier, ...]] | None = None,
) -> Assessment:
    """Answer every question about one partner."""
    rows = latest(checks, entry.target, at)
    known = dealings or Dealings()

    def found(question: Question) -> Found:
        if (written := WRITTEN.get(question.answer)) is not None:
            return written(question, entry, at)
        if question.answer.startswith("check."):
            return by_check(question, rows, at)
        return by_cases(question, known, at)

    return Assessment(
        entry=entry,
        at=at,
        template=template,
        answers=tuple(Answer(question, found(question)) for question in template.questions),
        earlier=(earlier or {}).get((entry.target.provider, entry.target.id), ()),
    )
