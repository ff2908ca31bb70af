"""What the ledgers hold: every artifact, one after the other, and what providers' records say about coverage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.analysis.bagfiles import entries
from evidence_kit.analysis.coverage import Coverage, read_coverage
from evidence_kit.custody import bag, ledger, strict
from evidence_kit.errors import ChainError, EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.report.case.holding import Artifact, Finding, Pointer
from evidence_kit.report.case.journal import named
from evidence_kit.report.case.model import Unread


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The artifacts of some bags; walking them reads the ledgers anew, and stops where one cannot be read.

    Whoever makes the report has read them before and says which could not be.
    """

    vault: Vault
    roots: Sequence[str]

    def __iter__(self) -> Iterator[Artifact]:
        for root in self.roots:
            try:
                for entry in entries(self.vault, root):
                    if entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
                        yield _artifact(root, _pointer(root, entry), entry.fields)
            except EvidenceKitError:
                continue


def _artifact(root: str, pointer: Pointer, fields: Mapping[str, object]) -> Artifact:
    said = strict.field(fields, "artifact", dict)
    unit = strict.field(fields, "unit", str)
    source, _, rest = unit.partition("|")
    return Artifact(
        path=f"{root}/{strict.field(said, 'path', str)}",
        sha256=strict.field(said, "sha256", str),
        bytes=strict.field(said, "bytes", int),
        source=source,
        target=rest.partition("|")[0],
        unit=unit,
        acquisition=root.rpartition("/")[2],
        kind=named(said, "kind"),
        original_name=named(said, "originalName"),
        records=_number(said.get("records")),
        received_at=named(fields, "receivedAt"),
        status_code=_number(fields.get("status")),
        request_id=named(fields, "requestId"),
        pointer=pointer,
    )


def _pointer(root: str, entry: ledger.Entry) -> Pointer:
    return Pointer(f"{root}/{bag.LEDGER}", strict.field(entry.fields, "seq", int) + 1)


def _number(value: object) -> int | None:
    return value if type(value) is int else None


@dataclass(slots=True)
class Tally:
    """What the ledgers add up to."""

    artifacts: int = 0
    bytes: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)

    def take(self, root: str, entry: ledger.Entry) -> None:
        """Add one line of the ledger of a bag."""
        if entry.kind == ledger.EXCHANGE and isinstance(said := entry.fields.get("artifact"), dict):
            self.bytes += _require_whole(entry, said)
            self.artifacts += 1
            self.records += _number(said.get("records")) or 0
        elif entry.kind == ledger.UNIT:
            unit, pointer = entry.text("unit"), _pointer(root, entry)
            self.findings += (_finding(unit, item, pointer) for item in strict.field(entry.fields, "findings", list))


def _require_whole(entry: ledger.Entry, said: Mapping[str, object]) -> int:
    """Return the bytes of an artifact; raises for whatever would end `Ledgers`, which says nothing."""
    for value, name in ((entry.fields, "unit"), (said, "path"), (said, "sha256")):
        strict.field(value, name, str)
    strict.field(entry.fields, "seq", int)
    return strict.field(said, "bytes", int)


@dataclass(frozen=True, slots=True)
class Walked:
    """All that a report takes from the ledgers but the artifacts themselves."""

    coverage: Coverage
    tally: Tally
    unread: tuple[Unread, ...]


def walk(vault: Vault, roots: Sequence[str]) -> Walked:
    """Read each ledger once for coverage and counts; where coverage cannot be told, counts still are."""
    tally = Tally()
    try:
        return Walked(read_coverage(vault, seen=tally.take), tally, ())
    except EvidenceKitError as error:
        unread = [Unread("coverage", error.message)]
    tally = count(vault, roots, unread=unread.append)
    return Walked(Coverage(rows=(), findings=()), tally, tuple(unread))


def count(vault: Vault, roots: Sequence[str], *, unread: Callable[[Unread], None]) -> Tally:
    """Walk every ledger once; one that cannot be read to its end is said, and what came before counts."""
    tally = Tally()
    for root in roots:
        try:
            for entry in entries(vault, root):
                tally.take(root, entry)
        except EvidenceKitError as error:
            unread(Unread(f"the ledger of {root}", error.message))
    return tally


def _finding(unit: str, said: object, pointer: Pointer) -> Finding:
    if not isinstance(said, dict):
        raise ChainError("a finding is not an object")
    window = said.get("window")
    return Finding(
        kind=strict.field(said, "kind", str),
        message=strict.field(said, "message", str),
        source=unit.partition("|")[0],
        unit=unit,
        window=_window(window) if isinstance(window, dict) else None,
        facts=tuple((str(name), str(text)) for name, text in strict.field(said, "facts", dict).items()),
        pointer=pointer,
    )


def _window(value: Mapping[str, object]) -> Window:
    return Window(parse_instant(strict.field(value, "start", str)), parse_instant(strict.field(value, "end", str)))
