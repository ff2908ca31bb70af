"""Reads cases into the plain data that controls are told from; with a trust policy each case is verified first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from evidence_kit.acquire.case import read_description
from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.history import Told, read_log
from evidence_kit.analysis.requested import read_answers
from evidence_kit.analysis.summaries import part
from evidence_kit.custody import bag, log, strict
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.governance.controls.recorded import (
    AnswerRecord,
    CaseRecord,
    Checked,
    EventRecord,
    Records,
    UnitRecord,
)
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.vaults.local import LocalVault


def read_records(
    vaults: Sequence[LocalVault],
    *,
    period: Window,
    at: datetime,
    trust: Trust | None = None,
    entries: Sequence[Entry] | None = None,
    specs: Mapping[str, SourceSpec],
) -> Records:
    """Read all cases; a broken log raises, for half of one would read as if the rest had not happened."""
    return Records(
        cases=[read_case(vault, trust) for vault in vaults],
        period=period,
        at=at,
        answers=[one for vault in vaults for one in _answers(vault)],
        entries=entries,
        sources={name: spec.provider for name, spec in specs.items()},
        classes={name: spec.evidence for name, spec in specs.items()},
    )


def read_case(vault: LocalVault, trust: Trust | None) -> CaseRecord:
    """Read one case."""
    description = read_description(vault)
    told, state = read_log(vault)
    case = state.case
    report = verify_case(vault, name=case, trust=trust, options=Options()) if trust else None
    return CaseRecord(
        id=case,
        title=str(description.get("title", "")),
        head=state.tree.root().hex(),
        events=[_event(case, one) for one in told],
        units=list(_units(vault, case, told)),
        checks={one.id: Checked(status=one.status.value, summary=one.summary) for one in report.checks}
        if report
        else {},
        verdict=report.exit().name if report else "",
        description=description,
        measured=frozenset(_measured(vault)),
    )


def _event(case: str, told: Told) -> EventRecord:
    return EventRecord(
        case=case,
        seq=told.seq,
        at=parse_instant(told.at),
        type=told.type,
        actor=told.actor,
        keyid=told.keyid,
        said=told.fields,
    )


def _units(vault: Vault, case: str, told: Sequence[Told]) -> Iterator[UnitRecord]:
    started = {part(one.fields, "acquisition").get("id"): one.at for one in told if one.type == log.STARTED}
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            unit, outcome = ended.unit, ended.outcome
            yield UnitRecord(
                case=case,
                acquisition=ended.acquisition,
                at=parse_instant(started[ended.acquisition]),
                id=unit.id,
                source=unit.source,
                target=unit.target,
                region=unit.region,
                stream=unit.stream,
                window=unit.window,
                status=outcome.status.value if outcome else "",
                whole=outcome is not None and outcome.status.is_whole,
            )


def _measured(vault: Vault) -> Iterator[str]:
    """Yield the acquisitions whose record has the offset of at least one provider's clock."""
    for root in bagfiles.bags(vault):
        if vault.stat(f"{root}/{bag.ACQUISITION}") is None:
            continue
        with vault.open(f"{root}/{bag.ACQUISITION}") as stream:
            record = strict.decode(stream.read(strict.MAX_DOCUMENT + 1))
        if part(record, "clock").get("providers"):
            yield root.rpartition("/")[2]


def _answers(vault: Vault) -> Iterator[AnswerRecord]:
    """Yield each request with the first receipt over all of it, else the first at all."""
    told, state = read_log(vault)
    wholes = {known.asked.id: known.whole for known in read_answers(vault)}
    best: dict[str, tuple[datetime, bool]] = {}
    for one in told:
        if one.type == log.RECEIVED:
            said = part(one.fields, "receipt")
            key = str(said.get("request", ""))
            whole = said.get("status") == UnitStatus.COMPLETE and said.get("acquisition") in wholes.get(key, ())
            if key not in best or (whole and not best[key][1]):
                best[key] = parse_instant(one.at), whole
    for one in told:
        if one.type == log.REQUESTED:
            said, partner = part(one.fields, "request"), part(one.fields, "request", "partner")
            name = str(said.get("id", ""))
            answered = best.get(name)
            yield AnswerRecord(
                case=state.case,
                request=name,
                provider=str(partner.get("provider", "")),
                target=str(partner.get("id", "")),
                asked_at=parse_instant(one.at),
                due=_due(said.get("deadline")),
                answered_at=answered[0] if answered else None,
                whole=answered is not None and answered[1],
            )


def _due(said: object) -> datetime | None:
    """Return the end of a last day, in UTC."""
    try:
        last = date.fromisoformat(str(said))
    except ValueError:
        return None
    return datetime.combine(last, time(), tzinfo=UTC) + timedelta(days=1)
