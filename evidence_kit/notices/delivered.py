"""What came of a notice on one channel, and what was sent, or would be: without the secret."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from evidence_kit.model.time import rfc3339


class Outcome(StrEnum):
    """How a delivery ended. Only one of them means that the channel took it."""

    DRY = "dry"
    DELIVERED = "delivered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message byte by byte, the place of the secret where the secret stands."""

    to: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """Return plain data; each of our bodies is UTF-8."""
        return {"to": self.to, "headers": dict(self.headers), "body": self.body.decode()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The end of one delivery."""

    channel: str
    kind: str
    outcome: Outcome
    at: datetime
    shown: Shown
    said: str = ""
    status: int | None = None  # of HTTP or SMTP
    reference: str = ""  # what the channel calls it: the key of a Jira issue

    @property
    def is_done(self) -> bool:
        """Whether the channel took it; a dry run sends nothing, so it has not."""
        return self.outcome is Outcome.DELIVERED

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a journal: which words, by digest, and what came of them."""
        return {
            "channel": self.channel,
            "kind": self.kind,
            "outcome": self.outcome.value,
            "at": rfc3339(self.at),
            "said": self.said,
            "status": self.status,
            "reference": self.reference,
            "sha256": hashlib.sha256(self.shown.body).hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a way of sending tells of its one try."""

    outcome: Outcome
    said: str
    status: int | None = None
    reference: str = ""
