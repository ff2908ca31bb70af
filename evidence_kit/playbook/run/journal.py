"""The journal of a run: hash-chained lines, durable before what follows, anchored in the custody log step by step.

It lies with its playbook and the answers of people in one folder of the case. What the journal does not say was not
done; what it says of a step's end is repeated, by digest, in a signed event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.custody import ledger, log
from evidence_kit.custody.ledger import Chain, Entry
from evidence_kit.errors import ChainError, EmptyError
from evidence_kit.model.ports import Vault
from evidence_kit.vaults.local import LocalVault

OPENED, STARTED, ASKED, ANSWERED, ENDED, CLOCK, RESUMED, CLOSED = (
    "opened", "started", "asked", "answered", "ended", "clock", "resumed", "closed",
)  # fmt: skip

_CHAIN = frozenset({"seq", "prev", "type"})


def folder(run: str) -> str:
    """Return where a run lies in its case."""
    return f"{log.RUNS}/{run}"


def playbook_path(run: str) -> str:
    """Return where the playbook of a run lies: exactly the bytes that it was read from."""
    return f"{folder(run)}/playbook.yaml"


def journal_path(run: str) -> str:
    """Return where the journal of a run lies."""
    return f"{folder(run)}/journal.jsonl"


@dataclass(slots=True, kw_only=True)
class Journal:
    """The journal of one run, open for writing."""

    vault: LocalVault
    run: str
    chain: Chain = field(default_factory=Chain)

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Write a line; it is durable on return."""
        if not fields.keys().isdisjoint(_CHAIN):
            raise ChainError("a line of a journal cannot say what the chain says")
        line = self.chain.line(kind, fields)
        if len(line) >= ledger.MAX_LINE:
            raise ChainError(f"a line of {len(line):,} bytes is more than a journal takes")
        self.vault.append(journal_path(self.run), line + b"\n")


def read(vault: Vault, run: str, chain: Chain | None = None) -> Iterator[Entry]:
    """Yield every line, held against the chain; EmptyError where there is no such run."""
    path = journal_path(run)
    if vault.stat(path) is None:
        raise EmptyError(
            f"there is no run `{run[:80]}` in this case", hint="`evidence-kit playbook runs CASE` lists them"
        )
    with vault.open(path) as stream:
        yield from ledger.read(stream, chain)


def mend(vault: LocalVault, run: str) -> bytes:
    """Cut a last line that a crash left torn; return it. A line within that does not fit stops everything.

    What is left of the journal is durable on return.
    """
    path = journal_path(run)
    whole, is_torn = 0, False
    with vault.open(path) as stream:
        try:
            for entry in ledger.read(stream):
                whole = entry.end
        except ledger.Torn:
            is_torn = True
    tail = vault.cut(path, whole) if is_torn else b""
    # Syncs it: what a killed run wrote last may not be on the disk, and the custody log is about to sign its digest.
    vault.append(path, b"")
    return tail
