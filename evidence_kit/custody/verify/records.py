"""A bag's own records against each other: the ledger's chain, the attestations, and what both say was stored."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, cast

from evidence_kit.custody import attest, bag, ledger, strict
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.verify import blocks, stored
from evidence_kit.custody.verify.proofs import Proofs
from evidence_kit.custody.verify.tally import Tallies, Tally
from evidence_kit.custody.verify.workers import NOBODY, Crew, Frame
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

    def take(self, entry: ledger.Entry) -> bytes:
        """Count one entry; return the line of the artifact that it stored, or nothing."""
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
            return self.take_exchange(stored.artifact_line(entry.fields))
        elif entry.kind != ledger.RESUMED:
            raise ChainError(f"the ledger holds an entry of an unknown kind: {entry.kind[:40]!a}")
        return b""

    def take_exchange(self, line: bytes) -> bytes:
        """Count an attempt and the artifact, if any, that it brought, of which `line` tells."""
        if self.closed:
            raise ChainError("something follows the end of the ledger")
        self.attempts += 1
        self.artifacts += bool(line)
        return line

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


def stored_lines(
    vault: Vault, root: str, facts: LedgerFacts, proofs: Proofs, tallies: Tallies, *, crew: Crew = NOBODY
) -> Iterator[bytes]:
    """Yield a line per artifact in ledger order, filling `facts` and `proofs`; a broken chain ends it."""
    path = f"{root}/{bag.LEDGER}"
    try:
        with vault.open(path) as stream:
            for told in _told(stream, facts.chain, crew):
                if isinstance(told, bytes):
                    line = facts.take_exchange(told)
                else:
                    line = facts.take(told)
                    proofs.take(told)
                if line:
                    yield line
    except ledger.Torn:
        facts.torn = True
    except EvidenceKitError as error:
        said = ChainError(error.message) if isinstance(error, SignatureError | UsageError) else error
        tallies["ledger"].fail(said, path)


def _told(stream: BinaryIO, chain: Chain, crew: Crew) -> Iterator[bytes | ledger.Entry]:
    """Yield the entries of a ledger; of an exchange that nothing but its artifact matters of, the line of that.

    `chain` advances as they are yielded; within a block that is confirmed only its size does until the last.
    """
    if not crew:
        yield from ledger.read(stream, chain)
        return
    for block, answer in crew.run(_numbered(stream)):
        if answer is not None and answer[0] == chain.head:
            yield from _confirmed(cast("blocks.Entries", answer), chain)
        else:
            yield from ledger.read(BytesIO(block), chain)


def _confirmed(answer: "blocks.Entries", chain: Chain) -> Iterator[bytes | ledger.Entry]:
    _, head, entries = answer
    for left, told in zip(range(len(entries), 0, -1), entries, strict=True):
        chain.size += 1
        chain.head = chain.head if left > 1 else head
        yield told if isinstance(told, bytes) else ledger.Entry(*told, end=0)


def _numbered(stream: BinaryIO) -> Iterator[tuple[Frame, bytes]]:
    number = 0
    for block in blocks.blocks(stream, ledger.MAX_LINE):
        yield (blocks.ENTRIES, number), block
        number += block.count(b"\n")


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


def manifest_as_stored(vault: Vault, root: str, *, is_sound: bool = False) -> Iterator[bytes]:
    """Yield the payload manifest in the form of `stored_lines`; one that `is_sound` was read to its end before."""
    with vault.open(f"{root}/{bag.MANIFEST}") as stream:
        if is_sound:
            # Nothing is taken on trust here: a line that changed since agrees with nothing.
            yield from (b"%b  %b\n" % (line[66:-1], line[:64]) for line in _lines(stream))
        else:
            yield from (stored.line_of(listed.path, listed.sha256) for listed in bag.read_manifest(stream))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.readline(bag.MAX_LINE), b"")


def check_attestations(
    vault: Vault,
    root: str,
    keys: Mapping[str, PublicKey],
    tallies: Tallies,
    *,
    wanted: Iterator[bytes] | None,
    may_lead: bool = False,
    crew: Crew = NOBODY,
) -> Frontier:
    """Rebuild the tree over the attestation lines; with `wanted`, check each and hold what they say against it.

    `wanted` are sorted `path  sha256` lines of what was stored; after a crash the attestations `may_lead`.
    """
    path = f"{root}/{bag.ATTESTATIONS}"
    tally = tallies["attestations"]
    reading = _Attestations(path, keys, tally, each=wanted is not None)
    try:
        with vault.open(path) as stream:
            if wanted is not None:
                subjects = sorted_lines(reading.subjects(stream, crew))
                check_agreement(subjects, wanted, root, "attestations", tallies, may_lead=may_lead)
            else:
                deque(reading.subjects(stream, crew), maxlen=0)
    except EvidenceKitError as error:
        tally.fail(error, path)
    return reading.tree


@dataclass(slots=True)
class _Attestations:
    """One pass over the attestations of a bag."""

    path: str
    keys: Mapping[str, PublicKey]
    tally: Tally
    each: bool
    tree: Frontier = field(default_factory=Frontier)

    def subjects(self, stream: BinaryIO, crew: Crew) -> Iterator[bytes]:
        """Yield what each line attests, if each is asked for; what a `crew` confirms is not looked at again."""
        if not crew:
            yield from self._lines(stream)
            return
        pems = [key.pem for key in self.keys.values()] if self.each else None
        requests = (((blocks.ATTESTATIONS, pems), block) for block in blocks.blocks(stream, strict.MAX_DOCUMENT))
        for block, answer in crew.run(requests):
            if answer is None or self.tree.size % blocks.LINES:
                yield from self._lines(BytesIO(block))
                continue
            root, lines = cast("blocks.Attested", answer)
            self.tree.add_subtree(root, blocks.LEVEL)
            self.tally.passed += len(lines)
            yield from lines

    def _lines(self, stream: BinaryIO) -> Iterator[bytes]:
        for line, whole in ledger.raw_lines(stream, limit=strict.MAX_DOCUMENT):
            if not whole:
                self.tally.notes.append("the last line is torn")
                return
            self.tree.add(line)
            if self.each:
                with self.tally.asking(f"{self.path}:{self.tree.size}"):
                    yield stored.line_of(*attest.attested(line, self.keys))
