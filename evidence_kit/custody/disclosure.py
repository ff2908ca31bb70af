"""A disclosure: chosen artifacts of a case, so that whoever receives them can prove each without the rest."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.custody import bag, dsse, names, statement, strict
from evidence_kit.errors import SignatureError
from evidence_kit.model.ports import Signer
from evidence_kit.model.time import is_rfc3339

PREDICATE = "https://evidence-kit.dev/attestation/disclosure/v1"
ENVELOPE = "disclosure.json"
MANIFEST = bag.MANIFEST  # one name, one format: whatever reads a bag's reads this one
REDACTIONS = "redactions.jsonl"
README, SCRIPT = "README.txt", "check.sh"
ARTIFACTS, REDACTED = "artifacts/", "redacted/"
MAX_PROOF = 64  # hashes: a tree of 2^64 leaves
MAX_PROOF_LINE = 16 << 10  # a path of 4,000 bytes and 64 hashes of 44 take half
MAX_BAGS = 2000  # about half of what an envelope of MAX_DOCUMENT holds
_SUFFIX = ".redacted"
_HASH = 32


def attestations_of(acquisition: str) -> str:
    """Return where the attestation lines of a bag's artifacts lie in a package."""
    return f"attestations/{acquisition}.jsonl"


def proofs_of(acquisition: str) -> str:
    """Return where the inclusion proofs lie, line by line those of `attestations_of`."""
    return f"proofs/{acquisition}.jsonl"


def seal_root(acquisition: str) -> str:
    """Return the folder that holds a bag's `seal/`, file by file what the bag has."""
    return f"seals/{acquisition}"


def stamped_path(acquisition: str) -> str:
    """Return where the seal lies with its time-stamps embedded, for tools that look for them there."""
    return f"seals/{acquisition}/seal.stamped.sigstore.json"


def whole_path(acquisition: str, path: str) -> str:
    """Return where an artifact lies that is handed on as it is."""
    return f"{ARTIFACTS}{acquisition}/{path}"


