"""How long it took until evidence was sealed: from the order, from the request, and from when somebody was aware."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

from evidence_kit.analysis.summaries import part
from evidence_kit.custody import log
from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_instant
from evidence_kit.report.case.doings import Run
from evidence_kit.report.case.holding import Acquisition
from evidence_kit.report.case.journal import Journal
from evidence_kit.report.portfolio.model import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stretch of waiting that is over."""

    kind: str
    name: str
    seconds: int
    from_aware: int | None


def spans(told: Journal, acquisitions: Sequence[Acquisition], runs: Sequence[Run]) -> Iterator[Span]:
    """Yield what one case has waited for: acquisitions by source, runs by playbook, requests by partner."""
    aware = _aware(told)
    sealed = {one.id: one.sealed_at for one in acquisitions if one.sealed_at}
    for one in acquisitions:
        if one.sealed_at:
            yield from _spans("source", one.sources, one.started_at, one.sealed_at, aware)
    for run in runs:
        ends = [sealed[step.acquisition] for step in run.steps if step.acquisition in sealed]
        if ends:
            yield from _spans("playbook", (run.playbook,), run.started_at, max(ends), aware)
    yield from _answered(told, aware)


def timings(found: Iterable[Span]) -> tuple[Timing, ...]:
    """Return the spans by kind and name: mean, median and longest."""
    by_name: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for one in found:
        by_name[one.kind, one.name].append(one)
    return tuple(_timing(kind, name, several) for (kind, name), several in sorted(by_name.items()))


def _timing(kind: str, name: str, several: Sequence[Span]) -> Timing:
    seconds = [one.seconds for one in several]
    aware = [one.from_aware for one in several if one.from_aware is not None]
    return Timing(
        kind=kind,
        name=name,
        count=len(several),
        mean=int(fmean(seconds)),
        median=int(median(seconds)),
        longest=max(seconds),
        aware_count=len(aware),
        from_aware=int(median(aware)) if aware else None,
    )


def _aware(told: Journal) -> datetime | None:
    """Return the earliest time at which, by a clock that a person started, somebody was aware."""
    starts = (part(one.fields, "clock").get("startsAt") for one in told.told if one.type == log.CLOCK_STARTED)
    return min((at for text in starts if (at := _at(text)) is not None), default=None)


def _spans(kind: str, names: Iterable[str], start: str, end: str, aware: datetime | None) -> Iterator[Span]:
    begun, ended = _at(start), _at(end)
    if begun is None or ended is None or ended < begun:
        return  # a record that contradicts itself: `verify` says so, and no average should hide it
    waited = int((ended - aware).total_seconds()) if aware is not None and aware <= ended else None
    for name in names:
        yield Span(kind=kind, name=name, seconds=int((ended - begun).total_seconds()), from_aware=waited)


def _answered(told: Journal, aware: datetime | None) -> Iterator[Span]:
    asked: dict[str, tuple[str, str]] = {}
    for one in told.told:
        if one.type == log.REQUESTED:
            said = part(one.fields, "request")
            partner = part(said, "partner")
            asked[str(said.get("id"))] = (one.at, str(partner.get("name") or partner.get("id") or ""))
        elif one.type == log.RECEIVED:
            before = asked.pop(str(part(one.fields, "receipt").get("request")), None)
            if before is not None:  # the first delivery ends the waiting
                yield from _spans("partner", (before[1],), before[0], one.at, aware)


def _at(text: object) -> datetime | None:
    try:
        return parse_instant(str(text)) if text else None
    except UsageError:
        return None
