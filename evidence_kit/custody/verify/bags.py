"""One bag: its seal, its manifests, every file, its records, the providers' proofs it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import bag
from evidence_kit.custody.extsort import LineSorter, sorted_lines
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.seal import Sealed
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import files, records, seals
from evidence_kit.custody.verify.digests import Found
from evidence_kit.custody.verify.proofs import Proofs
from evidence_kit.custody.verify.records import LedgerFacts
from evidence_kit.custody.verify.seals import Expected
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.custody.verify.workers import Crew, crew_for
from evidence_kit.errors import ChainError, DigestError, EvidenceKitError, UnexpectedError
from evidence_kit.model.ports import Vault


@dataclass(slots=True)
class BagFacts:
    """What a bag adds to the report."""

    missing: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    artifacts: int = 0
    bytes: int = 0
    sealed: bool = False


def check_sealed(
    vault: Vault,
    want: Expected,
    trust: Trust,
    tallies: Tallies,
    *,
    each_signature: bool,
    workers: int | None = None,
) -> BagFacts:
    """Check a sealed bag completely, with as many `workers` beside, or with what suits its size."""
    root = want.root
    facts = BagFacts(sealed=True)
    with crew_for(vault, root, workers) as crew:
        said, sealed = seals.check_seal(vault, want, trust, tallies)
        keys = seals.acquisition_keys(vault, want, sealed, tallies)
        known = seals.check_subjects(vault, root, said, tallies) if said is not None else {}
        _check_tag_files(vault, root, known, tallies)
        is_sound = _check_payload(vault, root, crew, facts, tallies)
        ledger_facts, tree = _check_records(
            vault, root, keys, crew, tallies, is_sound=is_sound, each_signature=each_signature
        )
    if sealed is not None:
        _check_counts(root, sealed, ledger_facts, tree, facts, tallies, each_signature=each_signature)
    facts.missing, facts.whole = ledger_facts.lost | ledger_facts.open, ledger_facts.whole
    return facts


def _check_tag_files(vault: Vault, root: str, known: Mapping[str, Found], tallies: Tallies) -> None:
    tally = tallies["tagmanifest"]
    with tally.asking(f"{root}/{bag.TAGMANIFEST}"):
        files.check_listed(vault, root, bag.TAGMANIFEST, tally, known=known)
    try:
        with files.Lookup(vault, f"{root}/{bag.TAGMANIFEST}") as lookup:
            for path, is_plain in files.kinds(vault, root, (f"{root}/data",)):
                inner = path.removeprefix(f"{root}/")
                if inner == bag.TAGMANIFEST:
                    continue
                if not is_plain:
                    tally.fail(UnexpectedError("is not a plain file"), files.printable(path))
                elif not seals.belongs(inner) and lookup.find(inner) is None:
                    tally.fail(UnexpectedError("is listed nowhere"), files.printable(path))
    except EvidenceKitError as error:
        tally.fail(error, root)


def _check_payload(vault: Vault, root: str, crew: Crew, facts: BagFacts, tallies: Tallies) -> bool:
    """Check every file; return whether the manifest can be read to its end."""
    tally = tallies["files"]
    try:
        facts.artifacts, facts.bytes = files.check_listed(vault, root, bag.MANIFEST, tally, crew=crew)
        files.check_unlisted(vault, root, "data", bag.MANIFEST, facts.artifacts, tally)
    except EvidenceKitError as error:
        tallies["manifest"].fail(error, f"{root}/{bag.MANIFEST}")
        return False
    tallies["manifest"].passed += 1
    return True


def _check_records(
    vault: Vault,
    root: str,
    keys: Mapping[str, PublicKey],
    crew: Crew,
    tallies: Tallies,
    *,
    is_sound: bool,
    each_signature: bool,
) -> tuple[LedgerFacts, Frontier]:
    facts, proofs = LedgerFacts(), Proofs(root)
    stored = sorted_lines(records.stored_lines(vault, root, facts, proofs, tallies, crew=crew))
    listed = records.manifest_as_stored(vault, root, is_sound=is_sound)
    try:
        records.check_agreement(stored, listed, root, "ledger", tallies)
    except EvidenceKitError as error:
        tallies["manifest"].fail(error, f"{root}/{bag.MANIFEST}")
    if facts.torn:
        tallies["ledger"].fail(ChainError("the ledger of a sealed bag is torn"), f"{root}/{bag.LEDGER}")
    proofs.check(vault, tallies["proofs"])
    wanted = records.manifest_as_stored(vault, root, is_sound=is_sound) if each_signature else None
    tree = records.check_attestations(vault, root, keys, tallies, wanted=wanted, crew=crew)
    if not each_signature:
        tallies["attestations"].unasked.append("each artifact's own signature (`--each-signature`)")
    return facts, tree


def _check_counts(
    root: str,
    sealed: Sealed,
    facts: LedgerFacts,
    tree: Frontier,
    found: BagFacts,
    tallies: Tallies,
    *,
    each_signature: bool,
) -> None:
    with tallies["attestations"].asking(f"{root}/{bag.ATTESTATIONS}"):
        if (tree.size, tree.root().hex()) != (sealed.artifacts, sealed.artifacts_root):
            raise ChainError("the attestations are not the ones that were sealed")
        checked = ", each signature verified" if each_signature else " as they were sealed"
        tallies["attestations"].notes.append(f"{tree.size:,} attestations{checked}")
    with tallies["ledger"].asking(f"{root}/{bag.LEDGER}"):
        if (facts.chain.size, facts.chain.head) != (sealed.ledger_size, sealed.ledger_head):
            raise ChainError("the ledger is not the one that was sealed")
        if facts.artifacts != sealed.artifacts or facts.acquisition != sealed.acquisition or not facts.closed:
            raise ChainError("ledger and seal do not tell the same")
        if not tallies["files"].defects and found.bytes != sealed.payload_bytes:
            raise ChainError(f"the seal counts {sealed.payload_bytes:,} bytes of evidence, the bag {found.bytes:,}")
        tallies["ledger"].notes.append(f"{facts.attempts:,} exchanges in one chain")
    with tallies["units"].asking(f"{root}/{bag.LEDGER}"):
        missing = len(facts.lost) + len(facts.open)
        if facts.planning:
            raise ChainError("the plan was never closed, so units may be missing that nobody counts")
        if facts.open:
            raise ChainError(f"{len(facts.open)} planned units never ended, such as {min(facts.open)!a}")
        if (facts.planned, missing) != (sealed.units, sealed.units_missing):
            raise ChainError("ledger and seal count units differently")
        tallies["units"].notes.append(f"{facts.planned - missing} of {facts.planned} units obtained in full")
    if not found.artifacts and not tallies["files"].defects:
        tallies["files"].unasked.append(f"{root} holds no artifact")


def check_unsealed(vault: Vault, want: Expected, tallies: Tallies) -> BagFacts:
    """Check a bag that a crash, or a run still going on, left without a seal: every signature, every stored file."""
    root = want.root
    facts = BagFacts()
    tallies["seal"].unasked.append(f"{want.id} was never sealed; `evidence-kit resume` continues it")
    present = _count_evidence(vault, root, tallies)
    if not present and vault.stat(f"{root}/{bag.LEDGER}") is None:
        tallies["ledger"].unasked.append(f"{want.id} has no ledger yet")
        return facts
    taken, proofs = LedgerFacts(), Proofs(root)
    acknowledged = LineSorter()
    for line in sorted_lines(records.stored_lines(vault, root, taken, proofs, tallies)):
        acknowledged.add(line)
        _check_stored(vault, root, line, facts, tallies)
    _check_unsealed_ledger(root, want, taken, tallies)
    keys = want.keys or {}
    records.check_attestations(vault, root, keys, tallies, wanted=iter(acknowledged), may_lead=True)
    if present > taken.artifacts:
        said = f"{present - taken.artifacts} files of {want.id} that its ledger does not acknowledge"
        tallies["files"].unasked.append(said)
    facts.missing, facts.whole = taken.lost | taken.open, taken.whole
    return facts


def _count_evidence(vault: Vault, root: str, tallies: Tallies) -> int:
    """Count the files below `data`; no crash leaves links or devices anywhere in a bag."""
    present = 0
    for entry in vault.walk(root):
        if entry.kind != "file":
            tallies["layout"].fail(UnexpectedError("is not a plain file"), files.printable(entry.path))
        present += entry.path.startswith(f"{root}/data/")
    return present


def _check_stored(vault: Vault, root: str, line: bytes, facts: BagFacts, tallies: Tallies) -> None:
    path, _, digest = line[:-1].decode().partition("  ")
    with tallies["files"].asking(f"{root}/{path}"):
        found, size = files.digest(vault, f"{root}/{path}")
        if found != digest:
            raise DigestError("differs from what the ledger recorded")
        facts.artifacts, facts.bytes = facts.artifacts + 1, facts.bytes + size


def _check_unsealed_ledger(root: str, want: Expected, taken: LedgerFacts, tallies: Tallies) -> None:
    with tallies["ledger"].asking(f"{root}/{bag.LEDGER}"):
        if taken.acquisition not in {"", want.id}:
            raise ChainError(f"the ledger belongs to acquisition {taken.acquisition[:80]!a}")
    if taken.torn:
        tallies["ledger"].notes.append("the last line is torn")
