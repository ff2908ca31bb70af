"""How far each provider's clock was from the others', as the acquisitions measured it, and what is taken off for it.

Offsets come from the `Date` of answers. They are never written into evidence; a time line only sorts by them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.acquire.clock import provider_offsets
from evidence_kit.analysis import bagfiles
from evidence_kit.custody import bag, ledger, strict
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault

RESOLUTION = 1.0  # seconds; `Date` has whole ones, so a smaller offset may be none
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One provider's clock in one acquisition: ahead of the collecting machine's by `offset` seconds."""

    name: str
    offset: float
    low: float
    high: float
    samples: int
    in_step: bool | None  # whether the machine's own clock was; None where its system does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What is known of one provider's clock over a case, and the seconds that are taken off its times."""

    case: str
    name: str
    offset: float
    low: float
    high: float
    samples: int
    shift: float
    why: str

    @property
    def shift_ns(self) -> int:
        """Return the shift in nanoseconds, rounded to the tenth of a second that offsets are known to."""
        return round(self.shift * 10) * (_NS // 10)


def read_clocks(vault: Vault, case: str) -> tuple[Clock, ...]:
    """Return the clock of every provider that the acquisitions of a case have measured."""
    return judge(case, (tuple(_measured(vault, root)) for root in bagfiles.bags(vault)))


def judge(case: str, acquisitions: Iterable[Sequence[Measured]]) -> tuple[Clock, ...]:
    """Return one clock a provider, from what each acquisition measured.

    Where the machine's own clock was not known to be in step, only differences between providers say anything:
    the offset nearest to zero is then taken to be the machine's own error.
    """
    by_name: defaultdict[str, list[tuple[Measured, float]]] = defaultdict(list)
    for found in acquisitions:
        own = 0.0 if all(one.in_step for one in found) else min((one.offset for one in found), key=abs, default=0.0)
        for one in found:
            by_name[one.name].append((one, own))
    return tuple(_clock(case, name, by_name[name]) for name in sorted(by_name))


def _clock(case: str, name: str, found: Sequence[tuple[Measured, float]]) -> Clock:
    better = [pair for pair in found if pair[0].in_step] or found
    one, own = _middle(better)
    off = one.offset - own
    is_seen = abs(off) > RESOLUTION
    if is_seen:
        why = "" if one.in_step else "against the nearest other clock; this machine's was not known to be in step"
    elif abs(one.offset) > RESOLUTION:
        why = "not taken off: this machine's own clock was not known to be in step"
    else:
        why = "not taken off: within the second that can be measured"
    return Clock(
        case=case,
        name=name,
        offset=one.offset,
        low=min(each.low for each, _ in better),
        high=max(each.high for each, _ in better),
        samples=sum(each.samples for each, _ in better),
        shift=off if is_seen else 0.0,
        why=why,
    )


def _middle(found: Sequence[tuple[Measured, float]]) -> tuple[Measured, float]:
    """Return the lower median of several acquisitions, each counting as often as it has measured."""
    ordered = sorted(found, key=lambda pair: pair[0].offset - pair[1])
    whole, seen = sum(one.samples for one, _ in ordered), 0
    for pair in ordered:
        seen += pair[0].samples
        if 2 * seen >= whole:
            return pair
    return ordered[-1]


def _measured(vault: Vault, root: str) -> Iterator[Measured]:
    """Yield what one acquisition measured: from its record, or from the ledger of one that has none yet."""
    if vault.stat(f"{root}/{bag.ACQUISITION}") is None:
        yield from _from_ledger(vault, root)
        return
    with vault.open(f"{root}/{bag.ACQUISITION}") as stream:
        record = strict.decode(stream.read(strict.MAX_DOCUMENT + 1))
    clock = record.get("clock")
    if not isinstance(clock, Mapping):
        return  # an acquisition of before clocks were recorded
    local = clock.get("local")
    in_step = local.get("synchronized") if isinstance(local, Mapping) else None
    for item in strict.field(clock, "providers", list):
        yield Measured(
            name=strict.field(item, "name", str),
            offset=_number(item, "median"),
            low=_number(item, "min"),
            high=_number(item, "max"),
            samples=strict.field(item, "samples", int),
            in_step=in_step if isinstance(in_step, bool) else None,
        )


def _number(item: Mapping[str, object], name: str) -> float:
    value = item.get(name)
    return float(value) if isinstance(value, int | float) else strict.field(item, name, float)


def _from_ledger(vault: Vault, root: str) -> Iterator[Measured]:
    if vault.stat(f"{root}/{bag.LEDGER}") is None:
        return
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        try:
            spreads = provider_offsets(line for line, _ in ledger.raw_lines(stream))
        except EvidenceKitError:
            return  # whoever verifies the case says what is wrong with its ledger
    for name, spread in spreads.items():
        yield Measured(
            name=name,
            offset=spread.median,
            low=spread.low,
            high=spread.high,
            samples=spread.samples,
            in_step=None,
        )
