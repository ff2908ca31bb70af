"""A signed request for evidence: who asks whom for what, of which window, until when, and by which right."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase

from evidence_kit.custody import dsse, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UsageError
from evidence_kit.model.ports import Signer
from evidence_kit.model.time import Window, is_rfc3339, parse_instant, rfc3339

EVIDENCE_REQUEST = "https://evidence-kit.dev/attestation/evidence-request/v1"
ID = re.compile(r"REQ-\d{8}T\d{6}Z-[0-9a-z]{6}")
_SEPARATORS = re.compile(r"[-. ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of one partner. `classes` maps each class of evidence to the clause that allows it.

    `case` is a reference and nothing of what the case is about. `files` are names or patterns of files expected.
    """

    id: str
    issued_at: datetime
    case: str
    partner: Mapping[str, str]  # name, id, provider
    asker: Mapping[str, str]  # name, keyid
    scope: str
    window: Window
    classes: Mapping[str, str]
    formats: tuple[str, ...]
    files: tuple[str, ...]
    legal_basis: tuple[str, ...]
    agreement: str
    contact_role: str
    deadline: date
    despite: str = ""  # why it asks for what the agreement does not allow

    def to_json(self) -> dict[str, object]:
        """Return the predicate."""
        return {
            "id": self.id,
            "issuedAt": rfc3339(self.issued_at),
            "case": self.case,
            "partner": dict(self.partner),
            "asker": dict(self.asker),
            "scope": self.scope,
            "window": self.window.to_json(),
            "classes": [{"class": name, "clause": clause} for name, clause in self.classes.items()],
            "formats": list(self.formats),
            "files": list(self.files),
            "legalBasis": list(self.legal_basis),
            "agreement": self.agreement,
            "contactRole": self.contact_role,
            "deadline": self.deadline.isoformat(),
            **({"despite": self.despite} if self.despite else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Request":
        """Read the predicate; SignatureError where it is none."""
        issued, window = strict.field(value, "issuedAt", str), strict.field(value, "window", dict)
        name = strict.field(value, "id", str)
        if not ID.fullmatch(name) or not is_rfc3339(issued):
            raise SignatureError("a request has an id and a time")
        try:
            asked = Window(*(parse_instant(strict.field(window, end, str)) for end in ("start", "end")))
            deadline = date.fromisoformat(strict.field(value, "deadline", str))
        except (UsageError, ValueError) as error:
            raise SignatureError(f"the request's window or deadline is none: {error}") from error
        return cls(
            id=name,
            issued_at=parse_instant(issued),
            case=strict.field(value, "case", str),
            partner=_texts(value, "partner"),
            asker=_texts(value, "asker"),
            scope=strict.field(value, "scope", str),
            window=asked,
            classes=dict(_class(item) for item in strict.field(value, "classes", list)),
            formats=_list(value, "formats"),
            files=_list(value, "files"),
            legal_basis=_list(value, "legalBasis"),
            agreement=strict.field(value, "agreement", str),
            contact_role=strict.field(value, "contactRole", str),
            deadline=deadline,
            despite=strict.field(value, "despite", str) if "despite" in value else "",
        )

    def class_of(self, file: str) -> str:
        """Return the class that a file belongs to by its name: a folder or file name that begins with it, or none."""
        for part in reversed(file.lower().split("/")):
            said = _SEPARATORS.sub("_", part)
            fitting = [name for name in self.classes if said.startswith(name)]
            if fitting:
                return max(fitting, key=len)
        return ""

    def answers(self, wanted: str, file: str) -> bool:
        """Say whether a delivered file is the `wanted` one."""
        return fnmatchcase(file, wanted) or fnmatchcase(file.rpartition("/")[2], wanted)

    def is_late(self, at: datetime) -> bool:
        """Say whether the deadline is over; its day still counts, in UTC."""
        return at >= datetime.combine(self.deadline, time(), UTC) + timedelta(days=1)


def _texts(value: Mapping[str, object], name: str) -> dict[str, str]:
    inner = strict.field(value, name, dict)
    return {str(key): strict.field(inner, key, str) for key in inner}


def _list(value: Mapping[str, object], name: str) -> tuple[str, ...]:
    items = strict.field(value, name, list)
    if not all(isinstance(item, str) for item in items):
        raise SignatureError(f"field `{name}` holds more than texts")
    return tuple(items)


def _class(item: object) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise SignatureError("a class of evidence is not an object")
    return strict.field(item, "class", str), strict.field(item, "clause", str)


def sign(asked: Request, text: bytes, name: str, signer: Signer) -> bytes:
    """Return the envelope over a request and the text that says the same to people."""
    subject = statement.Subject(name, hashlib.sha256(text).hexdigest())
    return dsse.sign_line(statement.build(EVIDENCE_REQUEST, [subject], asked.to_json()), signer) + b"\n"


def read(data: bytes, key: PublicKey | None = None) -> Request:
    """Return what an envelope asks for, checked against `key` where there is one."""
    envelope = dsse.parse(strict.decode(data))
    payload = envelope.verify(key) if key else envelope.payload
    return Request.from_json(statement.parse(payload, expected=EVIDENCE_REQUEST).predicate)
