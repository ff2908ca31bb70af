"""Vectors: one JSON document holds a case, or a part of one, and the verdict that every implementation must reach."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evidence_kit.custody import checkpoint, dsse, merkle, statement, timestamp
from evidence_kit.custody.checkpoint import Witness
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
from evidence_kit.custody.verify.disclosures import verify_disclosure
from evidence_kit.errors import EvidenceKitError, Exit
from evidence_kit.model.check import Report
from evidence_kit.vaults.local import LocalVault

VECTORS = Path(__file__).parents[1] / "vectors"
FOLDERS = ("case", "bag", "disclosure")  # kinds that are a folder of files, and have a report
PARTS = ("trust", "checkpoint", "envelope", "token", "merkle")
KINDS = (*FOLDERS, *PARTS)
CASE, PACKAGE = "case", "package"  # what the folders are called; reports name an empty one
Defects = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One vector. `base` names the valid vector from which an invalid one differs by what its claim says."""

    name: str
    claim: str
    kind: str
    base: str = ""
    trust: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the document: sorted, one value a line, ASCII."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({k: v for k, v in said.items() if v or k == "expect"}, sort_keys=True, indent=1) + "\n"

    @property
    def content(self) -> str:
        """Return a digest of what is to be judged, whatever is said of it."""
        said = [self.kind, self.trust, self.options, self.given, self.files]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def root(self, folder: Path) -> Path:
        """Return what is to be verified once the vector is unpacked into `folder`."""
        if self.kind == "bag":
            return folder / next(iter(sorted(self.files))).partition("/")[0]
        return folder / {"case": CASE, "disclosure": PACKAGE}[self.kind]

    def unpack(self, folder: Path) -> Path:
        """Write the files below `folder`; return what is to be verified."""
        base = folder if self.kind == "bag" else self.root(folder)
        base.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if "link" in content:
                path.symlink_to(content["link"])
            else:
                path.write_bytes(bytes_of(content))
        return self.root(folder)


def load(path: Path) -> Vector:
    """Read a vector."""
    return Vector(**json.loads(path.read_text()))


def load_all(folder: str) -> list[Vector]:
    """Read all vectors of `valid` or `invalid`, by name."""
    return [load(path) for path in sorted((VECTORS / folder).glob("*.json"))]


def bytes_of(content: Mapping[str, Any]) -> bytes:
    """Return what a file of a vector holds."""
    if "text" in content:
        return str(content["text"]).encode()
    if "zeros" in content:
        return bytes(content["zeros"])
    return base64.b64decode(content["base64"], validate=True)


def told(data: bytes) -> dict[str, Any]:
    """Return bytes as a vector tells them: as text where a person can read it."""
    if len(data) > 4096 and not data.strip(b"\0"):
        return {"zeros": len(data)}
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
    return {"base64": base64.b64encode(data).decode()} if "\0" in text else {"text": text}


def pack(root: Path, *, below: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the files at `root`, named relative to it or to `below`."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(below or root))
        if path.is_symlink():
            found[name] = {"link": os.readlink(path)}  # noqa: PTH115 - as it is written, not where it leads
        elif path.is_file():
            found[name] = told(path.read_bytes())
    return found


def judge(vector: Vector, folder: Path) -> dict[str, Any]:
    """Return what this implementation says, in the form of `expect`."""
    defects: Defects = []
    try:
        if vector.kind in FOLDERS:
            report = examine(vector, vector.unpack(folder))
            code = report.exit(require_complete=bool(vector.options.get("requireComplete")))
            found = sorted({(d.subject, d.verdict.name) for d in report.defects})
            defects = [{"subject": subject, "name": name} for subject, name in found]
        else:
            _PARTS[vector.kind](vector)
            code = Exit.OK
    except EvidenceKitError as error:
        code = error.exit
    return {"exit": int(code), "name": code.name, "defects": defects}


def examine(vector: Vector, root: Path) -> Report:
    """Verify an unpacked case, bag or package as the command line does."""
    trust, options = parse_trust(vector.trust.encode(), name="trust.yaml"), vector.options
    last = options.get("lastCheckpoint")
    asked = Options(
        each_signature=bool(options.get("eachSignature")),
        require_timestamp=bool(options.get("requireTimestamp")),
        last_checkpoint=base64.b64decode(last) if last is not None else None,
    )
    if vector.kind == "case":
        return verify_case(LocalVault(root), name=root.name, trust=trust, options=asked)
    if vector.kind == "bag":
        return verify_bag(LocalVault(root.parent), name=root.name, trust=trust, options=asked)
    if asked.require_timestamp:
        trust = replace(trust, timestamps_required=True)
    return verify_disclosure(LocalVault(root.parent), name=root.name, trust=trust)


def _trust(vector: Vector) -> None:
    parse_trust(vector.trust.encode(), name="trust.yaml")


def _checkpoint(vector: Vector) -> None:
    given = vector.given
    witnesses = tuple(
        Witness(name=w["name"], key=PublicKey.from_text(w["publicKey"])) for w in given.get("witnesses", ())
    )
    checkpoint.verify(
        bytes_of(vector.files["checkpoint"]),
        origin=given["origin"],
        key=PublicKey.from_text(given["publicKey"]),
        witnesses=witnesses,
    )


def _envelope(vector: Vector) -> None:
    envelope = dsse.parse_line(bytes_of(vector.files["line"]))
    payload = envelope.verify(PublicKey.from_text(vector.given["publicKey"]))
    statement.parse(payload, expected=vector.given["predicateType"])


def _token(vector: Vector) -> None:
    trust = parse_trust(vector.trust.encode(), name="trust.yaml")
    reply, data = (bytes_of(vector.files[name]) for name in ("reply.tsr", "data"))
    timestamp.verify(reply, data, trust.time_authorities)


def _merkle(vector: Vector) -> None:
    given = vector.given
    hashes, root = [bytes.fromhex(node) for node in given["proof"]], bytes.fromhex(given["root"])
    if "entry" in given:
        merkle.verify_inclusion(given["entry"].encode(), given["index"], given["size"], hashes, root)
    else:
        old = bytes.fromhex(given["oldRoot"])
        merkle.verify_consistency(given["oldSize"], old, given["size"], root, hashes)


_PARTS = {"trust": _trust, "checkpoint": _checkpoint, "envelope": _envelope, "token": _token, "merkle": _merkle}
