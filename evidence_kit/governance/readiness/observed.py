"""What a look at all targets found: plain frozen data, there and back, the same bytes for the same findings."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evidence_kit.errors import UsageError
from evidence_kit.model.document import MAX_DOCUMENT

API_VERSION = "evidence-kit/readiness.v1"
Kind = Literal["switch", "days", "setting", "status"]
KINDS: tuple[Kind, ...] = ("switch", "days", "setting", "status")
_MAX = 16 * MAX_DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One source at one target: whether it could be collected, what is lacking, and how far back it reaches."""

    source: str
    target: str
    label: str
    provider: str
    verdict: str
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # permissions
    unknown: tuple[str, ...] = ()
    reach: int | None = None  # seconds; of the stretch that every place has. None: the source has no window
    bounded: bool = False  # the provider ends it there; otherwise it is as far as was asked

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it apart."""
        return self.source, self.target

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "source": self.source, "target": self.target, "label": self.label, "provider": self.provider,
            "verdict": self.verdict, "reasons": list(self.reasons), "missing": list(self.missing),
            "unknown": list(self.unknown), "reachSeconds": self.reach, "bounded": self.bounded,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One thing that a provider says of its own logging."""

    source: str
    target: str
    place: str  # region or stream; empty: the whole target
    subject: str
    name: str
    kind: Kind
    value: str  # JSON

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Return what tells it apart."""
        return self.source, self.target, self.place, self.subject, self.name

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "source": self.source, "target": self.target, "place": self.place, "subject": self.subject,
            "name": self.name, "kind": self.kind, "value": json.loads(self.value),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """One playbook: what it could do today, at which targets, how far back."""

    playbook: str
    version: str
    verdict: str  # ready, partly, cannot
    targets: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    reach: int | None = None  # seconds, of the source that reaches least far

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.playbook, "version": self.version, "verdict": self.verdict, "targets": list(self.targets),
            "reasons": list(self.reasons), "reachSeconds": self.reach,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Everything that one look found."""

    at: str
    tool: str
    asked: int  # seconds back from `at` that providers were asked about
    inventory: str  # SHA-256
    standings: tuple[Standing, ...]
    states: tuple[State, ...]
    playbooks: tuple[Possible, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data, in an order of its own: two looks that found the same differ in nothing but the time."""
        return {
            "apiVersion": API_VERSION,
            "at": self.at,
            "tool": self.tool,
            "askedSeconds": self.asked,
            "inventory": self.inventory,
            "sources": [one.to_json() for one in sorted(self.standings, key=lambda one: one.key)],
            "states": [one.to_json() for one in sorted(self.states, key=lambda one: (*one.key, one.value))],
            "playbooks": [one.to_json() for one in sorted(self.playbooks, key=lambda one: one.playbook)],
        }


def written(found: Readiness) -> bytes:
    """Return it as the bytes that are signed."""
    return json.dumps(found.to_json(), indent=1, ensure_ascii=True).encode() + b"\n"


def parse(text: bytes, *, name: str) -> Readiness:
    """Read what `written` wrote; UsageError where it is something else."""
    if len(text) > _MAX:
        raise UsageError(f"`{name}` is too large for a baseline")
    try:
        said = json.loads(text)
        if said["apiVersion"] != API_VERSION:
            raise UsageError(f"`{name}` is `{str(said['apiVersion'])[:60]}` and no baseline", hint=API_VERSION)
        return Readiness(
            at=str(said["at"]),
            tool=str(said["tool"]),
            asked=int(said["askedSeconds"]),
            inventory=str(said["inventory"]),
            standings=tuple(map(_standing, said["sources"])),
            states=tuple(map(_state, said["states"])),
            playbooks=tuple(map(_possible, said["playbooks"])),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"`{name}` is no baseline: {type(error).__name__}") from error


def _standing(said: Mapping[str, Any]) -> Standing:
    return Standing(
        source=str(said["source"]), target=str(said["target"]), label=str(said["label"]),
        provider=str(said["provider"]), verdict=str(said["verdict"]), reasons=_texts(said["reasons"]),
        missing=_texts(said["missing"]), unknown=_texts(said["unknown"]), reach=_number(said["reachSeconds"]),
        bounded=bool(said["bounded"]),
    )  # fmt: skip


def _state(said: Mapping[str, Any]) -> State:
    if said["kind"] not in KINDS:
        raise ValueError(said["kind"])
    return State(
        source=str(said["source"]), target=str(said["target"]), place=str(said["place"]),
        subject=str(said["subject"]), name=str(said["name"]), kind=said["kind"], value=as_value(said["value"]),
    )  # fmt: skip


def _possible(said: Mapping[str, Any]) -> Possible:
    return Possible(
        playbook=str(said["name"]), version=str(said["version"]), verdict=str(said["verdict"]),
        targets=_texts(said["targets"]), reasons=_texts(said["reasons"]), reach=_number(said["reachSeconds"]),
    )  # fmt: skip


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def as_value(value: object) -> str:
    """Return a value as the one JSON text that it is compared by."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
