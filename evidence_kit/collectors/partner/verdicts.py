"""What a partner's answers mean for a unit: the connector's table first, then what HTTP says. Nothing is ignored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from evidence_kit.collectors.partner.decoding import Reading, read
from evidence_kit.collectors.partner.window import when
from evidence_kit.collectors.tap import BadBody, Rule
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.sources.connector_grammar import WAIT

_HEADERS = frozenset(
    {
        "cf-ray", "content-encoding", "content-length", "content-md5", "content-type", "date", "etag",
        "last-modified", "link", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "request-id",
        "retry-after", "x-amzn-ratelimit-limit", "x-amzn-requestid", "x-correlation-id", "x-current-token-count",
        "x-github-request-id", "x-next-cursor", "x-next-replenishment-time", "x-okta-request-id",
        "x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "x-ratelimit-limit",
        "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id", "x-slack-req-id", "x-total-count",
    }
)  # fmt: skip
_REQUEST_IDS = (
    "x-request-id", "request-id", "x-okta-request-id", "x-github-request-id", "x-amzn-requestid", "x-slack-req-id",
    "x-correlation-id", "cf-ray",
)  # fmt: skip
# Parameters that may authenticate or continue; they go on record as digests.
_SENSITIVE = frozenset(
    {
        "access_token", "after", "api_key", "apikey", "auth", "before", "code", "cursor", "key", "next_cursor",
        "next_token", "nexttoken", "page_token", "pagetoken", "password", "secret", "sig", "signature", "token",
        "x-amz-credential", "x-amz-security-token", "x-amz-signature",
    }
)  # fmt: skip
_MESSAGES = (
    "error.message", "errors[0].message", "errors[0].detail", "errors[0].title", "message", "errorSummary",
    "error_description", "detail", "title", "error", "errors[0]", "msg", "reason",
)  # fmt: skip
_TOO_MANY, _SERVER, _REFUSED = 429, 500, frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The dialect of one connector at one target."""

    settings: Mapping[str, Any]
    rule: Rule
    now: Callable[[], datetime]
    renew: Callable[[], bool]  # whether a refused token is worth replacing
    hide: Callable[[str], str]
    permissions: tuple[str, ...]

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        value = self._value(body, headers)
        said = f"HTTP {status}{self._message(value)}"
        after = self.wait_of(headers)
        if fitting := self.fitting(status, value):
            means, reason = fitting
            said = f"{reason}: {said}" if reason else said
            if means == WAIT:
                return Retryable(said, throttled=True, after=after)
            return Stop(UnitStatus(means), said)
        if status == _TOO_MANY or (status in _REFUSED and self._is_spent(headers)):
            return Retryable(said, throttled=True, after=after)
        if status >= _SERVER or status == 408:
            return Retryable(said, after=after)
        if status in _REFUSED:
            return self._refused(status, said)
        if status == 404:
            return Stop(UnitStatus.NOT_CONFIGURED, said)
        if 300 <= status < 400:
            return Stop(UnitStatus.PARTIAL_ERROR, f"{said}: the provider leads elsewhere, which is not followed")
        return Stop(UnitStatus.PARTIAL_ERROR, said)

    def fitting(self, status: int, value: object) -> tuple[str, str] | None:
        """Return meaning and reason of the first row of the connector's table that fits."""
        for row in self.settings.get("errors", ()):
            if row["status"] == status and ("when" not in row or holds(row["when"], value)):
                return str(row["means"]), self.hide(str(row.get("reason", "")))
        return None

    def read(self, body: bytes, headers: Mapping[str, str], *, format_: str, decode: Sequence[str]) -> Reading:
        """Read a success; Retryable where its body asks to wait."""
        reading = read(body, headers, format_=format_, decode=decode)
        fitting = self.fitting(200, reading.value)
        if fitting and fitting[0] == WAIT:
            raise Retryable(fitting[1] or "the body asks to wait", throttled=True, after=self.wait_of(headers))
        return reading

    def wait_of(self, headers: Mapping[str, str]) -> float | None:
        """Return how many seconds the provider asks to wait, if it says so."""
        rate = self.settings.get("rate", {})
        if (said := headers.get("retry-after", "")) and (seconds := self._seconds(said, headers)) is not None:
            return seconds
        reset = headers.get(str(rate.get("reset", "")).lower(), "")
        return self._until(reset, str(rate.get("resetFormat", "epoch_s")), headers) if reset else None

    def spent(self, headers: Mapping[str, str]) -> float:
        """Return how long to hold back after a success that was the last one allowed for now."""
        remaining = headers.get(str(self.settings.get("rate", {}).get("remaining", "")).lower(), "")
        return (self.wait_of(headers) or 0.0) if remaining.strip() in {"0", "0.0"} else 0.0

    def _refused(self, status: int, said: str) -> Retryable | Stop:
        if status == 401 and self.renew():
            return Retryable(f"{said}; a new token is worth another try")
        needed = f" (needed: {', '.join(self.permissions)})" if self.permissions else ""
        return Stop(UnitStatus.DENIED, f"{said}{needed}"[:700])

    def _is_spent(self, headers: Mapping[str, str]) -> bool:
        name = str(self.settings.get("rate", {}).get("remaining", "")).lower()
        return "retry-after" in headers or headers.get(name, "").strip() == "0"

    def _until(self, text: str, format_: str, headers: Mapping[str, str]) -> float | None:
        if format_ == "seconds":
            return self._seconds(text, headers)
        moment = http_date(text) if format_ == "http_date" else when(text)
        # The provider's clock against itself: it may be years off, and a difference is all that is wanted.
        now = http_date(headers.get("date", "")) or self.now()
        return max(0.0, (moment - now).total_seconds()) if moment else None

    def _seconds(self, text: str, headers: Mapping[str, str]) -> float | None:
        try:
            return max(0.0, float(text))
        except ValueError:
            return self._until(text, "http_date", headers)

    def _value(self, body: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - what a provider sent
        try:
            return read(body, headers, format_="json", decode=()).value
        except BadBody:
            return None

    def _message(self, value: object) -> str:
        for path in _MESSAGES:
            found = jmespath.search(path, value) if isinstance(value, dict) else None
            if isinstance(found, str) and found:
                return f": {self.hide(found)[:400]}"
        return ""


def holds(expression: str, value: object) -> bool:
    """Say whether an expression is true of a body; one that cannot be asked of it is not."""
    try:
        return bool(jmespath.search(expression, value))
    except JMESPathError:
        return False


def rule_of(settings: Mapping[str, Any], *, every: Sequence[str] = ()) -> Rule:
    """Return what may go on record for a connector; `every` names further parameters that authenticate."""
    rate, paging, auth = settings.get("rate", {}), settings.get("paging", {}), settings["auth"]
    headers = {rate.get("remaining", ""), rate.get("reset", "")}
    if isinstance(paging.get("cursor"), dict):
        headers.add(paging["cursor"]["header"])
    tokens = {*every, auth.get("name", "")}
    if paging.get("type") == "cursor":
        send = paging["send"]
        tokens.add(send.get("query", ""))
        tokens.add(str(send.get("body", "")).rpartition(".")[2])
    return Rule(
        headers=_HEADERS | {str(name).lower() for name in headers if name},
        request_ids=_REQUEST_IDS,
        tokens=_SENSITIVE | {str(name).lower() for name in tokens if name},
    )


def http_date(text: str) -> datetime | None:
    """Read the time of a header; None for what is none, or lies beyond all calendars."""
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
