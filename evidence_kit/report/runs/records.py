"""What is on record about each run of a playbook: the signed events of the custody log, then its folder in the case.

Reading only, and as far as it goes: whether the record holds is for `verify` to say. What cannot be read is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.custody import log, names
from evidence_kit.custody.ledger import Entry
from evidence_kit.custody.log import Event
from evidence_kit.errors import DigestError, EvidenceKitError
from evidence_kit.model.document import MAX_DOCUMENT
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run import journal
from evidence_kit.report.case.model import Unread

_KINDS = frozenset({log.PLAY_STARTED, log.PLAY_STEP, log.PLAY_ENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One event of the custody log about a run; `said` is what it says of it."""

    seq: int
    at: str
    type: str
    said: Mapping[str, Any]
    digests: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Record:
    """All that is on record about one run. Without a `playbook` its steps are those that events name."""

    id: str
    events: list[Signed] = field(default_factory=list)
    lines: list[Entry] = field(default_factory=list)  # of the journal
    playbook: Playbook | None = None

    def first(self, kind: str) -> Signed | None:
        """Return the first event of a kind."""
        return next((one for one in self.events if one.type == kind), None)

    def ends(self) -> dict[str, tuple[str, Signed]]:
        """Return how each step ended by what is signed: its own event, or that of the run's end after a crash."""
        found: dict[str, tuple[str, Signed]] = {}
        for one in self.events:
            if one.type == log.PLAY_STEP:
                found[str(one.said.get("step", ""))] = (str(one.said.get("outcome", "")), one)
            elif one.type == log.PLAY_ENDED and isinstance(steps := one.said.get("steps"), dict):
                for name, outcome in steps.items():
                    found.setdefault(name, (str(outcome), one))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Every run, oldest first; what could not be read of them; and what of the custody log could not."""

    runs: tuple[Record, ...]
    unread: tuple[Unread, ...]
    broken: tuple[Unread, ...]


def read_records(vault: Vault) -> Records:
    """Return what is on record about every run, as far as it can be read."""
    found: dict[str, Record] = {}
    unread: list[Unread] = []
    broken: list[Unread] = []

    def seen(event: Event) -> None:
        part = event.said.predicate.get("answer" if event.type == log.PLAY_ANSWERED else "playbook")
        if event.type not in _KINDS | {log.PLAY_ANSWERED} or not isinstance(part, dict):
            return
        name = str(part.get("run", ""))
        if not names.is_safe(name) or "/" in name:
            unread.append(Unread(f"event {event.seq}", "names a run that cannot be one"))
            return
        digests = {one.name: one.sha256 for one in event.said.subjects}
        kept = Signed(seq=event.seq, at=rfc3339(event.at), type=event.type, said=part, digests=digests)
        found.setdefault(name, Record(id=name)).events.append(kept)

    def keep(error: EvidenceKitError, where: str) -> None:
        broken.append(Unread(where, error.message))

    try:
        with vault.open(log.LOG) as stream:
            log.scan(stream, report=keep, seen=seen)
    except EvidenceKitError as error:
        keep(error, log.LOG)
    for record in found.values():
        unread += _files(vault, record)
    return Records(runs=tuple(found.values()), unread=tuple(unread), broken=tuple(broken))


def _files(vault: Vault, record: Record) -> Iterator[Unread]:
    """Read playbook and journal into the record, and yield what cannot be read."""
    path = journal.playbook_path(record.id)
    try:
        record.playbook = _playbook(vault, path, record)
    except EvidenceKitError as error:
        yield Unread(path, error.message)
    try:
        for line in journal.read(vault, record.id):
            record.lines.append(line)
    except EvidenceKitError as error:
        yield Unread(journal.journal_path(record.id), error.message)


def _playbook(vault: Vault, path: str, record: Record) -> Playbook:
    with vault.open(path) as stream:
        found = parse_playbook(stream.read(MAX_DOCUMENT + 1), name=path)
    begun = record.first(log.PLAY_STARTED)
    if begun is None or begun.digests.get(path) != found.digest:
        raise DigestError("is not the playbook that was signed: its steps are told as far as events name them")
    return found
