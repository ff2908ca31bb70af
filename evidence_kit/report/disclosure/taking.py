"""Taking artifacts out of sealed bags into a package, each with what proves it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.analysis.redaction import redact
from evidence_kit.analysis.rules import Rule, Rules, is_meant
from evidence_kit.custody import attest, bag, disclosure, dsse, statement, strict
from evidence_kit.custody.disclosure import Disclosed, FromBag, Handover, Proof
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import raw_lines
from evidence_kit.custody.log import Acquisition, Keeper, State
from evidence_kit.custody.merkle import Prover
from evidence_kit.custody.seal import Sealed
from evidence_kit.custody.timestamp import MAX_REPLY
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import files, seals
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import ChainError, DigestError, EmptyError, EvidenceKitError
from evidence_kit.model.check import Check
from evidence_kit.model.time import rfc3339
from evidence_kit.report.disclosure.package import Listing, Package, chunks_of
from evidence_kit.vaults.local import LocalVault

Limit = Callable[[], AbstractContextManager[None]]


@dataclass(slots=True, kw_only=True)
class Order:
    """What is to be disclosed, to whom, and what is to be taken out before."""

    artifacts: tuple[str, ...]
    to: Handover
    is_glob: bool = True  # else each artifact is a path, or the SHA-256 of its bytes
    rules: Rules | None = None
    allow_unmatched: bool = False
    limit: Limit = nullcontext  # the time that rules may take with one artifact
    _named: set[str] = field(default_factory=set)

    def takes(self, folder: str, subject: statement.Subject) -> bool:
        """Say whether an artifact was asked for."""
        path = f"{folder}/{subject.name}"
        names = {path, subject.name, subject.sha256}
        fits = {said for said in self.artifacts if said in names or (self.is_glob and is_meant(said, path))}
        self._named |= fits
        return bool(fits)

    def require_found(self) -> None:
        """Raise EmptyError if something that was asked for is in no sealed bag."""
        for said in self.artifacts:
            if said not in self._named:
                raise EmptyError(
                    f"no sealed bag of this case holds `{said[:200]}`",
                    hint="a path in the case or bag, or a SHA-256; an acquisition without seal proves nothing",
                )


def first_defect(check: Check, prefix: str = "") -> EvidenceKitError:
    """Return the first defect of a check as the error it was."""
    first = min(check.defects, key=lambda defect: defect.verdict)
    kinds = {kind.exit: kind for kind in EvidenceKitError.__subclasses__()}
    said = f"{check.id}: `{first.subject.removeprefix(prefix)}`: {first.message}"
    return kinds[first.verdict](said, hint="nothing was handed out; `evidence-kit verify` lists all defects")


class Taking:
    """One package in the making."""

    def __init__(
        self,
        *,
        vault: LocalVault,
        package: Package,
        redactions: Listing,
        state: State,
        trust: Trust,
        order: Order,
    ) -> None:
        self._vault, self._package, self._state = vault, package, state
        self._trust, self._order = trust, order
        self._matched: set[str] = set()
        self.told: set[str] = set()
        self._redactions = redactions
        self._redacted = self._available = 0

    def take(self, known: Acquisition) -> FromBag | None:
        """Copy what was asked for out of one sealed bag; None if that is nothing."""
        if not self._is_concerned(known):
            return None
        sealed, keys = self._checked(known)
        indices = self._artifacts(known, keys)
        self._prove(known, sealed, indices)
        self._seal(known)
        self._available += sealed.artifacts
        return FromBag(
            acquisition=known.id,
            seal_sha256=str(known.seal_sha256),
            root=sealed.artifacts_root,
            size=sealed.artifacts,
            artifacts=len(indices),
        )

    def finish(self, taken: list[FromBag], keeper: Keeper, at: datetime) -> Disclosed:
        """Return what there is to sign, once all that was asked for was found."""
        self._order.require_found()
        rules = self._order.rules
        if rules and not self._order.allow_unmatched:
            rules.require_matched(self._matched)
        return Disclosed(
            case=self._state.case,
            at=rfc3339(at),
            name=keeper.actor,
            keyid=keeper.signer.keyid,
            certificate=keeper.certificate,
            to=self._order.to,
            bags=tuple(taken),
            redacted=self._redacted,
            withheld=self._available - sum(each.artifacts for each in taken),
            rules=rules.sha256 if rules else "",
            tool=keeper.tool,
        )

    def _checked(self, known: Acquisition) -> tuple[Sealed, dict[str, PublicKey]]:
        """Return what the seal says, if it is the one of the log, by a trusted collector, over what lies there."""
        tallies = Tallies()
        want = seals.Expected(
            root=known.bag, id=known.id, case=self._state.case, keys=known.keys, seal_sha256=known.seal_sha256
        )
        said, sealed = seals.check_seal(self._vault, want, self._trust, tallies)
        keys = seals.acquisition_keys(self._vault, want, sealed, tallies)
        if said is not None:
            seals.check_subjects(self._vault, known.bag, said, tallies)
        broken = next((check for check in tallies.checks() if check.defects), None)
        if sealed is None or broken is not None:
            raise first_defect(broken or tallies["seal"].check())
        return sealed, keys

    def _is_concerned(self, known: Acquisition) -> bool:
        """Say whether anything was asked for out of a bag: another one's defects are no reason to refuse."""
        return any(self._order.takes(known.bag, _subject(line)) for line in self._lines(known))

    def _lines(self, known: Acquisition) -> Iterator[bytes]:
        with self._vault.open(f"{known.bag}/{bag.ATTESTATIONS}") as stream:
            for line, _ in raw_lines(stream, limit=strict.MAX_DOCUMENT):
                yield line

    def _artifacts(self, known: Acquisition, keys: dict[str, PublicKey]) -> list[int]:
        """Copy each artifact that was asked for, and its attestation; return their places in the tree."""
        indices: list[int] = []
        with (
            files.Lookup(self._vault, f"{known.bag}/{bag.MANIFEST}") as manifest,
            self._package.writing(disclosure.attestations_of(known.id)) as out,
        ):
            for index, line in enumerate(self._lines(known)):
                if not self._order.takes(known.bag, _subject(line)):
                    continue
                path, sha256 = attest.attested(line, keys)
                if manifest.find(path) != sha256:
                    raise ChainError(f"`{known.bag}/{path}`: attestation and manifest do not tell the same")
                self._artifact(known, path, sha256, line)
                out.write(line + b"\n")
                indices.append(index)
        return indices

    def _artifact(self, known: Acquisition, path: str, sha256: str, line: bytes) -> None:
        case_path = f"{known.bag}/{path}"
        rules = self._order.rules.about(case_path) if self._order.rules else ()
        payload = dsse.parse_line(line).payload
        self.told |= {rule.name for rule in rules if rule.pattern and rule.pattern.search(payload)}
        if rules and self._redact(known, path, sha256, rules):
            return
        with self._vault.open(case_path) as stream:
            found = self._package.write(disclosure.whole_path(known.id, path), chunks_of(stream))
        if found != sha256:
            raise DigestError(f"`{case_path}` differs from what was sealed")

    def _redact(self, known: Acquisition, path: str, sha256: str, rules: tuple[Rule, ...]) -> bool:
        case_path = f"{known.bag}/{path}"
        with self._vault.open(case_path) as stream:
            copy = redact(case_path, stream, rules, limit=self._order.limit)
        if copy is None:
            return False
        if copy.redaction.sha256 != sha256:
            raise DigestError(f"`{case_path}` differs from what was sealed")
        self._matched |= copy.matched
        self._redactions.write(copy.redaction.line() + b"\n")
        self._redacted += 1
        self._package.write(disclosure.copy_path(known.id, path), [copy.body])
        return True

    def _prove(self, known: Acquisition, sealed: Sealed, indices: list[int]) -> None:
        prover = Prover(indices)
        for line in self._lines(known):
            prover.add(line)
        if (prover.size, prover.root().hex()) != (sealed.artifacts, sealed.artifacts_root):
            raise ChainError(f"`{known.bag}`: the attestations are not the ones that were sealed")
        with self._package.writing(disclosure.proofs_of(known.id)) as out:
            chosen = iter(indices)
            wanted = next(chosen, None)
            for index, line in enumerate(self._lines(known)):
                if index != wanted:
                    continue
                hashes = tuple(prover.proof(index))
                out.write(
                    Proof(path=_subject(line).name, index=index, size=prover.size, hashes=hashes).line() + b"\n"
                )
                wanted = next(chosen, None)

    def _seal(self, known: Acquisition) -> None:
        """Copy the seal with all that lies beside it, and once more with its time-stamps embedded."""
        root = disclosure.seal_root(known.id)
        tokens: list[bytes] = []
        for entry in sorted(self._vault.walk(f"{known.bag}/{bag.SEAL_FOLDER}"), key=lambda found: found.path):
            inner = entry.path.removeprefix(f"{known.bag}/")
            if entry.kind != "file" or not seals.belongs(inner) or inner.endswith(".reply"):
                continue
            with self._vault.open(entry.path) as stream:
                body = stream.read(strict.MAX_DOCUMENT)
            self._package.write(f"{root}/{inner}", [body])
            if inner.startswith(f"{bag.TIMESTAMPS}/") and inner.endswith(".tsr") and len(body) <= MAX_REPLY:
                tokens.append(body)
        if tokens:
            with self._vault.open(f"{known.bag}/{bag.SEAL}") as stream:
                bundle = disclosure.stamped(stream.read(strict.MAX_DOCUMENT), tokens)
            self._package.write(disclosure.stamped_path(known.id), [bundle])


def _subject(line: bytes) -> statement.Subject:
    """Return what an attestation is about, its signature not checked yet."""
    return statement.parse(dsse.parse_line(line).payload, expected=statement.ARTIFACT).subjects[0]
