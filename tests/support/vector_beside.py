"""Vectors of what stands beside a seal: countersignatures, time-stamps, certificates, renewals, disclosures."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support import handed_over
from support.casemaker import NOW, Case, PagesFromMemory
from support.disclosed import OBJECT as OBJECTS
from support.disclosed import PAGES, RULES, Disclosure, disclosure_of
from support.private_ca import PrivateCa
from support.strangers import rewrite
from support.tsa import Tsa
from support.vector_desk import (
    Bad,
    Change,
    Desk,
    add,
    bad,
    flip,
    person,
    remove,
    somewhere_else,
    stranger,
    trust,
)
from support.vector_format import CASE, PACKAGE

from evidence_kit.acquire.renewal import renew_case
from evidence_kit.custody import bag, log, seal, strict, timestamp
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import HEADER, parse_trust
from evidence_kit.custody.trust.writing import certificate_authority_entry, time_authority_entry
from evidence_kit.errors import Exit
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

HTML = b"<!DOCTYPE html><html><body>down for maintenance</body></html>\n"
TOKENS = f"BAG/{bag.TIMESTAMPS}"
TOKEN_A, TOKEN_B = f"{TOKENS}/a.example_tsr.tsr", f"{TOKENS}/b.example_tsr.tsr"
EMAIL = "robin@ir.example.com"
RENEWAL = f"{log.RENEWALS}/1-manifest-sha512.txt"
COUNTERSIGNED = "countersignature"


# -- countersignatures ---------------------------------------------------------------------------------------------


def _countersign(desk: Desk, signer: KeySigner) -> None:
    where = desk.countersign(signer)
    said = {"acquisition": desk.case.bag.removeprefix("bags/"), "keyid": signer.keyid}
    desk.append(desk.robin, log.COUNTERSIGNED, {COUNTERSIGNED: said}, where)


def _countersigned(folder: Path) -> Desk:
    desk = Desk(folder)
    for signer in (desk.sam, KeySigner(generate("mldsa65"))):
        _countersign(desk, signer)
    return desk


def _two_people(folder: Path) -> Desk:
    desk = Desk(folder)
    desk.countersign(desk.sam)
    desk.trust = desk.trusting(extra="thresholds:\n  seal: 2\n")
    return desk


def _two_keys_of_one(desk: Desk) -> None:
    """Let the same person countersign, with another key."""
    remove(f"BAG/seal/{desk.sam.keyid}.sigstore.json")(desk)
    other = stranger()
    desk.countersign(other)
    desk.trust = desk.trusting(person("robin examiner", other), extra="thresholds:\n  seal: 2\n")


def _countersign_otherwise(desk: Desk) -> None:
    said = json.loads(seal.parse(desk.path(f"BAG/{bag.SEAL}").read_bytes()).payload)
    said["predicate"]["units"]["missing"] = 7
    add(f"BAG/seal/{desk.sam.keyid}.sigstore.json", seal.sign(strict.encode(said), desk.sam))(desk)


def _countersign_falsely(desk: Desk) -> None:
    intruder = stranger()
    intruder.keyid = desk.sam.keyid
    desk.countersign(intruder)


def _beside(name: str) -> Change:
    return lambda desk: handed_over.BESIDE[name](desk)(desk.scene)


# -- time-stamps ---------------------------------------------------------------------------------------------------


@dataclass
class Stamped(Desk):
    """A case whose seal and log two authorities have stamped; the policy wants both."""

    tsas: Sequence[Tsa] = field(default=())

    def stamped(self, tsa: Tsa, content: bytes) -> bytes:
        """Return the authority's reply about `content`."""
        return tsa.reply(timestamp.request(content, nonce=secrets.randbits(63) | 1))

    def requiring(self, quorum: int = 2, *, tsas: Sequence[Tsa] = (), **robin: Any) -> str:
        """Return the policy with its time authorities."""
        entries = [
            time_authority_entry(name=tsa.name, pem=(tsa.folder / "root.pem").read_bytes())
            for tsa in tsas or self.tsas
        ]
        said = f"timestamps:\n  required: true\n  quorum: {quorum}\ntimeAuthorities:\n"
        return self.trusting(extra=said + "".join(entries), **robin)

    def stamp(self) -> None:  # type: ignore[override] - of these authorities, not of one
        """Let every authority stamp the seal and the log as it stands."""
        size = self.case.keeper.state().tree.size
        note = self.path(log.CHECKPOINT).read_bytes()
        signature = seal.parse(self.path(f"BAG/{bag.SEAL}").read_bytes()).signature
        self.write(f"{log.CHECKPOINTS}/{size}", note)
        for tsa in self.tsas:
            name = f"{tsa.name}.example_tsr.tsr"
            self.write(f"{log.TIMESTAMPS}/{size}/{name}", self.stamped(tsa, note))
            self.write(f"{self.case.bag}/{bag.TIMESTAMPS}/{name}", self.stamped(tsa, signature))

    def announce(self) -> None:
        """Let Sam write down which files are time-stamps."""
        files = [str(path.relative_to(self.case.root)) for path in sorted(self.case.root.rglob("*.tsr"))]
        self.append(self.keeper(self.sam, self.case.log_signer), log.TIMESTAMPED, {"timestamps": []}, *files)


