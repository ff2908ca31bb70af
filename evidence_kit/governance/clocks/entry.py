"""One clock as it was written down: who has to tell whom, from when on, for how long, and how sure we are of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from evidence_kit.custody import strict

READ, SECOND_HAND, UNVERIFIED = "read", "second-hand", "unverified"
STATUSES = (READ, SECOND_HAND, UNVERIFIED)
STALE_AFTER = timedelta(days=180)  # laws change; what nobody has looked at for half a year is marked


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """How long there is: one of these, or no number at all (`promptly` has the law's words for it)."""

    elapsed: timedelta | None = None
    business_days: int = 0
    calendar_days: int = 0
    months: int = 0
    promptly: str = ""

    @property
    def said(self) -> str:
        """Return it in words."""
        if self.elapsed is not None:
            hours = self.elapsed / timedelta(hours=1)
            return f"{hours:g} hour{'' if hours == 1 else 's'}"
        for count, word in (
            (self.business_days, "business day"),
            (self.calendar_days, "calendar day"),
            (self.months, "month"),
        ):
            if count:
                return f"{count} {word}{'' if count == 1 else 's'}"
        return self.promptly

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as a clock set has it."""
        said: dict[str, Any] = {
            "elapsed": f"PT{int(self.elapsed.total_seconds())}S" if self.elapsed is not None else None,
            "businessDays": self.business_days,
            "calendarDays": self.calendar_days,
            "months": self.months,
            "promptly": self.promptly,
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Another length that some source gives, and who says so."""

    within: Within
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One entry of a clock set."""

    id: str
    title: str
    authority: str
    must_act: str
    starts_on: str
    within: Within
    status: str
    source: str
    was_read: str
    reviewed: date | None
    after: str = ""
    rules: tuple[str, ...] = ()
    calendar: str = ""
    closes: time | None = None  # of the authority's door, local time; what comes later counts for the next day
    zones: tuple[str, ...] = ("UTC",)
    otherwise: tuple[Otherwise, ...] = ()
    content: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether somebody has read the provision itself."""
        return self.status == READ

    def is_stale(self, now: datetime) -> bool:
        """Say whether nobody has reviewed it for too long; a contract is reviewed where it is kept."""
        return self.reviewed is not None and now.date() - self.reviewed > STALE_AFTER

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all it says: a clock that was started by other words is told apart."""
        return hashlib.sha256(strict.encode(self.to_json())).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "id": self.id,
            "title": self.title,
            "authority": self.authority,
            "mustAct": self.must_act,
            "startsOn": self.starts_on,
            "within": self.within.to_json(),
            "after": self.after,
            "rules": list(self.rules),
            "calendar": self.calendar,
            "closes": self.closes.isoformat("minutes") if self.closes else "",
            "zones": list(self.zones),
            "otherwise": [{"within": one.within.to_json(), "says": one.says} for one in self.otherwise],
            "content": list(self.content),
            "source": {"url": self.source, "read": self.was_read},
            "reviewed": self.reviewed.isoformat() if self.reviewed else "",
            "status": self.status,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class ClockSet:
    """Clocks by id, and the files that they come from, by name and digest."""

    clocks: Mapping[str, Clock]
    files: tuple[tuple[str, str], ...]