def copy_path(acquisition: str, path: str) -> str:
    """Return where a redacted copy lies; a name too long for the suffix keeps its start and a hash."""
    folder, _, last = path.rpartition("/")
    if len(last) + len(_SUFFIX) > names.MAX_COMPONENT:
        last = f"{last[:120]}=-{hashlib.sha256(last.encode()).hexdigest()[:40]}"
    return f"{REDACTED}{acquisition}/{folder}/{last}{_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FromBag:
    """Which bag artifacts were taken from, how many, and the tree that proves them."""

    acquisition: str
    seal_sha256: str
    root: str
    size: int
    artifacts: int

    def to_json(self) -> dict[str, object]:
        """Return the entry of the predicate."""
        return {
            "acquisition": self.acquisition,
            "sealSha256": self.seal_sha256,
            "artifactsRoot": self.root,
            "size": self.size,
            "artifacts": self.artifacts,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "FromBag":
        """Read an entry of the predicate."""
        acquisition = names.require_safe(strict.field(value, "acquisition", str))
        if "/" in acquisition:
            raise SignatureError(f"`{acquisition[:200]}` is not the name of a bag")
        return cls(
            acquisition=acquisition,
            seal_sha256=strict.field(value, "sealSha256", str),
            root=strict.field(value, "artifactsRoot", str),
            size=strict.field(value, "size", int),
            artifacts=strict.field(value, "artifacts", int),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """To whom, why, and by what right; what a person says."""

    recipient: str = ""
    purpose: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What the discloser signs beside the digest of the package's manifest."""

    case: str
    at: str
    name: str
    keyid: str
    to: Handover
    bags: tuple[FromBag, ...]
    redacted: int
    withheld: int  # artifacts of these bags that were not handed on
    rules: str  # SHA-256 of the rules file, or empty
    tool: str
    certificate: bytes | None = None  # DER, where an authority vouches for the discloser's key

    @property
    def artifacts(self) -> int:
        """Return how many artifacts were handed on, redacted ones included."""
        return sum(taken.artifacts for taken in self.bags)

    def to_json(self) -> dict[str, object]:
        """Return the predicate."""
        by: dict[str, object] = {"name": self.name, "keyid": self.keyid}
        if self.certificate is not None:
            by["certificate"] = strict.to_base64(self.certificate)
        return {
            "case": self.case,
            "disclosedAt": self.at,
            "by": by,
            "recipient": self.to.recipient,
            "purpose": self.to.purpose,
            "authority": self.to.authority,
            "bags": [taken.to_json() for taken in self.bags],
            "artifacts": self.artifacts,
            "redacted": self.redacted,
            "withheld": self.withheld,
            "rulesSha256": self.rules or None,
            "tool": self.tool,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Disclosed":
        """Read the predicate."""
        by = strict.field(value, "by", dict)
        at = strict.field(value, "disclosedAt", str)
        if not is_rfc3339(at):
            raise SignatureError(f"disclosedAt is not a time: {at[:40]!a}")
        rules = None if value.get("rulesSha256", "") is None else strict.field(value, "rulesSha256", str)
        disclosed = cls(
            case=strict.field(value, "case", str),
            at=at,
            name=strict.field(by, "name", str),
            keyid=strict.field(by, "keyid", str),
            certificate=strict.from_base64(strict.field(by, "certificate", str)) if "certificate" in by else None,
            to=Handover(**{name: strict.field(value, name, str) for name in ("recipient", "purpose", "authority")}),
            bags=_bags(strict.field(value, "bags", list)),
            redacted=strict.field(value, "redacted", int),
            withheld=strict.field(value, "withheld", int),
            rules=rules or "",
            tool=strict.field(value, "tool", str),
        )
        if strict.field(value, "artifacts", int) != disclosed.artifacts:
            raise SignatureError("the disclosure counts its artifacts in two ways that differ")
        return disclosed


def _bags(raw: list[object]) -> tuple[FromBag, ...]:
    if len(raw) > MAX_BAGS:
        raise SignatureError(f"a disclosure draws on at most {MAX_BAGS:,} bags, this one on {len(raw):,}")
    found: dict[str, FromBag] = {}
    for item in raw:
        if not isinstance(item, dict):
            raise SignatureError("a bag is not an object")
        taken = FromBag.from_json(item)
        if found.setdefault(taken.acquisition, taken) is not taken:
            raise SignatureError(f"the disclosure names bag {taken.acquisition} twice")
    return tuple(found.values())


def stamped(bundle: bytes, tokens: Sequence[bytes]) -> bytes:
    """Return a seal's bundle with its RFC 3161 replies inside, the way other Sigstore tools carry them."""
    value = strict.decode_line(bundle.removesuffix(b"\n"))
    replies = [{"signedTimestamp": strict.to_base64(token)} for token in tokens]
    material = strict.field(value, "verificationMaterial", dict)
    material["timestampVerificationData"] = {"rfc3161Timestamps": replies}
    return strict.encode(value) + b"\n"


def make(manifest_sha256: str, disclosed: Disclosed, signer: Signer) -> bytes:
    """Return `disclosure.json`: one compact line with its line feed."""
    payload = statement.build(PREDICATE, [statement.Subject(MANIFEST, manifest_sha256)], disclosed.to_json())
    return dsse.sign_line(payload, signer) + b"\n"


def parse(data: bytes) -> dsse.Envelope:
    """Return the envelope of `disclosure.json`, not verified yet."""
    if not data.endswith(b"\n"):
        raise SignatureError("the disclosure does not end in a line feed")
    return dsse.parse_line(data[:-1])


def read(payload: bytes) -> tuple[str, Disclosed]:
    """Return the digest of the package's manifest, and the rest of what is said."""
    said = statement.parse(payload, expected=PREDICATE)
    if len(said.subjects) != 1:
        raise SignatureError("a disclosure is about one manifest")
    return said.subject(MANIFEST).sha256, Disclosed.from_json(said.predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an attestation is line `index` of the `size` lines whose tree the seal signs."""

    path: str
    index: int
    size: int
    hashes: tuple[bytes, ...]

    def line(self) -> bytes:
        """Return the proof as a compact line, without line feed."""
        hashes = [strict.to_base64(node) for node in self.hashes]
        return strict.encode({"path": self.path, "index": self.index, "size": self.size, "proof": hashes})

    @classmethod
    def from_line(cls, line: bytes) -> "Proof":
        """Read a proof; what it proves is `merkle.verify_inclusion`'s to say."""
        value = strict.decode_line(line, limit=MAX_PROOF_LINE)
        raw = strict.field(value, "proof", list)
        if len(raw) > MAX_PROOF or not all(isinstance(item, str) for item in raw):
            raise SignatureError(f"a proof is at most {MAX_PROOF} hashes in base64")
        hashes = tuple(strict.from_base64(item) for item in raw)
        if any(len(node) != _HASH for node in hashes):
            raise SignatureError("a hash of the proof is not 32 bytes long")
        return cls(
            path=names.require_safe(strict.field(value, "path", str)),
            index=strict.field(value, "index", int),
            size=strict.field(value, "size", int),
            hashes=hashes,
        )
