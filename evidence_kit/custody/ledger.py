"""The ledger `exchanges.jsonl`: every unit planned, every attempt made, every end, in one hash chain.

Each line is a compact JSON object whose `prev` is the SHA-256 of the line before it (without line feed) and whose
`seq` counts from zero. What the ledger does not say was not done.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from evidence_kit.custody import strict
from evidence_kit.errors import ChainError, SignatureError

GENESIS = "0" * 64
OPENED, PLANNED, PLAN_CLOSED, EXCHANGE, UNIT, RESUMED, CLOSED = (
    "opened", "planned", "plan.closed", "exchange", "unit", "resumed", "closed",
)  # fmt: skip
# Parameters and headers are allow-listed and small; a redacted query may hold some kilobytes.
MAX_LINE = 1 << 20


class Torn(ChainError):  # noqa: N818 - a state that a crash leaves, which resume mends
    """A line ends without a line feed, or holds zeros, which no line does: writing was interrupted."""


@dataclass(slots=True)
class Chain:
    """Where the next line attaches."""

    size: int = 0
    head: str = GENESIS

    def line(self, kind: str, fields: Mapping[str, object]) -> bytes:
        """Return the next line, without line feed, and advance."""
        line = strict.encode({"seq": self.size, "prev": self.head, "type": kind, **fields})
        self.advance(line)
        return line

    def advance(self, line: bytes) -> None:
        """Step over `line`."""
        self.size += 1
        self.head = hashlib.sha256(line).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One verified line of a ledger and the offset at which it ends."""

    kind: str
    fields: Mapping[str, object]
    end: int

    def text(self, name: str) -> str:
        """Return a string field."""
        return strict.field(self.fields, name, str)


def raw_lines(stream: BinaryIO, *, limit: int = MAX_LINE) -> Iterator[tuple[bytes, bool]]:
    """Yield `(line without line feed, is whole)`; only the last can lack its end. Never holds more than one line."""
    while line := stream.readline(limit + 1):
        if line.endswith(b"\n"):
            yield line[:-1], True
        elif len(line) > limit and b"\0" not in line:
            raise ChainError(f"a line is longer than {limit:,} bytes")
        else:
            yield line, False
            return


def is_torn(line: bytes, *, is_whole: bool) -> bool:
    """Say whether writing `line` was interrupted: it has no end, or zeros where a power cut kept only its size."""
    return not is_whole or b"\0" in line


def read(stream: BinaryIO, chain: Chain | None = None) -> Iterator[Entry]:
    """Yield every entry, checked against the chain; ChainError names the first line that does not fit.

    `chain` may be handed in to learn size and head after the last entry.
    """
    chain = chain if chain is not None else Chain()
    end = 0
    for line, whole in raw_lines(stream):
        number = chain.size + 1
        if is_torn(line, is_whole=whole):
            raise Torn(f"line {number} is torn after {len(line):,} bytes: writing was interrupted")
        try:
            fields = strict.decode_line(line, limit=MAX_LINE)
            kind = strict.field(fields, "type", str)
            fits = fields.get("seq") == chain.size and fields.get("prev") == chain.head
        except SignatureError as error:
            raise ChainError(f"line {number} cannot be read: {error.message}") from error
        if not fits:
            raise ChainError(f"line {number} does not follow the line before it")
        chain.advance(line)
        end += len(line) + 1
        yield Entry(kind, fields, end)


def lines(entries: Iterable[bytes]) -> bytes:
    """Join journal lines as they are appended."""
    return b"".join(line + b"\n" for line in entries)
