"""in-toto Statements v1: what is said about which bytes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.custody import strict
from evidence_kit.errors import SignatureError

STATEMENT = "https://in-toto.io/Statement/v1"
ARTIFACT = "https://evidence-kit.dev/attestation/artifact/v1"
CUSTODY_EVENT = "https://evidence-kit.dev/attestation/custody-event/v1"
SEAL = "https://evidence-kit.dev/attestation/seal/v1"
# sigstore-go refuses more than 1,024 subjects; ours stay below ten.
MAX_SUBJECTS = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Subject:
    """A name and the SHA-256 of the bytes it stands for."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A decoded statement; `predicate` keeps fields that this version does not know."""

    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, object]

    def subject(self, name: str) -> Subject:
        """Return the subject called `name`."""
        for subject in self.subjects:
            if subject.name == name:
                return subject
        raise SignatureError(f"the statement says nothing about `{name}`")


def build(predicate_type: str, subjects: Sequence[Subject], predicate: Mapping[str, object]) -> bytes:
    """Return the payload bytes of a statement."""
    return strict.encode(
        {
            "_type": STATEMENT,
            "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def parse(payload: bytes, *, expected: str, limit: int = strict.MAX_DOCUMENT) -> Statement:
    """Read a statement of the `expected` predicate type.

    `predicate.critical`, where present, lists fields that a reader must understand; none are defined yet,
    so any name there fails.
    """
    value = strict.decode(payload, limit=limit)
    if strict.field(value, "_type", str) != STATEMENT:
        raise SignatureError("not an in-toto Statement v1")
    if (found := strict.field(value, "predicateType", str)) != expected:
        raise SignatureError(f"expected a statement of type {expected}, found {found[:200]!a}")
    raw = strict.field(value, "subject", list)
    if not 0 < len(raw) <= MAX_SUBJECTS:
        raise SignatureError(f"a statement names 1 to {MAX_SUBJECTS} subjects, this one {len(raw)}")
    predicate = strict.field(value, "predicate", dict)
    if predicate.get("critical"):
        raise SignatureError(f"critical fields this version does not know: {ascii(predicate['critical'])[:200]}")
    subjects = tuple(_subject(item) for item in raw)
    if len({s.name for s in subjects}) != len(subjects):
        raise SignatureError("two subjects share a name")
    return Statement(found, subjects, predicate)


def _subject(item: object) -> Subject:
    if not isinstance(item, dict):
        raise SignatureError("a subject is not an object")
    digest = strict.field(strict.field(item, "digest", dict), "sha256", str)
    if _SHA256.fullmatch(digest) is None:
        raise SignatureError("a subject's sha256 is not 64 lower-case hex digits")
    return Subject(strict.field(item, "name", str), digest)
