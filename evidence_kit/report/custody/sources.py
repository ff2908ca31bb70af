"""What the custody record is made of: seals, records, the checkpoint, and what the log says of time-stamps."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.analysis.history import Told
from evidence_kit.analysis.summaries import part
from evidence_kit.custody import bag, checkpoint, ledger, log, seal, strict
from evidence_kit.custody.log import Acquisition, State
from evidence_kit.errors import EvidenceKitError, SignatureError
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus
from evidence_kit.vaults.local import LocalVault

MAX_SOURCES = 200  # told apart in one bag; the catalogue has a few dozen
_UNITS = b',"units":['
_COUNTS = ("pages", "records", "artifacts", "bytes")
_STATUSES = frozenset(status.value for status in UnitStatus)
_SIZE = re.compile(r"[1-9][0-9]{0,18}")
_Read = Callable[[Vault, str], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """What one acquisition says of itself: documents by the file in the bag, and its units counted."""

    path: str
    note: str
    documents: Mapping[str, Mapping[str, object]]
    units: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()  # how long the ledger is, by the seal
    digests: tuple[str, ...] = ()  # how long the manifest is, likewise


def document(event: Told) -> Mapping[str, object]:
    """Return an event as a document: its predicate, with the subjects beside."""
    return {**event.fields, "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in event.subjects]}


def read_bag(vault: LocalVault, known: Acquisition, state: State) -> Bag:
    """Read seal, record and the ledger's first line of one acquisition, as far as they are there."""
    documents: dict[str, Mapping[str, object]] = {}
    tally = _Tally()
    for name, read in {bag.SEAL: _seal, bag.LEDGER: _first_line}.items():
        if vault.stat(f"{known.bag}/{name}") is not None:
            documents[name] = _located(vault, f"{known.bag}/{name}", read)
    if vault.stat(path := f"{known.bag}/{bag.ACQUISITION}") is not None:
        documents[bag.ACQUISITION] = _located(vault, path, lambda vault, path: _acquisition(vault, path, tally))
    size = part(documents.get(bag.SEAL, {}), "predicate", "ledger").get("size")
    count = part(documents.get(bag.SEAL, {}), "predicate", "artifacts").get("size")
    return Bag(
        path=known.bag,
        note=_note(known, state, documents),
        documents=documents,
        units=tuple(tally.units()),
        findings=tuple(tally.findings()),
        lines=(f"in each exchange; {size:,} ledger lines",) if isinstance(size, int) else (),
        digests=(f"SHA-256 of each of {count:,} artifacts",) if isinstance(count, int) else (),
    )


def _note(known: Acquisition, state: State, documents: Mapping[str, object]) -> str:
    gone = state.custody.disposed
    event = gone.get(known.bag, gone.get(log.WHOLE_CASE))
    if event is not None:
        return f"disposed of by event {event}"
    if known.seal_sha256 is None:
        return "not sealed"
    return "" if bag.SEAL in documents else "its seal is not here, although the log names one"


def _located(vault: Vault, path: str, read: _Read) -> Mapping[str, object]:
    try:
        return read(vault, path)
    except EvidenceKitError as error:
        if path in error.message:
            raise
        raise type(error)(f"`{path}`: {error.message}", hint="`evidence-kit verify` lists all defects") from error


def _seal(vault: Vault, path: str) -> Mapping[str, object]:
    """Return the bundle, with the statement that it carries beside."""
    with vault.open(path) as stream:
        data = stream.read(strict.MAX_DOCUMENT + 1)
    envelope = seal.parse(data)
    seal.read(envelope.payload)
    return {**strict.decode(data), **strict.decode(envelope.payload)}


def _first_line(vault: Vault, path: str) -> Mapping[str, object]:
    with vault.open(path) as stream:
        line, whole = next(ledger.raw_lines(stream), (b"", False))
    return strict.decode(line) if whole else {}


def _acquisition(vault: Vault, path: str, tally: "_Tally") -> Mapping[str, object]:
    """Return the record without its units, which are counted line by line: there can be a hundred thousand."""
    with vault.open(path) as stream:
        lines = (line for line, _ in ledger.raw_lines(stream))
        head = next(lines, b"")
        if not head.endswith(_UNITS):
            raise SignatureError("the units do not stand one a line")
        for line in lines:
            if line == b"]}":
                break
            tally.add(strict.decode(line.removesuffix(b",")))
    return strict.decode(head.removesuffix(_UNITS) + b"}")


@dataclass(slots=True)
class _Tally:
    """Units of one bag, by source."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, unit: Mapping[str, object]) -> None:
        """Count one unit."""
        source = strict.field(unit, "unit", str).partition("|")[0][:80]
        if source not in self.statuses and len(self.statuses) >= MAX_SOURCES:
            source = "others"
        status = strict.field(unit, "status", str)
        self.statuses.setdefault(source, Counter())[status if status in _STATUSES else "unknown"] += 1
        counts = self.counts.setdefault(source, Counter())
        for name in _COUNTS:
            counts[name] += strict.field(unit, name, int)
        for finding in strict.field(unit, "findings", list):
            kind = part(finding).get("kind")
            name = kind[:80] if isinstance(kind, str) else "unknown"
            self.found[name if name in self.found or len(self.found) < MAX_SOURCES else "others"] += 1

    def units(self) -> Iterator[str]:
        """Yield a line a source: how its units ended, and what they brought."""
        for source in sorted(self.statuses):
            ended = ", ".join(f"{count:,} {status}" for status, count in sorted(self.statuses[source].items()))
            brought = ", ".join(f"{self.counts[source][name]:,} {name}" for name in _COUNTS)
            yield f"{source}: units {ended}; {brought}"

    def findings(self) -> Iterator[str]:
        """Yield a line a kind of finding; that there are none is said too."""
        if self.statuses and not self.found:
            yield "none"
        yield from (f"{count:,} {kind}" for kind, count in sorted(self.found.items()))


def read_checkpoint(vault: Vault) -> Mapping[str, object]:
    """Return the checkpoint as plain data, nothing where there is none."""
    if vault.stat(log.CHECKPOINT) is None:
        return {}
    return _located(vault, log.CHECKPOINT, _checkpoint)


def _checkpoint(vault: Vault, path: str) -> Mapping[str, object]:
    with vault.open(path) as stream:
        head, signatures = checkpoint.parse(stream.read(checkpoint.MAX_CHECKPOINT + 1))
    names = [{"name": name} for name, _ in signatures]
    return {"origin": head.origin, "size": head.size, "root": head.root.hex(), "signatures": names}


def stamped_sizes(events: Sequence[Told]) -> Mapping[int, str]:
    """Return for each size of the log that was time-stamped when that was first, and by whom, as the log has it."""
    stamps: dict[int, str] = {}
    for event in events:
        listed = event.fields.get("timestamps") if event.type == log.TIMESTAMPED else None
        for item in listed if isinstance(listed, list) else ():
            said = part(item)
            of, at = said.get("of"), said.get("genTime")
            folder, _, size = of.rpartition("/") if isinstance(of, str) else ("", "", "")
            if folder == log.CHECKPOINTS and _SIZE.fullmatch(size) and isinstance(at, str) and _is_granted(said):
                text = f"{at} by {said.get('authority')} (as {of})"
                stamps[int(size)] = min(stamps.get(int(size), text), text)
    return stamps


def _is_granted(said: Mapping[str, object]) -> bool:
    return said.get("result") == "granted"
