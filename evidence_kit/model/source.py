"""What a source is: data that the engine, the command line and the documentation read alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How fast a provider lets us ask, and what shares that budget."""

    rps: float
    burst: int = 1
    per: tuple[str, ...] = ("account", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPath:
    """Where records sit in a stored body, and what identifies and dates each."""

    path: str  # JMESPath to the list of records; empty for line formats
    id: str = ""
    time: str = ""
    format: Literal["json", "json.gz", "jsonl", "csv", "xml", "bytes"] = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One `--set name=value` that a source understands."""

    name: str
    help: str
    required: bool = False
    default: str = ""
    price: str = ""  # what the provider charges for, where it does
    permissions: tuple[str, ...] = ()  # what only this takes, beside the source's own


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A kind of evidence at a provider, as described by its file in the catalogue.

    `digest` is the SHA-256 of that file, so that an acquisition names exactly what steered it.
    """

    name: str
    provider: str
    summary: str
    mechanism: str
    scope: Literal["account", "region", "organization"]
    windowed: bool
    permissions: tuple[str, ...]
    limit: Limit
    records: RecordPath
    docs: str
    digest: str
    volatile: int = 50  # 0 vanishes first, 100 keeps; volatile units run first
    params: tuple[Param, ...] = ()
    settle: timedelta = timedelta(0)
    retention: timedelta | None = None
    step: timedelta | None = None
    proofs: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    evidence: tuple[str, ...] = ()  # classes of evidence, as agreements allow them
    groups: tuple[str, ...] = ()  # what is collected together, under one name
    notes: tuple[str, ...] = ()  # what surprises people about this API
    version: str = ""  # of the file

    def extras(self, given: Mapping[str, str]) -> tuple[Param, ...]:
        """Return the parameters among those given that cost money or take more permissions than the source."""
        return tuple(one for one in self.params if given.get(one.name) and (one.price or one.permissions))
