"""How far the clock of this machine can be believed: what keeps it in step, and what the providers' clocks say."""

import ctypes
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import bag, ledger
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault

# Offsets are recorded to a tenth of a second; an honest provider fills a handful of these, and no provider more.
MAX_BUCKETS = 4096
MAX_PROVIDERS = 64
# Lines of the ledger are compact and ours, so a quote inside a value is escaped and cannot look like these.
_SKEW = re.compile(rb'"clockSkew":(-?[0-9]+(?:\.[0-9]+)?)[,}]')
_UNIT = re.compile(rb'^\{"seq":[0-9]+,"prev":"[0-9a-f]{64}","type":"exchange","unit":"([a-z0-9_-]+)')
_HOST = re.compile(rb'"host":"([^"\\]{1,253})"')
_UNSYNCHRONISED = 0x40  # STA_UNSYNC in <sys/timex.h>
_TIME_ERROR = 5  # what adjtimex(2) returns while the clock is not synchronised


@dataclass(frozen=True, slots=True)
class LocalClock:
    """What the kernel says of its clock; None where it does not say."""

    source: str = "unknown"
    synchronized: bool | None = None
    max_error_us: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as `acquisition.json` names it."""
        return {
            "source": self.source,
            "synchronized": self.synchronized,
            "maxErrorMicroseconds": self.max_error_us,
        }


class _Timex(ctypes.Structure):
    """`struct timex` of Linux up to what is read here; the kernel writes 208 bytes on 64-bit machines."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def _kernel() -> tuple[int, int, int]:
    """Return the state, status and maximum error in microseconds that adjtimex(2) reports; it changes nothing."""
    asked = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    if state < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return state, asked.status, asked.maxerror


def local_clock(ask: Callable[[], tuple[int, int, int]] = _kernel) -> LocalClock:
    """Return what this machine knows about its own clock; unknown where there is no adjtimex."""
    try:
        state, status, error = ask()
    except (OSError, AttributeError):
        return LocalClock()
    unsynchronised = state == _TIME_ERROR or bool(status & _UNSYNCHRONISED)
    return LocalClock("adjtimex", not unsynchronised, error)


@dataclass(slots=True)
class Spread:
    """Offsets counted in buckets, from a tenth of a second on ever wider ones, so that memory stays bounded."""

    width: int = 1  # tenths of a second
    counts: dict[int, int] = field(default_factory=dict)
    samples: int = 0
    low: float = 0.0
    high: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one offset."""
        self.low = min(self.low, seconds) if self.samples else seconds
        self.high = max(self.high, seconds) if self.samples else seconds
        self.samples += 1
        self._count(round(seconds * 10 / self.width), 1)
        while len(self.counts) > MAX_BUCKETS:
            before, self.counts = self.counts, {}
            self.width *= 10
            for bucket, count in before.items():
                self._count(round(bucket / 10), count)

    def _count(self, bucket: int, count: int) -> None:
        self.counts[bucket] = self.counts.get(bucket, 0) + count

    @property
    def median(self) -> float:
        """Return the lower median, as exact as the buckets are."""
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if 2 * seen >= self.samples:
                return min(max(bucket * self.width / 10, self.low), self.high)
        return 0.0


def provider_offsets(lines: Iterable[bytes]) -> Mapping[str, Spread]:
    """Return by provider how far its `Date` was ahead of our clock, over the exchanges of a ledger."""
    spreads: dict[str, Spread] = {}
    for line in lines:
        unit, skew = _UNIT.match(line), _SKEW.search(line)
        if unit is None or skew is None:
            continue
        name = unit[1].decode()
        if name == "plan":  # asked before there were units; the host is all that says whom
            host = _HOST.search(line)
            name = host[1].decode("ascii", "replace") if host else name
        if name in spreads or len(spreads) < MAX_PROVIDERS:
            spreads.setdefault(name, Spread()).add(float(skew[1]))
    return spreads


def clock_record(vault: Vault, root: str, local: LocalClock) -> dict[str, object]:
    """Return what `acquisition.json` says about time: offsets are the provider's clock minus ours, in seconds."""
    offsets: Mapping[str, Spread] = {}
    try:
        with vault.open(f"{root}/{bag.LEDGER}") as stream:
            offsets = provider_offsets(line for line, _ in ledger.raw_lines(stream))
    except EvidenceKitError:
        pass  # whoever seals reads the ledger next, and says what is wrong with it
    providers = [
        {"name": name, "samples": s.samples, "min": s.low, "median": s.median, "max": s.high}
        for name, s in sorted(offsets.items())
    ]
    return {"local": local.to_json(), "providers": providers}
