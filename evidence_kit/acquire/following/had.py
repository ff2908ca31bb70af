"""What a case has already, as its own sealed ledgers say: windows by lane, and the units that are still open."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evidence_kit.acquire.following.spans import Spans
from evidence_kit.acquire.open_work import read_log
from evidence_kit.acquire.scope import Order, planned_unit, read_status
from evidence_kit.custody import bag, ledger, log, seal, strict
from evidence_kit.custody.verify import files
from evidence_kit.errors import DigestError
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Unit
from evidence_kit.vaults.local import LocalVault

Lane = tuple[str, str, str, str]  # source, target, region, stream: within one, windows never overlap
TOLERANCE = timedelta(minutes=2)  # `Date` tells whole seconds, and a machine in step is no further off than this
MOST_AGAIN = 24  # open units a lane and pass: one that is denied for days must not use up the others' budget


def lane_of(unit: Unit) -> Lane:
    """Return the lane that a unit's window lies in."""
    return (unit.source, unit.target.id, unit.region, unit.stream)


def is_unplanned(unit: Unit) -> bool:
    """Say whether a unit stands for what could not even be enumerated."""
    return unit.settled is not None and unit.settled[0].is_open


@dataclass(slots=True, kw_only=True)
class Had:
    """What the sealed acquisitions of a case have of some sources at some targets; each bag is read once."""

    specs: Mapping[str, SourceSpec]
    order: Order
    open: dict[str, Unit] = field(default_factory=dict)  # the one that was tried longest ago comes first
    short: set[str] = field(default_factory=set)  # units that are not whole, whether or not they can still be had
    said: dict[str, datetime] = field(default_factory=dict)  # the time by each provider's clock, as last recorded
    _spans: dict[Lane, Spans] = field(default_factory=dict)
    _planned: dict[tuple[str, ...], Spans] = field(default_factory=dict)  # by region, and by target as region ``
    _unplanned: dict[Lane, Spans] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)  # units without a window
    _read: set[str] = field(default_factory=set)

    def read(self, vault: LocalVault) -> None:
        """Take in every sealed acquisition that is new since the last time."""
        state, orders = read_log(vault)
        for known in state.acquisitions.values():
            if known.id in self._read or known.seal_sha256 is None:
                continue
            self._read.add(known.id)
            alike = self._asked_alike(orders[known.id])
            if alike:
                _require_sealed(vault, known)
                self._take(vault, known.bag, alike)

    def missing(self, unit: Unit, upto: datetime) -> Iterator[Window | None]:
        """Yield what of a planned unit the case does not have up to `upto`; None where a unit has no window."""
        window = unit.window
        if window is None:
            if unit.id not in self._whole:
                yield None
            return
        if window.start >= upto:
            return
        asked = Window(window.start, min(window.end, upto))
        if not is_unplanned(unit):
            yield from self._spans.get(lane_of(unit), Spans()).missing(asked)
            return
        for piece in self._planned.get(lane_of(unit)[:3], Spans()).missing(asked):
            yield from self._unplanned.get(lane_of(unit), Spans()).missing(piece)

    def again(self, settled: Mapping[str, datetime]) -> Iterator[Unit]:
        """Yield the open units that have settled, so many a lane and no more."""
        counts: dict[Lane, int] = {}
        for unit in self.open.values():
            if is_unplanned(unit) or (unit.window is not None and unit.window.end > settled[unit.source]):
                continue
            counts[lane_of(unit)] = counts.get(lane_of(unit), 0) + 1
            if counts[lane_of(unit)] <= MOST_AGAIN:
                yield unit

    def _asked_alike(self, order: Order) -> frozenset[str]:
        """Return the sources that were asked with the parameters that they are asked with now.

        A playbook joins orders of different parameters, which its ledger does not part again.
        """
        if "playbook" in order.governance:
            return frozenset()
        return frozenset(
            name
            for name in order.sources
            if name in self.specs
            and all(order.params.get(one.name) == self.order.params.get(one.name) for one in self.specs[name].params)
        )

    def _take(self, vault: LocalVault, root: str, sources: frozenset[str]) -> None:
        targets = {target.id for target in self.order.targets}
        planned: dict[str, Unit] = {}
        asked: dict[str, datetime] = {}
        with vault.open(f"{root}/{bag.LEDGER}") as stream:
            for entry in ledger.read(stream):
                if entry.kind == ledger.PLANNED:
                    unit = planned_unit(entry.fields)
                    if unit.source in sources and unit.target.id in targets:
                        planned[unit.id] = unit
                elif entry.kind == ledger.EXCHANGE and (name := entry.text("unit")) in planned:
                    self._hear(planned[name], entry, asked)
                elif entry.kind == ledger.UNIT and (name := entry.text("unit")) in planned:
                    self._end(planned.pop(name), read_status(entry.fields), asked.pop(name, None))

    def _hear(self, unit: Unit, entry: ledger.Entry, asked: dict[str, datetime]) -> None:
        """Note what the provider's clock said when a unit was first asked for."""
        skew = entry.fields.get("clockSkew")
        if isinstance(skew, int | float):
            at = parse_instant(entry.text("receivedAt")) + timedelta(seconds=skew)
            asked.setdefault(unit.id, at)
            provider = self.specs[unit.source].provider
            self.said[provider] = max(at, self.said.get(provider, at))

    def _end(self, unit: Unit, status: UnitStatus, asked: datetime | None) -> None:
        self.open.pop(unit.id, None)
        if status.is_open:
            self.open[unit.id] = unit
        (self.short.discard if status.is_whole else self.short.add)(unit.id)
        if unit.window is None:
            self._whole.add(unit.id)
            return
        if is_unplanned(unit):
            self._unplanned.setdefault(lane_of(unit), Spans()).add(unit.window)
            return
        for region in {"", unit.region}:
            self._planned.setdefault((unit.source, unit.target.id, region), Spans()).add(unit.window)
        window = unit.window
        if not status.is_open and asked is not None:
            # Asked by a clock that ran ahead: what the provider had not settled by its own is not had.
            settled = asked - self.specs[unit.source].settle
            if settled <= window.start:
                return
            if window.end > settled + TOLERANCE:
                window = Window(window.start, settled)
        self._spans.setdefault(lane_of(unit), Spans()).add(window)


def _require_sealed(vault: LocalVault, known: log.Acquisition) -> None:
    """Raise DigestError unless the ledger is the one that was sealed, by the seal that the custody log names."""
    with vault.open(f"{known.bag}/{bag.SEAL}") as stream:
        data = stream.read(strict.MAX_DOCUMENT + 1)
    sealed = seal.read(seal.parse(data).payload)[0].subject(bag.LEDGER).sha256
    found = (hashlib.sha256(data).hexdigest(), files.digest(vault, f"{known.bag}/{bag.LEDGER}")[0])
    if found != (known.seal_sha256, sealed):
        raise DigestError(
            f"`{known.bag}` is not what was sealed, so nobody can say which windows the case has",
            hint="`evidence-kit verify` shows what differs",
        )
