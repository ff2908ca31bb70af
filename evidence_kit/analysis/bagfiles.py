"""Walking the ledgers of a case: every planned unit with its end, every stored artifact with its exchange."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.acquire.scope import planned_unit, read_status
from evidence_kit.custody import bag, ledger, log, strict
from evidence_kit.custody.ledger import Entry
from evidence_kit.errors import ChainError, EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Finding, Outcome, Unit

Seen = Callable[[str, Entry], None]  # is told every line of a ledger on the way, with the bag that it is of


@dataclass(frozen=True, slots=True)
class Ended:
    """A planned unit and how it ended; None while it is open."""

    acquisition: str
    unit: Unit
    outcome: Outcome | None


def bags(vault: Vault) -> tuple[str, ...]:
    """Return the bags that the custody log names, oldest first."""

    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        state = log.scan(stream, report=stop)
    return tuple(known.bag for known in state.acquisitions.values())


def entries(vault: Vault, root: str) -> Iterator[Entry]:
    """Yield the ledger of one bag; a torn last line ends it, as after a crash."""
    if vault.stat(f"{root}/{bag.LEDGER}") is None:
        return
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        try:
            yield from ledger.read(stream)
        except ledger.Torn:
            return


@dataclass(slots=True)
class Plan:
    """The units of one ledger, as its lines go by."""

    _planned: dict[str, Unit] = field(default_factory=dict)
    _ended: dict[str, Outcome] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Note what a line says of a unit; most say nothing."""
        if entry.kind == ledger.PLANNED:
            unit = planned_unit(entry.fields)
            self._planned[unit.id] = unit
        elif entry.kind == ledger.UNIT:
            self._ended[entry.text("unit")] = _outcome(entry.fields)

    def units(self, root: str) -> Iterator[Ended]:
        """Yield every unit with its end, once all lines of the bag `root` were taken."""
        name = root.rpartition("/")[2]
        for key, unit in self._planned.items():
            yield Ended(name, unit, self._ended.get(key))


def units(vault: Vault, root: str, seen: Seen | None = None) -> Iterator[Ended]:
    """Yield every unit of a bag with its end; who needs more of the same lines is told them, to read them once."""
    plan = Plan()
    for entry in entries(vault, root):
        if seen is not None:
            seen(root, entry)
        plan.take(entry)
    yield from plan.units(root)


def artifacts(vault: Vault, root: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield `(unit id, ledger entry)` of every stored artifact."""
    return (entry_of for entry in entries(vault, root) if (entry_of := stored(entry)))


def stored(entry: Entry) -> tuple[str, Mapping[str, object]] | None:
    """Return `(unit id, ledger entry)` of a line that tells of a stored artifact; None of any other."""
    if entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
        return entry.text("unit"), entry.fields
    return None


def find_artifact(vault: Vault, root: str, path: str) -> Mapping[str, object] | None:
    """Return the ledger entry of the artifact at `path` within a bag, as far as the ledger can be read."""
    try:
        for _, fields in artifacts(vault, root):
            if strict.field(fields, "artifact", dict).get("path") == path:
                return fields
    except EvidenceKitError:
        return None
    return None


def _outcome(fields: Mapping[str, object]) -> Outcome:
    return Outcome(
        unit=strict.field(fields, "unit", str),
        status=read_status(fields),
        reason=strict.field(fields, "reason", str),
        pages=strict.field(fields, "pages", int),
        records=strict.field(fields, "records", int),
        artifacts=strict.field(fields, "artifacts", int),
        bytes=strict.field(fields, "bytes", int),
        findings=tuple(_finding(item) for item in strict.field(fields, "findings", list)),
    )


def _finding(value: object) -> Finding:
    if not isinstance(value, dict):
        raise ChainError("a finding is not an object")
    window = value.get("window")
    return Finding(
        kind=strict.field(value, "kind", str),
        message=strict.field(value, "message", str),
        window=_window(window) if isinstance(window, dict) else None,
        facts={str(name): str(text) for name, text in strict.field(value, "facts", dict).items()},
    )


def _window(value: Mapping[str, object]) -> Window:
    return Window(parse_instant(strict.field(value, "start", str)), parse_instant(strict.field(value, "end", str)))
