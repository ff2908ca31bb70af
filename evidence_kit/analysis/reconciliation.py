"""Reconciliation: where two accounts of the same evidence disagree, and what providers themselves say they lost.

Each disagreement says what, where and how many, with the first ids and the sealed artifacts that it is about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from evidence_kit.analysis.coverage import Coverage
from evidence_kit.analysis.crosscheck import LOOKUP, MAX_NAMED, CrossCheck
from evidence_kit.analysis.oracles import Tally, tallies
from evidence_kit.analysis.passes import Change, changes
from evidence_kit.analysis.remembered import Counts
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus

_LOSSES = (UnitStatus.SAMPLED_AT_SOURCE, UnitStatus.EXCLUDED_AT_SOURCE)
# What the provider says it lost, what answers do not hold that was asked for, and counts that were not to be had.
_TOLD = frozenset(
    {
        *(status.value for status in _LOSSES),
        "exclusion",
        "not_counted",
        "not_answered",
        "answers_another_question",
        "answered_alike",
    }
)


class Place(NamedTuple):
    """Where records come from: a row of coverage."""

    source: str
    target: str
    region: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One place where accounts differ; `count` is how many records, or notes of loss, it is about."""

    kind: str
    message: str
    place: Place
    unit: str = ""
    count: int = 0
    first: tuple[str, ...] = ()  # ids, no more than MAX_NAMED
    artifacts: tuple[str, ...] = ()  # likewise
    more: int = 0  # records whose ids are not among them
    facts: Mapping[str, str] = field(default_factory=dict)


def reconcile(
    vault: Vault,
    found: Coverage,
    checked: CrossCheck | None,
    specs: Mapping[str, SourceSpec],
    counts: Counts | None = None,
) -> tuple[Disagreement, ...]:
    """Return every disagreement: two witnesses, counts, totals, passes, and losses on the provider's side."""
    return (
        *_witnesses(checked),
        *(said for tally in tallies(vault, specs, counts, found.held) for said in _tallied(tally)),
        *_passes(changes(vault, specs, found.passes)),
        *_losses(found),
    )


def _witnesses(checked: CrossCheck | None) -> Iterator[Disagreement]:
    for alone in checked.alone if checked else ():
        lookup = alone.source == LOOKUP
        where, absent = (
            ("the event history", "the delivered files") if lookup else ("the delivered files", "the event history")
        )
        message = f"{_count(alone.count, 'management event')} in {where} and not in {absent}"
        yield Disagreement(
            kind="not_delivered" if lookup else "not_in_history",
            message=f"{message} ({alone.first} – {alone.last})",
            place=Place(alone.source, alone.target, alone.region),
            count=alone.count,
            first=tuple(alone.events),
            artifacts=tuple(alone.artifacts),
            more=alone.count - len(alone.events),
        )


def _tallied(tally: Tally) -> Iterator[Disagreement]:
    if tally.unreadable:
        message = (
            f"{_count(len(tally.unreadable), 'artifact')} could not be counted; the first: {tally.unreadable[0]}"
        )
        yield _of_unit(tally, "not_counted", message, len(tally.unreadable))
        return
    if tally.lost:
        message = f"{_count(tally.lost, 'line')} say SKIPDATA: the provider did not record what passed then"
        yield _of_unit(tally, "skipped_by_provider", message, tally.lost)
    if tally.said is not None and tally.said != tally.stored:
        message = f"the provider counts {tally.said:,}, {tally.stored:,} are stored"
        kind = "fewer_than_counted" if tally.stored < tally.said else "more_than_counted"
        yield _of_unit(tally, kind, message, abs(tally.said - tally.stored))


def _of_unit(tally: Tally, kind: str, message: str, count: int) -> Disagreement:
    facts = {"acquisition": tally.acquisition, "oracle": tally.oracle, "stored": str(tally.stored)}
    if tally.said is not None:
        facts["counted"] = str(tally.said)
    if len(tally.artifacts) > MAX_NAMED:
        facts["artifactsInAll"] = str(len(tally.artifacts))
    return Disagreement(
        kind=kind, message=message, place=place_of(tally.unit), unit=tally.unit, count=count,
        artifacts=tuple(tally.artifacts[:MAX_NAMED]), more=0, facts=facts,
    )  # fmt: skip


def _passes(found: tuple[Change, ...]) -> Iterator[Disagreement]:
    for change in found:
        facts = {"before": change.before, "after": change.after, "inBoth": str(change.both)}
        said = (
            ("delivered_late", change.late, "came only with the later pass"),
            ("no_longer_shown", change.gone, "came with the earlier pass, and the provider no longer shows them"),
        )
        for kind, count, what in said:
            if count:
                message = f"{_count(count, 'record')} {what}"
                yield Disagreement(
                    kind=kind,
                    message=message,
                    place=place_of(change.unit),
                    unit=change.unit,
                    count=count,
                    facts=facts,
                )


def _losses(found: Coverage) -> Iterator[Disagreement]:
    told: set[tuple[Place, str]] = set()
    for row in found.rows:
        place = Place(row.source, row.target, row.region, row.stream)
        for cell in row.cells:
            message = cell.reason or (cell.status.meaning if cell.status else "")
            if cell.status in _LOSSES and (place, message) not in told:
                told.add((place, message))
                facts = {"acquisition": cell.acquisition}
                yield Disagreement(kind=cell.status.value, message=message, place=place, facts=facts)
    for unit, finding in found.findings:
        differs = finding.kind == "count_differs"
        if (differs or finding.kind in _TOLD) and (place_of(unit), finding.message) not in told:
            told.add((place_of(unit), finding.message))
            yield Disagreement(
                kind="counted_otherwise" if differs else finding.kind,
                message=finding.message,
                place=place_of(unit),
                unit=unit,
                facts=dict(finding.facts),
            )


def place_of(unit: str) -> Place:
    """Return where a unit is, by its identity; a stream may hold the sign that parts the others."""
    source, target, region, *stream, _ = unit.split("|")
    said = "|".join(stream)
    return Place(source, target, "" if region == "-" else region, "" if said == "-" else said)


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
