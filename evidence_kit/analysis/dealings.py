"""What the cases at hand show of one target. They are read as they stand; whether they are sound is `verify`'s."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.history import Told, history
from evidence_kit.analysis.requested import read_answers
from evidence_kit.analysis.summaries import part
from evidence_kit.custody import log
from evidence_kit.model.dealings import Answered, Dealings, Taking
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import parse_instant
from evidence_kit.model.unit import Target

_INTAKE = "intake"  # what a partner delivers comes through sources that are no provider's own
_BROUGHT = frozenset({UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED})


def read_dealings(cases: Sequence[tuple[str, Vault]], target: Target) -> Dealings:
    """Read the dealings with one target from all cases, each with what it is called."""
    takings: list[Taking] = []
    answers: list[Answered] = []
    cells, missing = 0, 0
    for name, vault in cases:
        told = history(vault)
        takings += _takings(name, vault, told, target)
        answers += _answers(name, vault, told, target)
        for row in read_coverage(vault).rows:
            if row.target == target.id and row.source.partition(".")[0] in {target.provider, _INTAKE}:
                cells += len(row.cells)
                missing += sum(cell.status is None or not cell.status.is_whole for cell in row.cells)
    return Dealings(
        cases=len(cases),
        takings=tuple(sorted(takings, key=lambda one: one.sealed_at)),
        answers=tuple(sorted(answers, key=lambda one: one.asked_at)),
        cells=cells,
        open=missing,
    )


def _takings(case: str, vault: Vault, told: Sequence[Told], target: Target) -> Iterator[Taking]:
    sealed = {
        str(part(one.fields, "acquisition").get("id", "")): parse_instant(one.at)
        for one in told
        if one.type == log.SEALED
    }
    for root in bagfiles.bags(vault):
        name = root.rpartition("/")[2]
        ends = [
            one.outcome.status if one.outcome else None
            for one in bagfiles.units(vault, root)
            if (one.unit.target.provider, one.unit.target.id) == (target.provider, target.id)
        ]
        if ends and (at := sealed.get(name)):
            yield Taking(
                case=case,
                acquisition=name,
                sealed_at=at,
                units=len(ends),
                whole=sum(end is not None and end.is_whole for end in ends),
                brought=sum(end in _BROUGHT for end in ends),
            )


def _answers(case: str, vault: Vault, told: Sequence[Told], target: Target) -> Iterator[Answered]:
    """Pair each request to a target with its best receipt: the first over all of it, else the first at all.

    A delivery can be complete and the request not: what came was sound, and something asked for was not in it.
    """
    wholes = {known.asked.id: known.whole for known in read_answers(vault)}
    answers: dict[str, tuple[datetime, bool]] = {}
    for one in told:
        if one.type == log.RECEIVED:
            said = part(one.fields, "receipt")
            key = str(said.get("request", ""))
            whole = said.get("status") == UnitStatus.COMPLETE and said.get("acquisition") in wholes.get(key, ())
            if key not in answers or (whole and not answers[key][1]):
                answers[key] = parse_instant(one.at), whole
    for one in told:
        partner = part(one.fields, "request", "partner")
        if one.type == log.REQUESTED and (partner.get("provider"), partner.get("id")) == (target.provider, target.id):
            said = part(one.fields, "request")
            at, whole = answers.get(str(said.get("id", "")), (None, False))
            yield Answered(
                case=case, asked_at=parse_instant(one.at), due=_day(said.get("deadline")), answered_at=at, whole=whole
            )


def _day(said: object) -> date | None:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        return None
