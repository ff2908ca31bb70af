"""Facts about targets: what was collected from each, and what is agreed with those whom somebody else runs."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from evidence_kit.governance.controls.items import Asked, Item, Limits, shown
from evidence_kit.governance.controls.recorded import Records, UnitRecord
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339, spelled
from evidence_kit.model.unit import Target

# Where a region does not exist nothing can happen. What is merely switched off leaves no record of what does happen:
# a unit of it lost nothing, and still shows no logging.
_GOT = frozenset({UnitStatus.COMPLETE, UnitStatus.REGION_DISABLED})
_NOT_SEEN = frozenset(
    {
        UnitStatus.COMPLETE_UNSETTLED,
        UnitStatus.DENIED,
        UnitStatus.DENIED_BY_POLICY,
        UnitStatus.OUT_OF_SCOPE,
        UnitStatus.SKIPPED_BY_OPERATOR,
    }
)
_WORTH = {True: 2, False: 1, None: 0}  # to know that something is missing is more than not to know


def _got(unit: UnitRecord) -> bool | None:
    """Say whether a unit shows all of its records: yes, no, or (None) nobody looked or looked to the end."""
    if not unit.status or unit.status in _NOT_SEEN:
        return None
    return unit.status in _GOT


def wants(records: Records, limits: Limits, source: str) -> bool:
    """Say whether a source is of the family, by its name or by its class of evidence."""
    if any(fnmatchcase(source, glob) for glob in limits.globs):
        return True
    return bool(set(limits.classes) & set(records.classes.get(source, ())))


def is_possible(records: Records, target: Target, limits: Limits) -> bool:
    """Say whether any known source of the target's provider is of the family; else nothing can be missing."""
    return any(
        provider == target.provider and wants(records, limits, source) for source, provider in records.sources.items()
    ) or any(wants(records, limits, unit.source) for unit in records.units(target))


def _units(records: Records, target: Target | None, limits: Limits) -> list[UnitRecord]:
    """Return each unit once, by its best try: a later acquisition may have brought what an earlier one did not."""
    best: dict[str, UnitRecord] = {}
    for unit in records.units(target) if target else ():
        if wants(records, limits, unit.source):
            known = best.get(unit.id)
            if known is None or _WORTH[_got(unit)] >= _WORTH[_got(known)]:
                best[unit.id] = unit
    return list(best.values())


def collected(asked: Asked) -> Iterator[Item]:
    """Yield each unit of the family about the period: whether the provider gave all of it."""
    for unit in _units(asked.records, asked.target, asked.limits):
        said = f"{unit.status or 'without an end'}, case {unit.case}, acquisition {unit.acquisition}"
        yield shown(unit.id, said, by=_got(unit))


def covered(asked: Asked) -> Iterator[Item]:
    """Yield each stream of the family: whether whole units follow one another over the whole period."""
    streams: dict[str, list[Window]] = {}
    for unit in _units(asked.records, asked.target, asked.limits):
        if unit.window is not None:
            name = "|".join((unit.source, unit.target.id, unit.region or "-", unit.stream or "-"))
            streams.setdefault(name, []).extend([unit.window] if _got(unit) else [])
    for name, windows in streams.items():
        gaps = list(_gaps(windows, asked.records.period))
        first = f"; the first gap is {rfc3339(gaps[0].start)} to {rfc3339(gaps[0].end)}" if gaps else ""
        lost = sum((gap.end - gap.start for gap in gaps), timedelta())
        yield shown(name, f"{spelled(lost)} of the period not covered{first}" if gaps else "covered", by=not gaps)


def _gaps(windows: Iterable[Window], period: Window) -> Iterator[Window]:
    """Yield what no window covers of a period."""
    at = period.start
    for window in sorted(windows, key=lambda one: one.start):
        if window.start > at:
            yield Window(at, min(window.start, period.end))
        at = max(at, window.end)
        if at >= period.end:
            return
    yield Window(at, period.end)


def requests_answered(asked: Asked) -> Iterator[Item]:
    """Yield each request for evidence within the period: whether all of it came in time."""
    for one in asked.records.answers:
        if asked.target is None or (one.provider, one.target) != (asked.target.provider, asked.target.id):
            continue
        if one.asked_at in asked.records.period:
            name = f"{one.case} request {one.request}"
            if one.answered_at is None:
                late = one.due is not None and one.due <= asked.records.at
                yield shown(name, "not answered, overdue" if late else "not answered yet", by=False if late else None)
            else:
                in_time = one.due is None or one.answered_at < one.due
                said = f"answered {rfc3339(one.answered_at)}, {'all of it' if one.whole else 'not all of it'}"
                yield shown(name, f"{said}{'' if in_time else ', late'}", by=one.whole and in_time)


# -- agreements ----------------------------------------------------------------------------------------------------


def _entry(records: Records, target: Target | None) -> Entry | None:
    return records.entry(target) if target else None


