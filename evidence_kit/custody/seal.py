"""The seal: one signed Statement over a bag's manifests, as a Sigstore bundle v0.3."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.custody import dsse, statement, strict
from evidence_kit.errors import SignatureError
from evidence_kit.model.ports import Signer
from evidence_kit.model.time import is_rfc3339

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_OXUM = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")  # RFC 8493: octets, streams
MAX_PAE = 4096  # AWS KMS signs raw messages of at most 4,096 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a seal says about its bag, beside the digests of the sealed files."""

    acquisition: str
    case: str
    sealed_at: str
    keys: int  # how many stand in acquisition.pub, which the seal covers
    payload_bytes: int
    artifacts: int
    artifacts_root: str
    ledger_size: int
    ledger_head: str
    units: int
    units_missing: int

    def to_json(self) -> dict[str, object]:
        """Return the predicate."""
        return {
            "acquisition": self.acquisition,
            "case": self.case,
            "sealedAt": self.sealed_at,
            "acquisitionKeys": self.keys,
            "payloadOxum": f"{self.payload_bytes}.{self.artifacts}",
            "artifacts": {"size": self.artifacts, "root": self.artifacts_root},
            "ledger": {"size": self.ledger_size, "head": self.ledger_head},
            "units": {"planned": self.units, "missing": self.units_missing},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Sealed":
        """Read the predicate."""
        tree, ledger = strict.field(value, "artifacts", dict), strict.field(value, "ledger", dict)
        units = strict.field(value, "units", dict)
        oxum = _OXUM.fullmatch(strict.field(value, "payloadOxum", str))
        if oxum is None:
            raise SignatureError("the seal's payloadOxum is malformed")
        sealed_at = strict.field(value, "sealedAt", str)
        if not is_rfc3339(sealed_at):
            raise SignatureError(f"the seal's sealedAt is not a time: {sealed_at[:40]!a}")
        sealed = cls(
            acquisition=strict.field(value, "acquisition", str),
            case=strict.field(value, "case", str),
            sealed_at=sealed_at,
            keys=strict.field(value, "acquisitionKeys", int),
            payload_bytes=int(oxum[1]),
            artifacts=strict.field(tree, "size", int),
            artifacts_root=strict.field(tree, "root", str),
            ledger_size=strict.field(ledger, "size", int),
            ledger_head=strict.field(ledger, "head", str),
            units=strict.field(units, "planned", int),
            units_missing=strict.field(units, "missing", int),
        )
        if int(oxum[2]) != sealed.artifacts:
            raise SignatureError("the seal counts its artifacts in two ways that differ")
        return sealed


@dataclass(frozen=True, slots=True)
class Bundle:
    """A Sigstore bundle as we write it: one envelope, and the signer's certificate where an authority vouches."""

    envelope: dsse.Envelope
    certificate: bytes | None = None  # DER


def make(
    subjects: Sequence[statement.Subject], sealed: Sealed, signer: Signer, *, certificate: bytes | None = None
) -> bytes:
    """Return the bundle as one compact line with its line feed."""
    return sign(statement.build(statement.SEAL, subjects, sealed.to_json()), signer, certificate=certificate)


def sign(payload: bytes, signer: Signer, *, certificate: bytes | None = None) -> bytes:
    """Return the bundle by which `signer` signs a seal's payload, be it the first to do so or another."""
    if (size := len(dsse.pae(payload))) > MAX_PAE:
        raise SignatureError(f"a seal of {size:,} bytes is more than a key service signs")
    material: dict[str, object] = {"publicKey": {"hint": signer.keyid}}
    if certificate is not None:
        material = {"certificate": {"rawBytes": strict.to_base64(certificate)}}
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": dsse.sign(payload, signer),
    }
    return strict.encode(bundle) + b"\n"


def parse(data: bytes) -> dsse.Envelope:
    """Return the envelope of a bundle."""
    return parse_bundle(data).envelope


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle whose material and envelope name the same key."""
    if not data.endswith(b"\n"):
        raise SignatureError("the seal does not end in a line feed")
    bundle = strict.decode_line(data[:-1])
    if strict.field(bundle, "mediaType", str) != MEDIA_TYPE:
        raise SignatureError("not a Sigstore bundle v0.3")
    envelope = dsse.parse(strict.field(bundle, "dsseEnvelope", dict))
    material = strict.field(bundle, "verificationMaterial", dict)
    if set(material) == {"certificate"}:
        raw = strict.field(strict.field(material, "certificate", dict), "rawBytes", str)
        return Bundle(envelope, strict.from_base64(raw))
    if strict.field(strict.field(material, "publicKey", dict), "hint", str) != envelope.keyid:
        raise SignatureError("the seal's key hint and its envelope name different keys")
    return Bundle(envelope)


def read(payload: bytes) -> tuple[statement.Statement, Sealed]:
    """Read the verified payload of a seal."""
    said = statement.parse(payload, expected=statement.SEAL)
    return said, Sealed.from_json(said.predicate)
