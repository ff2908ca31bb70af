"""Reads all cases below a folder into one model; a case that cannot be read is named, and so is a part of one."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from evidence_kit.acquire.environment import TOOL
from evidence_kit.custody import log, strict
from evidence_kit.errors import EmptyError, EvidenceKitError, UsageError
from evidence_kit.governance.clocks.entry import Clock
from evidence_kit.model.ports import Vault
from evidence_kit.report.case import holdings, journal
from evidence_kit.report.case.deadlines import read_deadlines
from evidence_kit.report.case.doings import Deadline
from evidence_kit.report.case.holding import Acquisition
from evidence_kit.report.case.journal import Journal
from evidence_kit.report.case.model import Asked, Partner, Unread
from evidence_kit.report.case.partners import partners, requests
from evidence_kit.report.portfolio.model import CaseRow, Month, Open, PartnerRow, Portfolio
from evidence_kit.report.portfolio.timing import Span, spans, timings
from evidence_kit.report.runs.reading import Found as Runs
from evidence_kit.report.runs.reading import read_runs

T = TypeVar("T")
MAX_CASES = 10_000
_NOTHING: Mapping[str, object] = {}


@dataclass(slots=True, kw_only=True)
class _Case:
    """One case, read."""

    row: CaseRow
    spans: tuple[Span, ...]
    acquisitions: tuple[Acquisition, ...]
    deadlines: tuple[Deadline, ...]
    requests: tuple[Asked, ...]
    partners: tuple[Partner, ...]
    offer: Open | None
    holds: tuple[Open, ...]


@dataclass(slots=True)
class _Reading:
    """Reads part after part, and keeps why one could not be."""

    unread: list[str] = field(default_factory=list)

    def of(self, part: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except EvidenceKitError as error:
            self.unread.append(f"{part}: {error.message}")
            return otherwise

    def note(self, one: Unread) -> None:
        self.unread.append(f"{one.part}: {one.why}")


def read_portfolio(
    folder: Path, opened: Callable[[Path], Vault], clocks: Mapping[str, Clock], *, now: datetime
) -> Portfolio:
    """Return the portfolio of every case below `folder`; EmptyError where there is none."""
    found: list[_Case] = []
    unread: list[tuple[str, str]] = []
    for path in cases(folder):
        name = str(path.relative_to(folder)) if path != folder else path.name
        try:
            found.append(_read(name, opened(path), clocks, now))
        except EvidenceKitError as error:
            unread.append((name, error.message))
    if not found and not unread:
        raise EmptyError(f"there is no case in `{folder}`", hint="name the folder that holds the cases' folders")
    return Portfolio(
        made_at=now,
        tool=TOOL,
        cases=tuple(one.row for one in found),
        timings=timings(span for one in found for span in one.spans),
        months=tuple(_months(found)),
        open=tuple(sorted(_open(found), key=lambda one: (not one.late, one.due or "9", one.case, one.what))),
        partners=tuple(_partners(found)),
        unread=tuple(unread),
    )


def cases(folder: Path) -> Iterator[Path]:
    """Yield every folder of a case, its log gone or not: this one, or those one or two levels below it, by name."""
    if not folder.is_dir():
        raise UsageError(f"`{folder}` is no folder")
    if (folder / log.LOG).is_file():
        yield folder
        return
    roots = {path.parents[1] for path in _below(folder, log.LOG)}
    described = {path.parent for path in (folder / log.CASE, *_below(folder, log.CASE)) if path.is_file()}
    roots |= {path for path in described if path.parent not in roots | described}  # what a case holds is none
    if len(roots) > MAX_CASES:
        raise UsageError(f"`{folder}` holds {len(roots):,} cases; at most {MAX_CASES:,}")
    yield from sorted(roots)


def _below(folder: Path, name: str) -> Iterator[Path]:
    for pattern in ("*", "*/*"):
        yield from folder.glob(f"{pattern}/{name}")


def _read(name: str, vault: Vault, clocks: Mapping[str, Clock], now: datetime) -> _Case:
    reading = _Reading()
    said = reading.of(log.CASE, lambda: _described(vault), _NOTHING)
    told = journal.read_journal(vault)
    for one in told.unread:
        reading.note(one)
    walked = holdings.walk(vault, told.roots)
    for one in walked.unread:
        reading.note(one)
    covered, tally = walked.coverage, walked.tally
    acquisitions = tuple(journal.acquisitions(vault, told))
    # Without its seal an acquisition counts in its month, and none of its units does.
    unsaid = (one for one in acquisitions if one.sealed_at and one.note and not one.artifacts_root)
    reading.unread += [f"{one.id}: {one.note}" for one in unsaid]
    runs = reading.of("playbooks", lambda: read_runs(vault), Runs(playbooks={}))
    for one in runs.unread:
        reading.note(one)
    units = sum(len(row.cells) for row in covered.rows)
    checks = [one.summary for one in told.events if one.type == log.VERIFIED]
    no_deadlines: tuple[Deadline, ...] = ()
    no_requests: tuple[Asked, ...] = ()
    deadlines = reading.of("clocks", lambda: read_deadlines(vault, clocks, now), no_deadlines)
    asked = reading.of("requests", lambda: requests(vault, now), no_requests)
    identity = str(said.get("id") or told.state.case or name)
    row = CaseRow(
        folder=name,
        case=identity,
        title=str(said.get("title") or ""),
        opened_at=told.events[0].at if told.events else "",
        last_event_at=told.events[-1].at if told.events else "",
        custodian=told.state.custody.holder.name,
        acquisitions=len(acquisitions),
        unsealed=sum(not one.sealed_at for one in acquisitions),
        artifacts=tally.artifacts,
        bytes=tally.bytes,
        units=units,
        units_whole=units - covered.missing,
        runs=tuple((one.playbook, one.outcome) for one in runs.runs),
        verified=checks[-1] if checks else "",
        unread=tuple(reading.unread),
    )
    return _Case(
        row=row,
        spans=tuple(spans(told, acquisitions, runs.runs)),
        acquisitions=acquisitions,
        deadlines=deadlines,
        requests=asked,
        partners=partners(told.told),
        offer=_offer(identity, told),
        holds=tuple(
            Open(kind="hold", case=identity, what=f"{one}: {why}", who="", due="", late=False)
            for one, why in told.state.custody.holds.items()
        ),
    )


def _described(vault: Vault) -> Mapping[str, object]:
    with vault.open(log.CASE) as stream:
        return strict.decode(stream.read(strict.MAX_DOCUMENT + 1))


def _offer(case: str, told: Journal) -> Open | None:
    offer = told.state.custody.offer
    if offer is None:
        return None
    since = next((one.at for one in told.events if one.seq == offer.seq), "")
    return Open(kind="transfer", case=case, what=f"offered {since}", who=offer.to.name, due="", late=False)


def _open(found: list[_Case]) -> Iterator[Open]:
    for one in found:
        case = one.row.case
        yield from one.holds
        if one.offer:
            yield one.offer
        for clock in one.deadlines:
            if clock.state != "met":
                late = clock.state == "overdue"
                title = clock.title or clock.id
                yield Open(kind="clock", case=case, what=title, who=clock.authority, due=clock.due_at, late=late)
        for asked in one.requests:
            if asked.missing:
                yield Open(
                    kind="request",
                    case=case,
                    what=f"{asked.id}: {'; '.join(asked.missing)}",
                    who=asked.partner,
                    due=asked.deadline,
                    late=asked.is_late,
                )


def _months(found: list[_Case]) -> Iterator[Month]:
    by_month: dict[str, list[Acquisition]] = defaultdict(list)
    for case in found:
        for one in case.acquisitions:
            if one.sealed_at:
                by_month[one.sealed_at[:7]].append(one)
    for month, several in sorted(by_month.items()):
        units = sum(one.units for one in several)
        missing = sum(one.units_missing for one in several)
        yield Month(month=month, acquisitions=len(several), units=units, units_whole=units - missing)


def _partners(found: list[_Case]) -> Iterator[PartnerRow]:
    known: dict[str, Partner | None] = {}
    at: dict[str, list[str]] = defaultdict(list)
    asked: dict[str, list[Asked]] = defaultdict(list)
    for case in sorted(found, key=lambda one: one.row.last_event_at):
        for partner in case.partners:
            known[partner.name] = partner
            at[partner.name].append(case.row.case)
        for one in case.requests:
            known.setdefault(one.partner, None)
            asked[one.partner].append(one)
            at[one.partner] += [case.row.case] if case.row.case not in at[one.partner] else []
    for name, said in sorted(known.items()):
        waiting = [one for one in asked[name] if one.missing]
        yield PartnerRow(
            name=name,
            provider=said.provider if said else "",
            owner=said.owner if said else "",
            agreement=said.reference if said else "",
            expires=said.expires if said else "",
            cases=tuple(at[name]),
            requests=len(asked[name]),
            open_requests=len(waiting),
            late_requests=sum(one.is_late for one in waiting),
        )