def _stamped(*, announced: bool = True) -> Callable[[Path], Desk]:
    def build(folder: Path) -> Desk:
        tsas = tuple(Tsa(folder / name, name=name) for name in ("a", "b"))
        desk = Stamped(folder, tsas=tsas)
        desk.stamp()
        if announced:
            desk.announce()
        desk.trust = desk.requiring()
        return desk

    return build


def _revoked(days: int) -> Callable[[Path], Desk]:
    """Say that Robin's key was compromised, so many days from now."""

    def build(folder: Path) -> Desk:
        desk = _stamped()(folder)
        desk.trust = _compromised(desk, datetime.now(UTC) + timedelta(days=days))
        return desk

    return build


def _compromised(desk: Desk, at: datetime) -> str:
    assert isinstance(desk, Stamped)
    return desk.requiring(revoked=(at.replace(microsecond=0), "compromised"))


def _token(make: Callable[[Stamped], bytes]) -> Change:
    """Put something else in the place of the first authority's token of the seal."""

    def do(desk: Desk) -> None:
        assert isinstance(desk, Stamped)
        rewrite(desk.path(TOKEN_A), make(desk))

    return do


def _other_authority(desk: Desk) -> str:
    assert isinstance(desk, Stamped)
    other = Tsa(desk.folder / "c", name="c")
    return desk.requiring(tsas=(desk.tsas[0], other))


def _too_late(desk: Desk) -> None:
    """Write a note that claims to be of a time when its own time-stamps were long there."""
    assert isinstance(desk, Stamped)
    at = datetime.now(UTC) + timedelta(days=9)
    desk.force(desk.robin, log.NOTE, {"text": "looked at it"}, at=rfc3339(at.replace(microsecond=0)))
    desk.stamp()


def _reply(folder: Path) -> Desk:
    desk = Desk(folder)
    add(f"{TOKENS}/c.example_tsr.reply", HTML)(desk)
    return desk


# -- certificates --------------------------------------------------------------------------------------------------


@dataclass
class Certified(Case):
    """A case whose signer an authority vouches for."""

    certificate: bytes = b""

    def keeper_of(self, vault: LocalVault) -> Keeper:
        return replace(super().keeper_of(vault), certificate=self.certificate)


