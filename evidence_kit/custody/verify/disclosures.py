"""A disclosure package: who handed it on, what they held back, and whether each artifact is what was sealed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence_kit.custody import attest, bag, disclosure, ledger, merkle, redacted, strict
from evidence_kit.custody.disclosure import Disclosed, FromBag, Proof
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.redacted import Redaction
from evidence_kit.custody.seal import Sealed
from evidence_kit.custody.trust import SigningTime, Trust
from evidence_kit.custody.verify import files, seals
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import (
    ChainError,
    DigestError,
    EmptyError,
    EvidenceKitError,
    MissingError,
    SignatureError,
    UnexpectedError,
)
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import parse_instant

DISCLOSERS = ("collector", "custodian")
_UNLISTED = frozenset({disclosure.ENVELOPE, disclosure.MANIFEST})
_PLAIN = frozenset({disclosure.README, disclosure.SCRIPT, disclosure.REDACTIONS})
_GIVEN = (disclosure.ARTIFACTS, disclosure.REDACTED)


def verify_disclosure(vault: Vault, *, name: str, trust: Trust, against: Vault | None = None) -> Report:
    """Check the package at `name` in `vault`; with `against`, a case, make every redacted copy anew and compare.

    Never raises for a defect: all of them are in the report.
    """
    tallies = Tallies()
    tallies["trust"].passed += 1
    tallies["trust"].notes.append(f"{len(trust.keys)} trusted key{'s' if len(trust.keys) != 1 else ''}")
    said = _check_envelope(vault, name, trust, tallies)
    _check_files(vault, name, said, tallies)
    if said is not None:
        work = _Work(vault, name, trust, tallies, against)
        work.check(said)
        if not said.artifacts and not any(check.defects for check in tallies.checks()):
            tallies["files"].fail(EmptyError("the package discloses nothing"), name)
    tallies["log"].unasked.append("a package without its case carries no custody log")
    return Report(subject=name, checks=tallies.checks(), unasked=tallies.unasked())


def _check_envelope(vault: Vault, root: str, trust: Trust, tallies: Tallies) -> Disclosed | None:
    path, tally = f"{root}/{disclosure.ENVELOPE}", tallies["disclosure"]
    try:
        with vault.open(path) as stream:
            envelope = disclosure.parse(stream.read(strict.MAX_DOCUMENT + 1))
        manifest, said = disclosure.read(envelope.payload)
    except EvidenceKitError as error:
        tally.fail(error, path)
        return None
    with tally.asking(path):
        if said.keyid != envelope.keyid:
            raise SignatureError("names a discloser whose key did not sign it")
        envelope.verify_among(lambda keyid: trust.find(keyid, said.certificate))
        when = SigningTime(parse_instant(said.at))
        trusted = trust.require(envelope.keyid, DISCLOSERS, when, certificate=said.certificate)
        to = f" to {_one_line(said.to.recipient)}" if said.to.recipient else ""
        tally.notes.append(f"case {_one_line(said.case)}, disclosed{to} by {trusted.name}, {said.at} by their clock")
        held = f"{said.withheld:,} artifacts of the same bags withheld"
        tally.notes.append(f"{said.artifacts:,} artifacts, {said.redacted:,} of them redacted; {held}")
    with tallies["manifest"].asking(f"{root}/{disclosure.MANIFEST}"):
        if files.digest(vault, f"{root}/{disclosure.MANIFEST}")[0] != manifest:
            raise DigestError("is not the manifest that the discloser signed")
    return said


def _one_line(text: str) -> str:
    """Return what a person wrote, short and safe to show; `;` parts the notes of a check."""
    return ascii(" ".join(text[:200].replace(";", ",").split()))[1:-1]


def _check_files(vault: Vault, root: str, said: Disclosed | None, tallies: Tallies) -> None:
    """Hash what is listed; whatever else lies there, and whatever has no place in a package, is a defect."""
    manifest, tally = f"{root}/{disclosure.MANIFEST}", tallies["files"]
    try:
        present, octets = files.check_listed(vault, root, disclosure.MANIFEST, tally)
        tally.notes.append(f"{tally.passed:,} of {present:,} files match, {octets:,} bytes")
        with vault.open(manifest) as stream:
            for listed in bag.read_manifest(stream):
                if said is not None and not _has_place(listed.path, said):
                    tallies["layout"].fail(UnexpectedError("has no place in a disclosure"), f"{root}/{listed.path}")
        with files.Lookup(vault, manifest) as lookup:
            for entry in vault.walk(root):
                inner = entry.path.removeprefix(f"{root}/")
                if entry.kind != "file":
                    tallies["layout"].fail(UnexpectedError("is not a plain file"), files.printable(entry.path))
                elif inner not in _UNLISTED and lookup.find(inner) is None:
                    tallies["layout"].fail(UnexpectedError("is listed nowhere"), files.printable(entry.path))
    except EvidenceKitError as error:
        tallies["manifest"].fail(error, manifest)


def _has_place(path: str, said: Disclosed) -> bool:
    if path in _PLAIN:
        return True
    for taken in said.bags:
        name = taken.acquisition
        if path in {disclosure.attestations_of(name), disclosure.proofs_of(name), disclosure.stamped_path(name)}:
            return True
        inner = path.removeprefix(f"{disclosure.seal_root(name)}/")
        if inner != path and seals.belongs(inner):
            return True
        if path.startswith(tuple(f"{folder}{name}/data/" for folder in _GIVEN)):
            return True
    return False


@dataclass(slots=True)
class _Work:
    """One pass over what a package hands on, bag by bag, in the order of its attestations."""

    vault: Vault
    root: str
    trust: Trust
    tallies: Tallies
    against: Vault | None
    expected: LineSorter = field(default_factory=LineSorter)
    redacted: int = 0

    def check(self, said: Disclosed) -> None:
        """Check every bag, then that nothing was handed on that no attestation is about."""
        redactions = self._redactions(said)
        try:
            with files.Lookup(self.vault, f"{self.root}/{disclosure.MANIFEST}") as lookup:
                for taken in said.bags:
                    self._bag(taken, said.case, lookup, redactions)
            if next(redactions, None) is not None:
                raise ChainError("lists redactions of artifacts that are not here, or in another order")
            self._check_all_attested()
        except EvidenceKitError as error:
            self.tallies["disclosure"].fail(error, f"{self.root}/{disclosure.REDACTIONS}")
        with self.tallies["disclosure"].asking(f"{self.root}/{disclosure.ENVELOPE}"):
            if self.redacted != said.redacted:
                raise ChainError(f"counts {said.redacted:,} redacted artifacts, there are {self.redacted:,}")
            if self.redacted and not said.rules:
                raise ChainError("names no rules by which its artifacts were redacted")
        if self.redacted and self.against is None:
            unasked = f"that {self.redacted:,} redacted copies differ from their originals only where listed"
            self.tallies["files"].unasked.append(f"{unasked} (`--against CASE`)")

    def _redactions(self, said: Disclosed) -> Iterator[Redaction]:
        path = f"{self.root}/{disclosure.REDACTIONS}"
        if not said.redacted and self.vault.stat(path) is None:
            return
        with self.vault.open(path) as stream:
            for line, whole in ledger.raw_lines(stream, limit=redacted.MAX_LINE):
                if not whole:
                    raise ChainError("the last line is torn")
                yield Redaction.from_line(line)

    def _bag(self, taken: FromBag, case: str, lookup: files.Lookup, redactions: Iterator[Redaction]) -> None:
        root = f"{self.root}/{disclosure.seal_root(taken.acquisition)}"
        want = seals.Expected(root=root, id=taken.acquisition, case=case, seal_sha256=taken.seal_sha256)
        said, sealed = seals.check_seal(self.vault, want, self.trust, self.tallies)
        keys = seals.acquisition_keys(self.vault, want, sealed, self.tallies)
        if said is None or sealed is None:
            return
        with self.tallies["seal"].asking(f"{root}/{bag.ACQUISITION_KEYS}"):
            found, _ = files.digest(self.vault, f"{root}/{bag.ACQUISITION_KEYS}")
            if found != said.subject(bag.ACQUISITION_KEYS).sha256:
                raise DigestError("differs from what was sealed")
        with self.tallies["disclosure"].asking(f"{self.root}/{disclosure.ENVELOPE}"):
            if (taken.root, taken.size) != (sealed.artifacts_root, sealed.artifacts):
                raise ChainError(f"says of {taken.acquisition} another tree than its seal")
        self._check_stamped(taken.acquisition)
        self._artifacts(taken, sealed, keys, lookup, redactions)

    def _check_stamped(self, acquisition: str) -> None:
        """Check that the bundle with embedded time-stamps is the seal; what they prove was told with the tokens."""
        path = f"{self.root}/{disclosure.stamped_path(acquisition)}"
        if self.vault.stat(path) is None:
            return
        with self.tallies["seal"].asking(path):
            root = f"{self.root}/{disclosure.seal_root(acquisition)}"
            with self.vault.open(f"{root}/{bag.SEAL}") as one, self.vault.open(path) as other:
                plain, stamped = one.read(strict.MAX_DOCUMENT), other.read(strict.MAX_DOCUMENT + 1)
            value = strict.decode_line(stamped.removesuffix(b"\n"))
            strict.field(value, "verificationMaterial", dict).pop("timestampVerificationData", None)
            if strict.encode(value) + b"\n" != plain:
                raise SignatureError("is not the seal with time-stamps added")

    def _artifacts(
        self,
        taken: FromBag,
        sealed: Sealed,
        keys: dict[str, PublicKey],
        lookup: files.Lookup,
        redactions: Iterator[Redaction],
    ) -> None:
        """Hold attestations, proofs and artifacts against each other, line by line."""
        path, tally = f"{self.root}/{disclosure.attestations_of(taken.acquisition)}", self.tallies["attestations"]
        proofs = self._lines(disclosure.proofs_of(taken.acquisition), disclosure.MAX_PROOF_LINE)
        count, last = 0, -1
        try:
            root = _root_of(sealed)
            for line in self._lines(disclosure.attestations_of(taken.acquisition), strict.MAX_DOCUMENT):
                count += 1
                with tally.asking(f"{path}:{count}"):
                    proof = Proof.from_line(next(proofs, b""))
                    subject, sha256 = attest.attested(line, keys)
                    if proof.path != subject or proof.size != sealed.artifacts or proof.index <= last:
                        raise ChainError("its proof is about something else, or out of order")
                    last = proof.index
                    merkle.verify_inclusion(line, proof.index, proof.size, proof.hashes, root)
                    self._artifact(taken.acquisition, subject, sha256, lookup, redactions)
            if next(proofs, None) is not None or count != taken.artifacts:
                raise ChainError(
                    f"{taken.artifacts:,} artifacts are disclosed of {taken.acquisition}, {count:,} attested"
                )
        except EvidenceKitError as error:
            tally.fail(error, path)
        tally.notes.append(f"{count:,} attestations of {taken.acquisition} in the tree that its seal signs")

    def _lines(self, path: str, limit: int) -> Iterator[bytes]:
        with self.vault.open(f"{self.root}/{path}") as stream:
            for line, whole in ledger.raw_lines(stream, limit=limit):
                if not whole:
                    raise ChainError(f"`{path}`: the last line is torn")
                yield line

    def _artifact(
        self, acquisition: str, subject: str, sha256: str, lookup: files.Lookup, redactions: Iterator[Redaction]
    ) -> None:
        """Hold the listed digest of an artifact against its attestation, that of a copy against its redaction."""
        whole, copy = disclosure.whole_path(acquisition, subject), disclosure.copy_path(acquisition, subject)
        listed = lookup.find(whole)
        if listed is not None:
            self.expected.add(f"{whole}  {sha256}\n".encode())
            if listed != sha256:
                raise DigestError(f"`{whole}` differs from what was sealed")
            return
        listed = lookup.find(copy)
        if listed is None:
            raise MissingError(f"`{whole}` is attested and not here")
        self.redacted += 1
        self.expected.add(f"{copy}  {listed}\n".encode())
        entry = next(redactions, None)
        if entry is None or entry.artifact != f"bags/{acquisition}/{subject}":
            raise ChainError(f"`{copy}` has no entry of its own in `{disclosure.REDACTIONS}`")
        if (entry.sha256, entry.copy_sha256) != (sha256, listed):
            raise DigestError(f"`{copy}` is not the copy of what was sealed that `{disclosure.REDACTIONS}` tells of")
        self._copy(f"{self.root}/{copy}", entry)

    def _copy(self, path: str, entry: Redaction) -> None:
        with self.vault.open(path) as stream:
            redacted.require_markers(stream, entry.spans)
        if self.against is None:
            return
        if files.digest(self.against, entry.artifact)[0] != entry.sha256:
            raise DigestError(f"`{entry.artifact}` of the case is not the original")
        with self.against.open(entry.artifact) as original:
            if redacted.digest_of(original, entry) != entry.copy_sha256:
                raise DigestError(f"`{path}` differs from its original elsewhere than is listed")
        self.tallies["files"].passed += 1

    def _check_all_attested(self) -> None:
        """Report what the manifest lists below the artifacts that no attestation here is about."""
        tally = self.tallies["attestations"]
        if tally.defects or self.tallies["seal"].defects:
            tally.unasked.append("whether each artifact has an attestation: not all of these could be read")
            return
        expected = iter(self.expected)
        wanted = next(expected, None)
        with self.vault.open(f"{self.root}/{disclosure.MANIFEST}") as stream:
            for listed in bag.read_manifest(stream):
                if not listed.path.startswith(_GIVEN):
                    continue
                while wanted is not None and _path_of(wanted) < listed.path:
                    wanted = next(expected, None)
                if wanted is None or _path_of(wanted) != listed.path:
                    said = UnexpectedError("no attestation here is about it")
                    tally.fail(said, f"{self.root}/{listed.path}")


def _root_of(sealed: Sealed) -> bytes:
    try:
        return bytes.fromhex(sealed.artifacts_root)
    except ValueError as error:
        raise SignatureError("the seal's root of the attestations is not a hash") from error


def _path_of(line: bytes) -> str:
    return line.decode().partition("  ")[0]
