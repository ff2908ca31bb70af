"""A person's signed answer to a question of a playbook: to exactly that question, of exactly that run.

The question is bytes of JSON; the answer names their SHA-256. So an approval covers the arguments that the question
shows, and no others.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.custody import dsse, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError
from evidence_kit.model.ports import Signer
from evidence_kit.model.time import is_rfc3339, parse_instant, rfc3339

PLAYBOOK_ANSWER = "https://evidence-kit.dev/attestation/playbook-answer/v1"
MAX_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one person said. `choices` are values of the question's options; an approval says `approved`."""

    case: str
    run: str
    step: str
    question: str  # SHA-256 of its bytes
    name: str  # of the person
    keyid: str
    at: datetime
    choices: tuple[str, ...] = ()
    approved: bool | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    acquisition: str = ""  # of files that were handed in

    def to_json(self) -> dict[str, object]:
        """Return the predicate."""
        return {
            "case": self.case,
            "run": self.run,
            "step": self.step,
            "person": {"name": self.name, "keyid": self.keyid},
            "at": rfc3339(self.at),
            "choices": list(self.choices),
            "approved": self.approved,
            "fields": dict(self.fields),
            "reason": self.reason,
            "acquisition": self.acquisition,
        }


def sign(said: Answer, signer: Signer) -> bytes:
    """Return the envelope, on one line."""
    subject = statement.Subject("question", said.question)
    return dsse.sign_line(statement.build(PLAYBOOK_ANSWER, [subject], said.to_json()), signer) + b"\n"


def read(data: bytes, key: PublicKey | None = None) -> Answer:
    """Return what an envelope says, checked against `key` where there is one; SignatureError if it is none."""
    envelope = dsse.parse(strict.decode(data, limit=MAX_ANSWER))
    payload = envelope.verify(key) if key else envelope.payload
    said = statement.parse(payload, expected=PLAYBOOK_ANSWER)
    value = said.predicate
    person, at = strict.field(value, "person", dict), strict.field(value, "at", str)
    approved = value.get("approved")
    choices = strict.field(value, "choices", list)
    if strict.field(person, "keyid", str) != envelope.keyid:
        raise SignatureError("an answer names a person whose key did not sign it")
    if not is_rfc3339(at) or not isinstance(approved, bool | None) or not all(isinstance(c, str) for c in choices):
        raise SignatureError("an answer has a time, choices that are texts, and an approval that is yes or no")
    return Answer(
        case=strict.field(value, "case", str),
        run=strict.field(value, "run", str),
        step=strict.field(value, "step", str),
        question=said.subject("question").sha256,
        name=strict.field(person, "name", str),
        keyid=envelope.keyid,
        at=parse_instant(at),
        choices=tuple(choices),
        approved=approved,
        fields=strict.field(value, "fields", dict),
        reason=strict.field(value, "reason", str),
        acquisition=strict.field(value, "acquisition", str),
    )


def digest(question: bytes) -> str:
    """Return what an answer names a question by."""
    return hashlib.sha256(question).hexdigest()
