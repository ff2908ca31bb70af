"""The custody log and the seals, read as far as they can be: a broken case has a report too, and it says so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evidence_kit.analysis.history import Told
from evidence_kit.analysis.summaries import part, summary
from evidence_kit.custody import bag, log, seal, strict
from evidence_kit.custody.log import State
from evidence_kit.custody.seal import Sealed
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case.holding import Acquisition, Pointer
from evidence_kit.report.case.model import Event, Unread
from evidence_kit.report.custody.sources import stamped_sizes


@dataclass(frozen=True, slots=True)
class Journal:
    """Every event that could be read, where the log stands after them, and what could not be read."""

    events: tuple[Event, ...]
    told: tuple[Told, ...]
    state: State
    unread: tuple[Unread, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the bags that the log names, oldest first."""
        return tuple(known.bag for known in self.state.acquisitions.values())


@dataclass(slots=True)
class _Reader:
    """Takes events in, and remembers who offered to whom: an answer names the offer only by its number."""

    told: list[Told] = field(default_factory=list)
    offers: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, event: log.Event) -> None:
        said = event.said.predicate
        if event.type == log.OFFERED:
            self.offers[event.seq] = (event.actor, str(part(said, "transfer", "to").get("name", "")))
        answered = part(said, "transfer", "offer").get("seq")
        giver, receiver = self.offers.get(answered, ("", "")) if isinstance(answered, int) else ("", "")
        told = Told(
            seq=event.seq, at=rfc3339(event.at), type=event.type, actor=event.actor, keyid=event.envelope.keyid,
            summary=summary(event, giver, receiver), giver=giver, receiver=receiver,
            subjects=tuple((one.name, one.sha256) for one in event.said.subjects), fields=said,
        )  # fmt: skip
        self.told.append(told)


def read_journal(vault: Vault) -> Journal:
    """Return what the log says; each line that cannot be read, or does not follow, is named instead."""
    reader = _Reader()
    unread: list[Unread] = []

    def keep(error: EvidenceKitError, where: str) -> None:
        unread.append(Unread(where, error.message))

    try:
        with vault.open(log.LOG) as stream:
            state = log.scan(stream, report=keep, seen=reader)
    except EvidenceKitError as error:
        keep(error, log.LOG)
        state = State()
    return Journal(tuple(_events(reader.told)), tuple(reader.told), state, tuple(unread))


def _events(told: Sequence[Told]) -> Iterator[Event]:
    stamps = stamped_sizes(told)
    for one in told:
        yield Event(
            seq=one.seq,
            at=one.at,
            type=one.type,
            actor=one.actor,
            keyid=one.keyid,
            summary=one.summary,
            subjects=one.subjects,
            stamped=next((stamps[size] for size in sorted(stamps) if size > one.seq), ""),
            pointer=Pointer(log.LOG, one.seq + 1),
        )


def acquisitions(vault: Vault, journal: Journal) -> Iterator[Acquisition]:
    """Yield every acquisition that the log names, with what its seal says."""
    for known in journal.state.acquisitions.values():
        begun = _first(journal.told, log.STARTED, known.id)
        ended = _first(journal.told, log.SEALED, known.id)
        order = part(begun.fields, "acquisition", "order") if begun else {}
        window = part(order, "window")
        listed = order.get("sources")
        made = Acquisition(
            id=known.id,
            bag=known.bag,
            started_at=begun.at if begun else "",
            sealed_at=ended.at if ended else "",
            sealed_by=ended.actor if ended else "",
            keyid=ended.keyid if ended else "",
            seal_sha256=known.seal_sha256 or "",
            artifacts=0,
            bytes=0,
            artifacts_root="",
            ledger_lines=0,
            units=0,
            units_missing=0,
            tool=str(begun.fields.get("tool", "")) if begun else "",
            sources=tuple(str(name) for name in listed) if isinstance(listed, list) else (),
            window=f"{window.get('start')} to {window.get('end')}" if window else "",
            note=_note(journal.state, known),
        )
        yield _sealed(vault, made)


def _first(told: Sequence[Told], kind: str, acquisition: str) -> Told | None:
    fitting = (one for one in told if one.type == kind and part(one.fields, "acquisition").get("id") == acquisition)
    return next(fitting, None)


def _note(state: State, known: log.Acquisition) -> str:
    gone = state.custody.disposed
    event = gone.get(known.bag, gone.get(log.WHOLE_CASE))
    if event is not None:
        return f"disposed of by event {event}"
    return "" if known.seal_sha256 else "not sealed: interrupted, or still running"


def _sealed(vault: Vault, made: Acquisition) -> Acquisition:
    """Return an acquisition with the numbers of its seal, or with a note why they are not there."""
    path = f"{made.bag}/{bag.SEAL}"
    try:
        if vault.stat(path) is None:
            absent = "its seal is not here, although the log names one" if made.sealed_at else ""
            return replace(made, note=made.note or absent)
        said = _read_seal(vault, path)
    except EvidenceKitError as error:
        return replace(made, note=f"its seal cannot be read: {error.message}")
    return replace(
        made,
        artifacts=said.artifacts,
        bytes=said.payload_bytes,
        artifacts_root=said.artifacts_root,
        ledger_lines=said.ledger_size,
        units=said.units,
        units_missing=said.units_missing,
    )


def _read_seal(vault: Vault, path: str) -> Sealed:
    with vault.open(path) as stream:
        envelope = seal.parse(stream.read(strict.MAX_DOCUMENT + 1))
    return seal.read(envelope.payload)[1]


def named(value: Mapping[str, object], name: str) -> str:
    """Return a text of a record, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else ""
