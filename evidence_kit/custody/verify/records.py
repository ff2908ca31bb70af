"""A bag's own records against each other: the ledger's chain, the attestations, and what both say was stored."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import attest, bag, ledger, names, strict
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.verify.proofs import Proofs
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import ChainError, EvidenceKitError, SignatureError, UsageError
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus


@dataclass(slots=True)
class LedgerFacts:
    """What one pass over a ledger tells."""

    chain: Chain = field(default_factory=Chain)
    open: set[str] = field(default_factory=set)
    planned: int = 0
    planning: bool = True  # until `plan.closed`: nothing may be planned once evidence is being taken
    lost: set[str] = field(default_factory=set)  # units that ended without all there is
    whole: set[str] = field(default_factory=set)
    artifacts: int = 0
    attempts: int = 0
    acquisition: str = ""
    closed: bool = False
    torn: bool = False

    def take(self, entry: ledger.Entry) -> str | None:
        """Count one entry; return the `path  sha256` line of the artifact that it stored, if any."""
        if self.closed:
            raise ChainError("something follows the end of the ledger")
        if entry.kind == ledger.OPENED:
            self.acquisition = entry.text("acquisition")
        elif entry.kind == ledger.PLANNED:
            self._plan(entry.text("unit"))
        elif entry.kind == ledger.PLAN_CLOSED:
            self.planning = False
            if strict.field(entry.fields, "units", int) != self.planned:
                raise ChainError(f"the plan names {entry.fields['units']!a} units, {self.planned} were planned")
        elif entry.kind == ledger.UNIT:
            self._close(entry.text("unit"), entry.text("status"))
        elif entry.kind == ledger.CLOSED:
            self.closed = True
        elif entry.kind == ledger.EXCHANGE:
            self.attempts += 1
            return self._artifact(entry.fields)
        elif entry.kind != ledger.RESUMED:
            raise ChainError(f"the ledger holds an entry of an unknown kind: {entry.kind[:40]!a}")
        return None

    def _plan(self, unit: str) -> None:
        if not self.planning or unit in self.open:
            raise ChainError(f"unit {unit!a} was planned twice, or after the plan was closed")
        self.planned += 1
        self.open.add(unit)

    def _close(self, unit: str, status: str) -> None:
        if unit not in self.open:
            raise ChainError(f"unit {unit!a} ends without being open")
        self.open.remove(unit)
        try:
            (self.whole if UnitStatus(status).is_whole else self.lost).add(unit)
        except ValueError as error:
            raise ChainError(f"unit {unit!a} ends in a status that does not exist: {status!a}") from error

    def _artifact(self, fields: Mapping[str, object]) -> str | None:
        if fields.get("artifact") is None:
            return None
        stored = strict.field(fields, "artifact", dict)
        self.artifacts += 1
        return f"{names.require_safe(strict.field(stored, 'path', str))}  {strict.field(stored, 'sha256', str)}\n"


def stored_lines(vault: Vault, root: str, facts: LedgerFacts, proofs: Proofs, tallies: Tallies) -> Iterator[bytes]:
    """Yield a line per artifact in ledger order, filling `facts` and `proofs`; a broken chain ends it."""
    path = f"{root}/{bag.LEDGER}"
    try:
        with vault.open(path) as stream:
            for entry in ledger.read(stream, facts.chain):
                line = facts.take(entry)
                proofs.take(entry)
                if line:
                    yield line.encode()
    except ledger.Torn:
        facts.torn = True
    except EvidenceKitError as error:
        said = ChainError(error.message) if isinstance(error, SignatureError | UsageError) else error
        tallies["ledger"].fail(said, path)


def check_agreement(
    ours: Iterator[bytes],
    listed: Iterator[bytes],
    root: str,
    what: str,
    tallies: Tallies,
    *,
    may_lead: bool = False,
) -> None:
    """Report where two sorted streams of `path  sha256` lines differ; with `may_lead`, `ours` may hold more."""
    mine, theirs = next(ours, None), next(listed, None)
    while mine is not None or theirs is not None:
        if mine == theirs:
            mine, theirs = next(ours, None), next(listed, None)
            continue
        first = min(line for line in (mine, theirs) if line is not None)
        if first != mine or not may_lead:
            name = first.decode("utf-8", "replace").partition("  ")[0]
            said = ChainError("ledger, attestations and manifest do not tell the same")
            tallies[what].fail(said, f"{root}/{name}")
        if first == mine:
            mine = next(ours, None)
        else:
            theirs = next(listed, None)


def manifest_as_stored(vault: Vault, root: str) -> Iterator[bytes]:
    """Yield the payload manifest in the form of `stored_lines`."""
    with vault.open(f"{root}/{bag.MANIFEST}") as stream:
        for listed in bag.read_manifest(stream):
            yield f"{listed.path}  {listed.sha256}\n".encode()


def check_attestations(
    vault: Vault,
    root: str,
    keys: Mapping[str, PublicKey],
    tallies: Tallies,
    *,
    wanted: Iterator[bytes] | None,
    may_lead: bool = False,
) -> Frontier:
    """Rebuild the tree over the attestation lines; with `wanted`, check each and hold what they say against it.

    `wanted` are sorted `path  sha256` lines of what was stored; after a crash the attestations `may_lead`.
    """
    tree = Frontier()
    path = f"{root}/{bag.ATTESTATIONS}"
    tally = tallies["attestations"]

    def subjects() -> Iterator[bytes]:
        with vault.open(path) as stream:
            for number, (line, whole) in enumerate(ledger.raw_lines(stream, limit=strict.MAX_DOCUMENT), start=1):
                if not whole:
                    tally.notes.append("the last line is torn")
                    return
                tree.add(line)
                if wanted is not None:
                    with tally.asking(f"{path}:{number}"):
                        subject, sha256 = attest.attested(line, keys)
                        yield f"{subject}  {sha256}\n".encode()

    try:
        if wanted is not None:
            check_agreement(sorted_lines(subjects()), wanted, root, "attestations", tallies, may_lead=may_lead)
        else:
            deque(subjects(), maxlen=0)
    except EvidenceKitError as error:
        tally.fail(error, path)
    return tree