@dataclass
class Office(Desk):
    """A case by somebody whom no policy lists: a private authority does."""

    authority: PrivateCa = field(default_factory=lambda: PrivateCa.root("Example IR"))

    def __post_init__(self) -> None:
        key = generate("p256")
        self.case = Certified(
            self.folder / CASE, signer=KeySigner(key), certificate=self.authority.leaf(key, (EMAIL,))
        )
        with somewhere_else():
            self.case.open()
            self.case.collect(PagesFromMemory(pages=1, names=()))
        self.people = (self.case.signer, self.sam, self.kim)
        self.trust = self.vouching()

    def vouching(
        self,
        identities: Sequence[str] = ("*@ir.example.com",),
        roles: Sequence[str] = ("collector",),
        authority: PrivateCa | None = None,
        crl: bytes | None = None,
    ) -> str:
        """Return a policy that trusts whom the authority names."""
        pem = (authority or self.authority).pem
        entry = certificate_authority_entry(name="Example IR", pem=pem, roles=roles, identities=identities, crl=crl)
        return HEADER.removesuffix("keys:\n") + "certificateAuthorities:\n" + entry


def _vouched(**changes: Any) -> Change:
    def do(desk: Desk) -> None:
        assert isinstance(desk, Office)
        desk.trust = desk.vouching(**changes)

    return do


def _on_the_list(desk: Desk) -> None:
    assert isinstance(desk, Office)
    assert isinstance(desk.case, Certified)
    since = NOW - timedelta(days=30)
    crl = desk.authority.crl((desk.case.certificate, since, None), issued=NOW, following=NOW + timedelta(days=30))
    desk.trust = desk.vouching(crl=crl)


# -- renewals and disclosures --------------------------------------------------------------------------------------


def _renewed(folder: Path) -> Desk:
    desk = Desk(folder)
    vault = desk.case.vault
    with vault.lock(), vault.working():
        renew_case(vault, desk.case.keeper_of(vault), "SHA-256 ages", lambda: NOW)
    vault.close()
    return desk


def _disclosed(*artifacts: str, rules: bytes | None = None) -> Callable[[Path], Desk]:
    def build(folder: Path) -> Desk:
        desk = Desk(folder, made={"names": ("two words",)})
        policy = parse_trust(desk.trust.encode(), name="trust.yaml")
        desk.at = desk.folder / PACKAGE
        disclosure_of(desk.case, desk.at, artifacts=artifacts, rules=rules, trust=policy)
        desk.kind = "disclosure"
        return desk

    return build


def package(desk: Desk) -> Disclosure:
    """Return the package with the means to forge it."""
    return Disclosure(desk.case, desk.at, parse_trust(desk.trust.encode(), name="trust.yaml"))


def _in_package(glob: str, change: Callable[[bytes], bytes], *, signed: bool = False) -> Change:
    """Change a file of a package; `signed` lets the discloser list and sign it like that."""

    def do(desk: Desk) -> None:
        path = package(desk).one(glob)
        rewrite(path, change(path.read_bytes()))
        if signed:
            package(desk).sign()

    return do


def _other_index(line: bytes) -> bytes:
    proof = json.loads(line)
    proof["index"] = 1 - proof["index"]
    return strict.encode(proof) + b"\n"


def _unlisted(found: bytes) -> bytes:
    """Redact more than the list says."""
    return found.replace(b"at", b"@@", 1)


def _disclosed_by_a_stranger(desk: Desk) -> None:
    package(desk).sign(signer=stranger())