def agreement_in_force(asked: Asked) -> Iterator[Item]:
    """Yield the agreement with a partner: whether it lasts to the end of the period."""
    entry = _entry(asked.records, asked.target)
    if entry is None:
        return
    if (agreement := entry.agreement) is None:
        yield shown(f"agreement with {entry.target.label}", "none is on file", by=False)
        return
    end = min(asked.records.period.end - timedelta(microseconds=1), asked.records.at)
    until = f"expires {agreement.expires}" if agreement.expires else "no end is on file"
    yield shown(f"agreement {agreement.reference}", until, by=not agreement.is_over(end))


def agreement_covers(asked: Asked) -> Iterator[Item]:
    """Yield each class of evidence: whether a clause allows it to be taken."""
    entry = _entry(asked.records, asked.target)
    if entry is None or entry.agreement is None:
        return
    for name in asked.limits.classes:
        clause = entry.agreement.evidence.get(name)
        said = "no clause" if clause is None else clause or "allowed, no clause named"
        yield shown(f"agreement {entry.agreement.reference} {name}", said, by=clause is not None)


def notice_agreed(asked: Asked) -> Iterator[Item]:
    """Yield the agreement with a partner: whether it must tell of incidents soon enough."""
    entry = _entry(asked.records, asked.target)
    if entry is None or entry.agreement is None:
        return
    period = entry.agreement.notify_within
    said = f"within {spelled(period)}" if period is not None else "no period agreed"
    by = period is not None and (asked.limits.within is None or period <= asked.limits.within)
    yield shown(f"agreement {entry.agreement.reference} notice", said, by=by)


def transfer_basis(asked: Asked) -> Iterator[Item]:
    """Yield each place where data lie and their subjects do not: whether something allows that."""
    entry = _entry(asked.records, asked.target)
    if entry is None or not entry.jurisdiction.subjects:
        return
    basis = entry.agreement.transfer if entry.agreement else ""
    for place in entry.jurisdiction.data:
        if place not in entry.jurisdiction.subjects:
            name = f"data in {place} of subjects in {', '.join(entry.jurisdiction.subjects)}"
            yield shown(name, basis or "no basis on file", by=bool(basis))


def subprocessors_known(asked: Asked) -> Iterator[Item]:
    """Yield a partner: whether its subprocessors are on file, and confirmed lately where that is asked."""
    entry = _entry(asked.records, asked.target)
    if entry is None:
        return
    known = entry.assurance
    if known is None or known.subprocessors is None:
        yield shown(f"subprocessors of {entry.target.label}", "not on file", by=None)
        return
    said = f"{len(known.subprocessors):,} on file, confirmed {known.confirmed or 'at no known date'}"
    age = None
    if known.confirmed is not None:
        age = asked.records.at - datetime.combine(known.confirmed, datetime.min.time(), tzinfo=UTC)
    by = asked.limits.within is None or (age is not None and age <= asked.limits.within)
    yield shown(f"subprocessors of {entry.target.label}", said, by=by)


def report_on_file(asked: Asked) -> Iterator[Item]:
    """Yield a partner's report or certificate: whether it is young enough and has not expired."""
    entry = _entry(asked.records, asked.target)
    if entry is None:
        return
    paper = entry.assurance.papers.get(asked.limits.paper) if entry.assurance else None
    name = f"{asked.limits.paper} of {entry.target.label}"
    if paper is None:
        yield shown(name, "not on file", by=None)
        return
    age = asked.records.at - datetime.combine(paper.issued, datetime.min.time(), tzinfo=UTC)
    is_over = paper.expires is not None and asked.records.at.date() > paper.expires
    by = not is_over and (asked.limits.within is None or age <= asked.limits.within)
    yield shown(name, f"issued {paper.issued}" + (f", expired {paper.expires}" if is_over else ""), by=by)


def owner_named(asked: Asked) -> Iterator[Item]:
    """Yield a partner: whether somebody on our side answers for it, and whom to call there is on file."""
    entry = _entry(asked.records, asked.target)
    if entry is None:
        return
    contacts = entry.assurance.contacts if entry.assurance else {}
    missing = [name for name, there in (("owner", entry.owner), ("contacts", contacts)) if not there]
    said = f"not on file: {', '.join(missing)}" if missing else f"{entry.owner}; {', '.join(sorted(contacts))}"
    yield shown(f"ownership of {entry.target.label}", said, by=not missing)


def incidents_told(asked: Asked) -> Iterator[Item]:
    """Yield each incident of a partner within the period: whether it told us as soon as agreed."""
    entry = _entry(asked.records, asked.target)
    if entry is None or entry.assurance is None:
        return
    agreed = entry.agreement.notify_within if entry.agreement else None
    for one in entry.assurance.incidents or ():
        if datetime.combine(one.happened, datetime.min.time(), tzinfo=UTC) in asked.records.period:
            after = one.notified_after
            said = f"told after {spelled(after)}" if after is not None else "when it told us is not on file"
            by = None if after is None or agreed is None else after <= agreed
            yield shown(f"incident of {entry.target.label} on {one.happened}", said, by=by)
