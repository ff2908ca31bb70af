"""A bag's own records against each other: the ledger's chain, the attestations, and what both say was stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import bag, dsse, ledger, statement, strict
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.verify.proofs import Proofs
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import ChainError, EvidenceKitError, SignatureError, UntrustedError
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus


@dataclass(slots=True)
class LedgerFacts:
    """What one pass over a ledger tells."""

    chain: Chain = field(default_factory=Chain)
    open: set[str] = field(default_factory=set)
    planned: int = 0
    missing: int = 0
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
            self.planned += 1
            self.open.add(entry.text("unit"))
        elif entry.kind == ledger.UNIT:
            self._close(entry.text("unit"), entry.text("status"))
        elif entry.kind == ledger.CLOSED:
            self.closed = True
        elif entry.kind == ledger.EXCHANGE:
            self.attempts += 1
            return self._artifact(entry.fields)
        return None

    def _close(self, unit: str, status: str) -> None:
        if unit not in self.open:
            raise ChainError(f"unit {unit!a} ends without being open")
        self.open.remove(unit)
        try:
            self.missing += not UnitStatus(status).is_whole
        except ValueError as error:
            raise ChainError(f"unit {unit!a} ends in a status that does not exist: {status!a}") from error

    def _artifact(self, fields: Mapping[str, object]) -> str | None:
        if fields.get("artifact") is None:
            return None
        stored = strict.field(fields, "artifact", dict)
        self.artifacts += 1
        return f"{strict.field(stored, 'path', str)}  {strict.field(stored, 'sha256', str)}\n"


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
        tallies["ledger"].fail(error if isinstance(error, ChainError) else ChainError(error.message), path)


def check_agreement(ours: Iterator[bytes], listed: Iterator[bytes], root: str, what: str, tallies: Tallies) -> None:
    """Report where two sorted streams of `path  sha256` lines differ."""
    mine, theirs = next(ours, None), next(listed, None)
    while mine is not None or theirs is not None:
        if mine == theirs:
            mine, theirs = next(ours, None), next(listed, None)
            continue
        first = min(line for line in (mine, theirs) if line is not None)
        name = first.decode("utf-8", "replace").partition("  ")[0]
        tallies[what].fail(ChainError("ledger, attestations and manifest do not tell the same"), f"{root}/{name}")
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
    each_signature: bool,
    wanted: Iterator[bytes] | None,
) -> Frontier:
    """Rebuild the tree over the attestation lines; with `each_signature` check each and hold it against `wanted`.

    `wanted` are sorted `path  sha256` lines of what was stored.
    """
    tree = Frontier()
    path = f"{root}/{bag.ATTESTATIONS}"
    tally = tallies["attestations"]

    def subjects() -> Iterator[bytes]:
        with vault.open(path) as stream:
            for number, (line, whole) in enumerate(ledger.raw_lines(stream, limit=strict.MAX_DOCUMENT), start=1):
                if not whole:
                    raise ledger.Torn(f"line {number} is torn")
                tree.add(line)
                if each_signature:
                    with tally.asking(f"{path}:{number}"):
                        yield _subject_line(line, keys)

    try:
        if wanted is not None:
            check_agreement(sorted_lines(subjects()), wanted, root, "attestations", tallies)
        else:
            for _ in subjects():
                pass
    except ledger.Torn:
        tally.notes.append("the last line is torn")
    except EvidenceKitError as error:
        tally.fail(error, path)
    return tree


def _subject_line(line: bytes, keys: Mapping[str, PublicKey]) -> bytes:
    envelope = dsse.parse_line(line)
    try:
        said = statement.parse(envelope.verify_among(keys.get), expected=statement.ARTIFACT)
    except UntrustedError as error:
        raise SignatureError("signed by a key that is not this acquisition's") from error
    if len(said.subjects) != 1:
        raise SignatureError("an attestation is about one artifact")
    return f"{said.subjects[0].name}  {said.subjects[0].sha256}\n".encode()
