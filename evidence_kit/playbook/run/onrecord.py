"""What the custody log says of runs: it decides what happened, whatever a crash kept from being written elsewhere."""

from collections.abc import Callable, Mapping
from typing import Any

from evidence_kit.custody import log
from evidence_kit.custody.ledger import GENESIS, Chain, Entry
from evidence_kit.custody.log import Event
from evidence_kit.errors import ChainError, EmptyError, EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.answering import Office
from evidence_kit.playbook.run.journal import Journal
from evidence_kit.vaults.local import LocalVault

RESTORE = "restore it from a copy; nothing was done"


def anchors(vault: Vault, run: str) -> list[tuple[Mapping[str, Any], Mapping[str, str]]]:
    """Return what the custody log says of a run, with the digests that it names."""
    found: list[tuple[Mapping[str, Any], Mapping[str, str]]] = []

    def seen(event: Event) -> None:
        said = event.said.predicate.get("playbook")
        if isinstance(said, dict) and said.get("run") == run:
            found.append((said, {one.name: one.sha256 for one in event.said.subjects}))

    _scan(vault, seen)
    return found


def open_runs(vault: Vault) -> tuple[str, ...]:
    """Return the runs that have not ended, oldest first, those that others called left out; EmptyError for none."""
    open_ones: dict[str, None] = {}

    def seen(event: Event) -> None:
        said = event.said.predicate.get("playbook")
        if event.type == log.PLAY_STARTED and isinstance(said, dict) and not said.get("parents"):
            open_ones[str(said["run"])] = None
        elif event.type == log.PLAY_ENDED and isinstance(said, dict):
            open_ones.pop(str(said["run"]), None)

    _scan(vault, seen)
    if not open_ones:
        raise EmptyError("no run of a playbook is open in this case")
    return tuple(open_ones)


def require_anchored(vault: Vault, run: str, playbook: Playbook) -> None:
    """Hold journal and playbook against what the custody log says of them, which is signed."""
    heads = {0: GENESIS}
    made = Chain()
    with vault.open(journal.journal_path(run)) as stream:
        for raw in stream:
            made.advance(raw[:-1])
            heads[made.size] = made.head
    for said, subjects in anchors(vault, run):
        if (digest := subjects.get(journal.playbook_path(run))) is not None and digest != playbook.digest:
            raise ChainError(f"the playbook of run `{run}` is not the one that was started", hint=RESTORE)
        held = said.get("journal")
        if isinstance(held, dict) and heads.get(int(held["size"])) != held["head"]:
            raise ChainError(f"the journal of run `{run}` is not the one that was signed", hint=RESTORE)


def lines_of(vault: LocalVault, run: str, chain: Chain) -> tuple[bytes, list[Entry]]:
    """Return the torn end and the lines of a journal; a crash may have kept it from beginning as the log says."""
    path = journal.journal_path(run)
    torn = journal.mend(vault, run) if vault.stat(path) is not None else b""
    entry = vault.stat(path)
    if entry is None or not entry.size:
        for said, subjects in anchors(vault, run)[:1]:
            if journal.playbook_path(run) in subjects:
                Journal(vault=vault, run=run).add(journal.OPENED, said)
    return torn, list(journal.read(vault, run, chain))


def take_in_answers(office: Office) -> None:
    """Add the answers that are on record and that a crash kept out of the journal."""

    def seen(event: Event) -> None:
        said = event.said.predicate.get("answer")
        if event.type != log.PLAY_ANSWERED or not isinstance(said, dict) or said.get("run") != office.journal.run:
            return
        known = office.answers.setdefault(str(said["step"]), [])
        folder = f"{journal.folder(office.journal.run)}/"
        known += [one.name for one in event.said.subjects if one.name.startswith(folder) and one.name not in known]

    _scan(office.vault, seen)


def _scan(vault: Vault, seen: Callable[[Event], None]) -> None:
    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=seen)
