"""The partner's own proof: which files of a delivery say something about the others, and what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from evidence_kit.collectors.intake import envelopes, programs, sums
from evidence_kit.collectors.intake.delivery import CERTIFICATE, CHECKSUMS, KEY, KEYRING, SIGNATURE, Item, Listing
from evidence_kit.collectors.intake.sums import ALGORITHMS, Claim, UnreadableError
from evidence_kit.collectors.intake.verdicts import Answer, Checked
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import EvidenceKitError, SignatureError

MAX_SIGNATURE = 64 << 20  # an envelope may list every file; detached signatures are a kilobyte
MAX_KEYRING = 16 << 20
_HEX = "0123456789abcdef"
_ALONE = 200  # bytes of a file that holds one digest and nothing behind it
Read = Callable[[Item, int], bytes]


class Parse(Protocol):
    """Reads a list of checksums."""

    def __call__(self, data: bytes, *, proof: str) -> tuple[Claim, ...]:
        """Return what it says."""
        ...


@dataclass(slots=True)
class Proofs:
    """What was found: claims about files, signatures over lists, and what could not be read."""

    claims: list[Claim] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of the files that are proofs themselves
    folders: dict[str, str] = field(default_factory=dict)  # proof → the folder that its names relate to
    bags: list[str] = field(default_factory=list)  # folders that are bags
    unreadable: dict[str, str] = field(default_factory=dict)
    enveloped: dict[str, Checked] = field(default_factory=dict)


def gather(listing: Listing, read: Read, key: bytes | None) -> Proofs:
    """Read every proof of a delivery: those that were named, and those that are called as proofs are."""
    found = Proofs()
    plain = {item.name: item for item in listing.items if item.left.plain}
    found.bags = [_folder(name) for name in plain if name.rpartition("/")[2] == "bagit.txt"]
    for item in plain.values():
        if item.role == SIGNATURE:
            _take_envelope(found, item, read, key)
        elif (manifest := _is_manifest(item.name, found.bags)) or item.role == CHECKSUMS or _is_list(item.name):
            _take_list(found, item, read, sums.parse_manifest if manifest else sums.parse)
    return found


def _is_manifest(name: str, bags: list[str]) -> bool:
    bare = name.rpartition("/")[2]
    kind = bare.removeprefix("tag").removeprefix("manifest-").removesuffix(".txt")
    return _folder(name) in bags and kind in ALGORITHMS.values() and bare.endswith(f"manifest-{kind}.txt")


def _is_list(name: str) -> bool:
    return sums.KNOWN.fullmatch(name.rpartition("/")[2]) is not None


def _take_list(found: Proofs, item: Item, read: Read, parse: Parse) -> None:
    found.names.append(item.name)
    found.folders[item.name] = "" if item.name.startswith("proof/") else _folder(item.name)
    try:
        data = read(item, sums.MAX_LIST)
        alone = _alone(item.name, data)
        found.claims += [alone] if alone else parse(data, proof=item.name)
    except UnreadableError as error:
        found.unreadable[item.name] = str(error)
    except EvidenceKitError as error:
        found.unreadable[item.name] = error.message


def _alone(name: str, data: bytes) -> Claim | None:
    """Return the claim of a file such as `export.zip.sha256` that holds a digest and no name."""
    said = data[:_ALONE].decode("ascii", "replace").strip().lower()
    bare, _, ending = name.rpartition("/")[2].rpartition(".")
    algorithm = ALGORITHMS.get(len(said))
    if (
        len(data) > _ALONE
        or not bare
        or algorithm is None
        or algorithm != ending.lower()
        or not set(said) <= set(_HEX)
    ):
        return None
    return Claim(name=bare, proof=name, algorithm=algorithm, digest=said)


def _take_envelope(found: Proofs, item: Item, read: Read, key: bytes | None) -> None:
    """Read a signature that brings its own list, which counts only if the signature does."""
    found.names.append(item.name)
    try:
        data = read(item, MAX_SIGNATURE)
    except EvidenceKitError as error:
        found.enveloped[item.name] = Checked(Answer.NOT_CHECKED, error.message)
        return
    if not data.lstrip().startswith(b"{"):
        return
    if key is None:
        found.enveloped[item.name] = Checked(Answer.NOT_CHECKED, "nobody gave the signer's key: `--signer-key`")
        return
    try:
        known = PublicKey.from_pem(key)
    except SignatureError as error:
        found.enveloped[item.name] = Checked(Answer.NOT_CHECKED, f"the signer's key is none: {error.message}")
        return
    checked, claims = envelopes.read(data, known, proof=item.name)
    found.enveloped[item.name] = checked
    found.folders[item.name] = "" if item.name.startswith("proof/") else _folder(item.name)
    found.claims += claims


def detached(material: Mapping[str, bytes], signature: bytes, chunks: Iterable[bytes]) -> Checked:
    """Check a signature over another file, whose bytes are `chunks`, with what the operator gave of its signer."""
    if _is_openpgp(signature):
        if KEYRING not in material:
            return Checked(Answer.NOT_CHECKED, "nobody gave the signer's key: `--keyring`")
        return programs.openpgp(signature, material[KEYRING], chunks)
    if CERTIFICATE not in material:
        return Checked(Answer.NOT_CHECKED, "nobody gave the signer's certificate: `--signer-certificate`")
    return programs.cms(signature, material[CERTIFICATE], chunks)


def material(listing: Listing, read: Read) -> dict[str, bytes]:
    """Return what the operator gave of the signer, by what it is."""
    found: dict[str, bytes] = {}
    for role in (KEYRING, CERTIFICATE, KEY):
        for item in listing.of(role):
            try:
                found[role] = read(item, MAX_KEYRING)
            except EvidenceKitError:
                found[role] = b""  # and so it checks nothing, which is said where it would have to
    return found


def _is_openpgp(signature: bytes) -> bool:
    """Say whether a signature is OpenPGP's: armoured, or a packet of tag 2 in the old or new form."""
    return signature.startswith(b"-----BEGIN PGP") or signature[:1] in {b"\x88", b"\x89", b"\x8a", b"\xc2"}


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
