"""One artifact to read, one record that it holds, one place that could not be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_RECORD = 64 << 20  # characters; Log Analytics, the largest, caps a whole response at 64 MB
MAX_DEPTH = 500  # evidence nests some twenty deep; CPython's own decoder gives up below a thousand
MAX_COLUMNS = 4_000  # of a line of text; the widest known log has some 130
MAX_BODY = 64 << 30  # characters of one artifact, inflated: what a bomb costs at most is time
NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A sealed file and what the ledger says of it; `path` starts at the case's own folder."""

    path: str
    sha256: str
    source: str
    provider: str = ""
    target: str = ""
    region: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its text exactly as it stands, and the same parsed, every number as its own digits.

    `line` counts the records of the artifact from 1, those that could not be read included.
    """

    artifact: str
    line: int
    raw: str
    value: object = field(repr=False)
    around: Mapping[str, object] = field(
        default_factory=lambda: NOTHING, repr=False
    )  # small values that stand beside the records


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of one artifact, in its order: what `Record` says of each, side by side."""

    artifact: str
    lines: Sequence[int]
    raws: Sequence[str | bytes]  # as text, or as the UTF-8 that it was read from
    values: Sequence[object] = field(repr=False)
    arounds: Sequence[Mapping[str, object]] = field(default=(), repr=False)  # none where nothing stands beside any

    def __iter__(self) -> Iterator[Record]:
        """Yield each record."""
        arounds = self.arounds or [NOTHING] * len(self.lines)
        for line, raw, value, around in zip(self.lines, self.raws, self.values, arounds, strict=True):
            yield Record(self.artifact, line, raw if isinstance(raw, str) else raw.decode(), value, around)


@dataclass(frozen=True, slots=True)
class Defect:
    """A place that could not be read, and why; `line` is 0 where it is no single record."""

    artifact: str
    line: int
    place: str
    reason: str
