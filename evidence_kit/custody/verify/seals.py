"""Who sealed a bag, who signed beside, and whether the seal covers what lies there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.custody import bag, seal, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.seal import Bundle, Sealed
from evidence_kit.custody.trust import SigningTime, Trust
from evidence_kit.custody.verify import files, timestamps
from evidence_kit.custody.verify.digests import Found, digests
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import DigestError, EvidenceKitError, SignatureError, UntrustedError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import parse_instant

SIGNERS = ("collector", "custodian", "approver")  # who may sign beside the collector that sealed
_COUNTERSIGNATURE = re.compile(r"seal/([0-9a-f]{64})\.sigstore\.json")
_PEM_END = b"-----END PUBLIC KEY-----\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the custody log says of a bag; a bag shipped alone has only its folder name."""

    root: str
    id: str
    case: str = ""
    keys: Mapping[str, PublicKey] | None = None
    seal_sha256: str | None = None
    countersigned: Mapping[str, str] = field(default_factory=dict)  # path → SHA-256, as the log announces them
    proven: datetime | None = None  # by when the log's time-stamps show that the seal existed


def check_seal(
    vault: Vault, want: Expected, trust: Trust, tallies: Tallies
) -> tuple[statement.Statement | None, Sealed | None]:
    """Check the seal's signature and signer, and whoever signed beside; return what it says."""
    path = f"{want.root}/{bag.SEAL}"
    tally = tallies["seal"]
    try:
        data = _read(vault, path)
        found = files.digest(vault, path)[0]
        if want.seal_sha256 not in {None, found}:
            tally.fail(DigestError("is not the seal that the custody log recorded"), path, found=found)
        bundle = seal.parse_bundle(data)
        said, sealed = seal.read(_trusted_payload(bundle, trust, path, tallies))
    except EvidenceKitError as error:
        tally.fail(error, path)
        return None, None
    stamped = timestamps.seal_stamps(vault, want.root, bundle.envelope.signature, trust, tallies)
    proven = min((time for time in (stamped, want.proven) if time), default=None)
    when = SigningTime(parse_instant(sealed.sealed_at), proven)
    people: set[str] = set()
    with tally.asking(path):
        if sealed.acquisition != want.id or (want.case and sealed.case != want.case):
            raise SignatureError(f"seals acquisition {sealed.acquisition!a} of case {sealed.case!a}, not this one")
        trusted = trust.require(bundle.envelope.keyid, ("collector",), when, certificate=bundle.certificate)
        tally.notes.append(f"{want.id} sealed by {trusted.name} (collector), {sealed.sealed_at} by their clock")
        people.add(trusted.person)
    for announced, sha256 in want.countersigned.items():
        with tally.asking(announced):
            if files.digest(vault, announced)[0] != sha256:
                raise DigestError("is not the countersignature that the custody log recorded")
    people |= _countersigners(vault, want.root, bundle, when, trust, tallies)
    if (wanted := trust.threshold("seal")) > 1 and len(people) < wanted:
        tally.fail(UntrustedError(f"{wanted} people must sign a seal, {len(people)} trusted did"), path)
    return said, sealed


def _read(vault: Vault, path: str) -> bytes:
    with vault.open(path) as stream:
        return stream.read(strict.MAX_DOCUMENT + 1)


def _trusted_payload(bundle: Bundle, trust: Trust, path: str, tallies: Tallies) -> bytes:
    """Return the payload; an unknown or wrong signature is a defect, and reading goes on to find what else is."""
    try:
        return bundle.envelope.verify_among(lambda keyid: trust.identity(keyid, bundle.certificate))
    except EvidenceKitError as error:
        tallies["seal"].fail(error, path)
        return bundle.envelope.payload


def belongs(inner: str) -> bool:
    """Say whether a file beside the tagmanifest may be part of a seal: these are checked one by one."""
    beside = inner in {bag.SEAL, bag.ACQUISITION_KEYS} or inner.startswith(f"{bag.TIMESTAMPS}/")
    return beside or _COUNTERSIGNATURE.fullmatch(inner) is not None


def _countersigners(
    vault: Vault, root: str, first: Bundle, when: SigningTime, trust: Trust, tallies: Tallies
) -> set[str]:
    """Return the trusted people who signed the same payload beside the collector; a false signature is a defect."""
    people: set[str] = set()
    tally = tallies["seal"]
    for entry in vault.walk(f"{root}/{bag.SEAL_FOLDER}"):
        matched = _COUNTERSIGNATURE.fullmatch(entry.path.removeprefix(f"{root}/"))
        if matched is None or entry.kind != "file":
            continue
        with tally.asking(entry.path):
            bundle = seal.parse_bundle(_read(vault, entry.path))
            if bundle.envelope.keyid != matched[1] or bundle.envelope.payload != first.envelope.payload:
                raise SignatureError("is not a signature of that key over what the seal says")
            key = trust.find(bundle.envelope.keyid, bundle.certificate)
            if key is None:
                tally.unasked.append(f"a countersignature by key {matched[1][:12]}, which is not in the trust policy")
                continue
            bundle.envelope.verify(key)
            trusted = trust.require(key.keyid, SIGNERS, _earliest(trust, key, when), certificate=bundle.certificate)
            tally.notes.append(f"countersigned by {trusted.name} ({key.algorithm})")
            people.add(trusted.person)
    return people


def acquisition_keys(vault: Vault, want: Expected, sealed: Sealed | None, tallies: Tallies) -> dict[str, PublicKey]:
    """Return the acquisition's keys as its own file has them, once seal and log name the same ones."""
    path = f"{want.root}/{bag.ACQUISITION_KEYS}"
    keys: dict[str, PublicKey] = {}
    with tallies["seal"].asking(path):
        with vault.open(path) as stream:
            parts = stream.read(strict.MAX_DOCUMENT).split(_PEM_END)
        if parts.pop() or not parts:
            raise SignatureError("is not a list of PEM public keys")
        for part in parts:
            key = PublicKey.from_pem(part + _PEM_END)
            keys[key.keyid] = key
        if sealed is not None and sealed.keys != len(keys):
            raise SignatureError(f"the seal counts {sealed.keys} acquisition keys, the file has {len(keys)}")
        if want.keys is not None and set(want.keys) != set(keys):
            raise SignatureError("the custody log endorses other acquisition keys")
    return keys


def check_subjects(vault: Vault, root: str, said: statement.Statement, tallies: Tallies) -> Mapping[str, Found]:
    """Hold the sealed files against the digests in the seal; return the digests that they have."""
    taken: dict[str, Found] = {}
    for name, found in digests(vault, root, bag.SEALED, {}):
        with tallies["seal"].asking(f"{root}/{name}"):
            sealed = said.subject(name).sha256
            if isinstance(found, EvidenceKitError):
                raise found
            taken[name] = found
            if found[0] != sealed:
                raise DigestError("differs from what was sealed")
    return taken


def _earliest(trust: Trust, key: PublicKey, sealed: SigningTime) -> SigningTime:
    """Return the earliest time of a countersignature, which carries none: not before the seal, nor before its key."""
    listed = trust.keys.get(key.keyid)
    if listed and listed.valid_from and listed.valid_from > sealed.claimed:
        return SigningTime(listed.valid_from)
    return SigningTime(sealed.claimed)