BASES: Mapping[str, tuple[str, Callable[[Path], Desk]]] = {
    "countersigned": (
        "Somebody whom the policy trusts has countersigned, and an ML-DSA-65 key that nobody knows.",
        _countersigned,
    ),
    "countersigned-as-the-policy-wants": (
        "The policy wants two people behind a seal, and two there are.",
        _two_people,
    ),
    "time-stamped": ("Two authorities stamped seal and log; the policy requires both.", _stamped()),
    "time-stamped-unannounced": (
        "The time-stamps prove themselves; no event names them.",
        _stamped(announced=False),
    ),
    "compromised-after-the-stamp": (
        "The signer's key was compromised later: time-stamps prove that what it signed is older.",
        _revoked(30),
    ),
    "reply-that-is-no-time-stamp": ("A reply that nobody could read is kept, and counts for nothing.", _reply),
    "certified": ("A private authority's certificate vouches for the signer.", Office),
    "renewed": ("Every file is listed once more with its SHA-512.", _renewed),
    "disclosed-whole": ("One of two artifacts is disclosed as it is.", _disclosed(PAGES)),
    "disclosed-redacted": (
        "Both artifacts are disclosed, one of them redacted.",
        _disclosed(PAGES, OBJECTS, rules=RULES),
    ),
}
DIGEST, SIGNATURE, UNTRUSTED = Exit.DIGEST, Exit.SIGNATURE, Exit.UNTRUSTED
_COUNTERSIGNATURES = (
    bad(
        "countersignature-of-another-payload",
        "plain",
        SIGNATURE,
        "A countersignature is over something else than the seal says.",
        _countersign_otherwise,
    ),
    bad(
        "countersignature-in-anothers-name",
        "plain",
        SIGNATURE,
        "A stranger countersigned under somebody's key id.",
        _countersign_falsely,
    ),
    bad(
        "countersignature-flipped",
        "countersigned",
        DIGEST,
        "An announced countersignature is changed.",
        _beside("a countersignature flipped"),
    ),
    bad(
        "countersignature-renamed",
        "countersigned",
        Exit.MISSING,
        "A countersignature lies under another key's name.",
        _beside("a countersignature under another name"),
    ),
    bad(
        "countersignature-missing",
        "countersigned",
        Exit.MISSING,
        "An announced countersignature is gone.",
        _beside("a countersignature deleted"),
    ),
    bad(
        "countersigned-by-too-few",
        "countersigned-as-the-policy-wants",
        UNTRUSTED,
        "The policy wants three people behind a seal, two signed.",
        trust(lambda desk: desk.trusting(extra="thresholds:\n  seal: 3\n")),
    ),
    bad(
        "countersigned-by-the-same-person",
        "countersigned-as-the-policy-wants",
        UNTRUSTED,
        "The second signature behind a seal is the same person's, by another key.",
        _two_keys_of_one,
    ),
)
_STAMPS = (
    bad(
        "token-over-other-data",
        "time-stamped-unannounced",
        SIGNATURE,
        "A time-stamp of the seal is over other data.",
        _token(lambda desk: desk.stamped(desk.tsas[0], b"other data")),
    ),
    bad(
        "token-of-garbage",
        "time-stamped-unannounced",
        SIGNATURE,
        "A time-stamp is no time-stamp.",
        _token(lambda _: b"\x00\x01garbage"),
    ),
    bad(
        "token-flipped",
        "time-stamped-unannounced",
        SIGNATURE,
        "One byte of a time-stamp's signature is changed.",
        flip(TOKEN_A, -9),
    ),
    bad(
        "token-of-another-root",
        "time-stamped-unannounced",
        UNTRUSTED,
        "One of two required time-stamps is by an authority that the policy does not know.",
        trust(_other_authority),
    ),
    bad(
        "token-missing-for-the-quorum",
        "time-stamped-unannounced",
        UNTRUSTED,
        "One of two required time-stamps is not there.",
        remove(TOKEN_B),
    ),
    bad(
        "token-announced-and-gone",
        "time-stamped",
        Exit.MISSING,
        "A time-stamp that the log names is gone.",
        remove(TOKEN_B),
    ),
    bad(
        "token-announced-and-exchanged",
        "time-stamped",
        DIGEST,
        "A time-stamp that the log names was exchanged for a younger one.",
        _token(
            lambda desk: desk.stamped(desk.tsas[0], seal.parse(desk.path(f"BAG/{bag.SEAL}").read_bytes()).signature)
        ),
    ),
    bad(
        "token-in-a-strange-name",
        "time-stamped",
        Exit.UNEXPECTED,
        "A file among the time-stamps is none.",
        add(f"{TOKENS}/notes.txt"),
    ),
    bad(
        "stamped-checkpoint-missing",
        "time-stamped-unannounced",
        Exit.MISSING,
        "The checkpoint that the authorities stamped is gone.",
        remove(f"{log.CHECKPOINTS}/3"),
    ),
    bad(
        "signed-later-than-its-time-stamp",
        "time-stamped-unannounced",
        UNTRUSTED,
        "An event claims to be younger than the time-stamp that covers it.",
        _too_late,
    ),
    bad(
        "compromised-before-the-stamp",
        "time-stamped",
        UNTRUSTED,
        "The signer's key was compromised before the time-stamps.",
        trust(lambda desk: _compromised(desk, NOW)),
    ),
)
_CERTIFICATES = (
    bad(
        "certified-for-another-identity",
        "certified",
        UNTRUSTED,
        "The policy trusts other addresses than the certificate's.",
        _vouched(identities=("*@elsewhere.example.com",)),
    ),
    bad(
        "certified-by-another-authority",
        "certified",
        UNTRUSTED,
        "The policy knows another authority of the same name.",
        _vouched(authority=PrivateCa.root("Example IR")),
    ),
    bad(
        "certified-and-revoked",
        "certified",
        UNTRUSTED,
        "The authority revoked the certificate before the signatures.",
        _on_the_list,
    ),
)
_RENEWALS = (
    bad("renewal-altered", "renewed", DIGEST, "One digit of the renewal's manifest is changed.", flip(RENEWAL, 5)),
    bad("renewal-missing", "renewed", Exit.MISSING, "The renewal's manifest is gone.", remove(RENEWAL)),
    bad(
        "renewal-that-no-event-names",
        "renewed",
        Exit.UNEXPECTED,
        "A third manifest lies there; the log tells of one renewal.",
        add(f"{log.RENEWALS}/3-manifest-sha512.txt"),
    ),
)
_DISCLOSURES = (
    bad(
        "disclosed-artifact-altered",
        "disclosed-whole",
        DIGEST,
        "One byte of a disclosed artifact is changed.",
        _in_package("artifacts/BAG/data/*/*/*/*/list/*", lambda found: found.replace(b"e0", b"e1")),
    ),
    bad(
        "disclosed-artifact-altered-and-listed",
        "disclosed-whole",
        DIGEST,
        "The discloser altered an artifact and signed the list of that.",
        _in_package("artifacts/BAG/data/*/*/*/*/list/*", lambda found: found.replace(b"e0", b"e1"), signed=True),
    ),
    bad(
        "disclosed-proof-of-another-index",
        "disclosed-whole",
        Exit.CHAIN,
        "The proof is for another place in the tree.",
        _in_package("proofs/*", _other_index, signed=True),
    ),
    bad(
        "disclosed-and-added",
        "disclosed-whole",
        Exit.UNEXPECTED,
        "A file was added to the package.",
        add("artifacts/added.txt"),
    ),
    bad(
        "disclosed-and-added-and-listed",
        "disclosed-whole",
        Exit.UNEXPECTED,
        "The discloser listed a file that no attestation is about.",
        lambda desk: (add(f"artifacts/{package(desk).bag}/data/added.txt")(desk), package(desk).sign()),
    ),
    bad(
        "disclosed-by-a-stranger",
        "disclosed-whole",
        UNTRUSTED,
        "A stranger signed the package.",
        _disclosed_by_a_stranger,
    ),
    bad(
        "disclosed-copy-altered",
        "disclosed-redacted",
        DIGEST,
        "A redacted copy is not the listed one.",
        _in_package("redacted/BAG/data/*/*/*/*/list/*", _unlisted),
    ),
    bad(
        "disclosed-copy-altered-and-listed",
        "disclosed-redacted",
        DIGEST,
        "The discloser signed a copy that the list of redactions does not tell of.",
        _in_package("redacted/BAG/data/*/*/*/*/list/*", _unlisted, signed=True),
    ),
    bad(
        "disclosed-count-altered",
        "disclosed-redacted",
        Exit.CHAIN,
        "The discloser signed another number of redactions.",
        lambda desk: package(desk).sign(lambda said: said.update(redacted=0)),
    ),
)
INVALID: tuple[Bad, ...] = (*_COUNTERSIGNATURES, *_STAMPS, *_CERTIFICATES, *_RENEWALS, *_DISCLOSURES)
