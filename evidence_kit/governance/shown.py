"""Answers from what a partner showed: the latest check of its APIs, and the cases that hold its evidence."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_kit.errors import UsageError
from evidence_kit.governance.checking import Grade, lasting
from evidence_kit.governance.template import Question
from evidence_kit.governance.written import Found, midnight, missing, within
from evidence_kit.model.dealings import Answered, Dealings
from evidence_kit.model.time import parse_instant
from evidence_kit.model.unit import Target

_CREDIT = {Grade.OK: 1.0, Grade.WARN: 0.5, Grade.FAIL: 0.0, Grade.UNTOLD: 0.0}
_LISTED = 4  # acquisitions that a trend names


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One row of `partners check --json`: how each aspect of one connector at one partner stood."""

    provider: str
    id: str
    connector: str
    at: datetime
    aspects: Mapping[str, tuple[Grade, str]]


def parse_checks(text: bytes, *, name: str) -> tuple[Shown, ...]:
    """Read what `partners check --json` wrote; UsageError says what is not that."""
    try:
        rows = json.loads(text)
        if not isinstance(rows, list):
            raise TypeError("rows")  # noqa: TRY301 - said below, once for all
        return tuple(
            Shown(
                provider=str(row["provider"]),
                id=str(row["id"]),
                connector=str(row["connector"]),
                at=parse_instant(row["checkedAt"]),
                aspects={
                    str(aspect): (Grade(said["verdict"]), str(said["said"]))
                    for aspect, said in row["aspects"].items()
                },
            )
            for row in rows
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"`{name}` is not what `partners check --json` writes") from error


def latest(rows: Iterable[Shown], target: Target, at: datetime) -> tuple[Shown, ...]:
    """Return the last row of each connector at a target; what is dated after `at` was not seen yet."""
    found: dict[str, Shown] = {}
    for row in rows:
        known = found.get(row.connector)
        theirs = (row.provider, row.id) == (target.provider, target.id)
        if theirs and row.at <= at and (known is None or row.at >= known.at):
            found[row.connector] = row
    return tuple(found.values())


def by_check(question: Question, rows: Sequence[Shown], at: datetime) -> Found:
    """Answer from the last checks of all connectors; what one of them does not tell earns nothing."""
    aspect = question.answer.partition(".")[2]
    told = [(row, *row.aspects.get(aspect, (Grade.UNTOLD, "not told"))) for row in rows]
    if all(grade is Grade.UNTOLD for _, grade, _ in told):
        return missing("no check is at hand" if not rows else "; ".join(dict.fromkeys(said for _, _, said in told)))
    as_of = min(row.at for row in rows)
    credit = sum(_CREDIT[grade] for _, grade, _ in told) / len(told)
    worst = sorted(told, key=lambda one: _CREDIT[one[1]])
    said = "; ".join(f"{row.connector} {grade.value}: {text}" for row, grade, text in worst)
    return Found(credit=credit * within(at - as_of, question), said=said, evidence="`partners check`", as_of=as_of)


def by_cases(question: Question, dealings: Dealings, at: datetime) -> Found:
    """Answer from the cases at hand."""
    if not dealings.cases:
        return missing("no case is at hand")
    return {"collected": _collected, "gaps": _gaps, "answered": _answered}[question.answer.partition(".")[2]](
        question, dealings, at
    )


def _collected(question: Question, dealings: Dealings, at: datetime) -> Found:
    last = dealings.last_success
    if last is None:
        return missing("never, as far as the cases at hand go")
    age = max(at - last.sealed_at, timedelta(0))
    said = f"{lasting(age)} ago, {last.brought} of {last.units} units in full"
    evidence = f"case {last.case}, acquisition {last.acquisition}"
    return Found(credit=within(age, question), said=said, evidence=evidence, as_of=last.sealed_at)


def _gaps(question: Question, dealings: Dealings, at: datetime) -> Found:  # noqa: ARG001
    if not dealings.cells:
        return missing("nothing was asked of it, as far as the cases at hand go")
    whole = dealings.cells - dealings.open
    by_time = ", ".join(f"{one.sealed_at:%Y-%m-%d} {one.whole} of {one.units}" for one in dealings.takings[-_LISTED:])
    return Found(
        credit=whole / dealings.cells,
        said=f"{whole} of {dealings.cells} stretches in full; by acquisition: {by_time or 'none is sealed'}",
        evidence=f"coverage of {dealings.cases} case{'' if dealings.cases == 1 else 's'}",
        as_of=dealings.takings[-1].sealed_at if dealings.takings else None,
    )


def _answered(question: Question, dealings: Dealings, at: datetime) -> Found:
    """Give each request its own credit; one that is not answered and not yet due does not count."""
    due = [one for one in dealings.answers if one.answered_at or _timely(one, at, question) < 1]
    if not due:
        said = "no request is on record" if not dealings.answers else "no request is due yet"
        return missing(said)
    earned = [_earned(one, question) for one in due]
    times = [one.answered_at - one.asked_at for one in due if one.answered_at]
    slowest = f", the slowest after {lasting(max(times))}" if times else ""
    late = sum(credit < 1 for credit in earned)
    return Found(
        credit=sum(earned) / len(earned),
        said=f"{len(times)} of {len(due)} requests answered{slowest}; {late} late or in part",
        evidence="custody log of the cases at hand",
        as_of=max(one.answered_at or one.asked_at for one in due),
    )


def _timely(one: Answered, at: datetime, question: Question) -> float:
    """Return the credit of an answer at `at`: by the day it was due, or where none was set by the template."""
    if one.due is not None:
        return 1.0 if at < midnight(one.due) + timedelta(days=1) else 0.0
    return within(at - one.asked_at, question)


def _earned(one: Answered, question: Question) -> float:
    if one.answered_at is None:
        return 0.0
    return _timely(one, one.answered_at, question) * (1.0 if one.whole else 0.5)
