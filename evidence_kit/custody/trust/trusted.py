"""A trusted key: whose it is, what it may do, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import UntrustedError
from evidence_kit.model.time import rfc3339


@dataclass(frozen=True, slots=True)
class SigningTime:
    """When a signature was made: what its signer claims, and by when enough time-stamps prove that it existed."""

    claimed: datetime
    proven: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a key stopped to count, and why. `compromised` voids whatever no time-stamp proves to be older."""

    at: datetime
    reason: Literal["compromised", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key, whose it is, what it may do, and when."""

    key: PublicKey
    name: str
    roles: frozenset[str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked: Revocation | None = None

    @property
    def person(self) -> str:
        """Return whose key it is for counting people: names that differ in case only are one person's."""
        return self.name.casefold()

    def require(self, roles: tuple[str, ...], when: SigningTime, *, only_proven: bool = False) -> None:
        """Raise UntrustedError unless this key may act as one of `roles` at that time.

        The claimed time has to lie in the key's window. A time-stamp from after its end proves nothing about that
        claim; `only_proven` refuses it then.
        """
        who = f"{self.name} (key {self.key.keyid[:12]})"
        said = f"signed {rfc3339(when.claimed)}"
        if not self.roles.intersection(roles):
            raise UntrustedError(f"{who} is not trusted as {' or '.join(roles)}")
        if self.valid_from and when.claimed < self.valid_from:
            raise UntrustedError(f"{who} is trusted from {rfc3339(self.valid_from)}, {said}")
        if self.valid_until and when.claimed >= self.valid_until:
            raise UntrustedError(f"{who} was trusted until {rfc3339(self.valid_until)}, {said}")
        if self.valid_until and only_proven and (when.proven is None or when.proven >= self.valid_until):
            raise UntrustedError(f"{who} was trusted until {rfc3339(self.valid_until)}, and no time-stamp is older")
        if self.revoked:
            self._require_older(who, self.revoked, when)

    def _require_older(self, who: str, revoked: Revocation, when: SigningTime) -> None:
        if revoked.reason == "superseded":
            if when.claimed >= revoked.at:
                said = f"{who} was superseded at {rfc3339(revoked.at)}, signed {rfc3339(when.claimed)}"
                raise UntrustedError(said)
        elif when.proven is None or when.proven >= revoked.at:
            raise UntrustedError(f"{who} is revoked as compromised, and no time-stamp proves this to be older")
