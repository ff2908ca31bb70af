"""How a wire to Microsoft says who we are, and when it asks for a fresh token; no token is ever shown."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from evidence_kit.collectors.azure.verdicts import RULE, verdict
from evidence_kit.collectors.tap import Rule
from evidence_kit.model.exchange import Retryable, Stop

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_UNAUTHORIZED = 401


class Speaker:
    """One wire's dialect. A refused token is replaced once; the next refusal is an answer."""

    rule: Rule = RULE

    def __init__(
        self, *, token: Callable[[], tuple[str, "TokenCredential"]], renew: Callable[["TokenCredential"], None]
    ) -> None:
        self._token = token
        self._renew = renew
        self._used: TokenCredential | None = None
        self._refused = 0  # times in a row
        self._judged = True  # whether the last answer was a failure: a success is not told here

    def authorize(self) -> Mapping[str, str]:
        """Return the header that says who we are."""
        if not self._judged:
            self._refused = 0
        self._judged = False
        token, self._used = self._token()
        return {"Authorization": f"Bearer {token}"}

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        self._judged = True
        self._refused = self._refused + 1 if status == _UNAUTHORIZED else 0
        if self._refused == 1 and self._used is not None:
            self._renew(self._used)
            return Retryable("the token was refused; a fresh one is asked for")
        return verdict(status, body, headers)


def claims_of(token: str) -> Mapping[str, str]:
    """Return what a token says of tenant (`tid`) and caller; it proves nothing and may be unreadable."""
    return {name: value for name, value in _payload(token).items() if isinstance(value, str)}


def held_by(token: str) -> frozenset[str]:
    """Return what a token says that it is good for: an application's roles, or the scopes of a person."""
    claims = _payload(token)
    roles, scopes = claims.get("roles"), claims.get("scp")
    return frozenset(map(str, roles)) if isinstance(roles, list) else frozenset(str(scopes or "").split())


def _payload(token: str) -> Mapping[str, object]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def claimed_caller(token: str) -> str:
    """Return as whom a token says that we act: a user principal name or an application id."""
    claims = claims_of(token)
    return (claims.get("upn") or claims.get("appid") or claims.get("azp") or "")[:200]
