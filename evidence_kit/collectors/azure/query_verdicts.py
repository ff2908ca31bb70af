"""What the query API's refusals mean for a unit; the reason stands in the innermost of its nested errors."""

import json
import re
from collections.abc import Mapping

from evidence_kit.collectors.azure.verdicts import verdict
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus

_DEEP = 8  # errors within errors; the API nests three
_NO_TABLE = re.compile(r"resolve (?:table|table or column|entity|entity or column)\b", re.IGNORECASE)
# The service has no code of its own for it; its words name the plan.
_PLAN = re.compile(r"\b(basic|auxiliary)\b(?=.{0,80}\b(?:log|plan|table|tier)s?\b)", re.IGNORECASE)
_NOT_FOUND = 404


def query_verdict(status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
    """Return what to raise for a refused query."""
    said = said_by(body)
    words = "; ".join(f"{code}: {message}" for code, message in said)[:500]
    if status == 400 and (plan := _PLAN.search(words)):
        return Stop(
            UnitStatus.NOT_LICENSED,
            f"the table is on the {plan[1].title()} plan, whose rows the query API does not give: run a search job "
            f"into a table of its own and collect that ({words})",
        )
    if status == 400 and any(code == "SEM0100" and _NO_TABLE.search(message) for code, message in said):
        return Stop(UnitStatus.NOT_CONFIGURED, f"the workspace has no such table ({words})")
    if status == 400:
        return Stop(UnitStatus.PARTIAL_ERROR, f"the query was refused: {words or 'HTTP 400'}")
    if status == _NOT_FOUND:
        # A mistyped id looks the same as a workspace that is gone; neither shows that nothing was recorded.
        return Stop(UnitStatus.PARTIAL_ERROR, f"no such workspace; check it in the inventory ({words or 'HTTP 404'})")
    return verdict(status, body, headers)


def said_by(body: bytes) -> list[tuple[str, str]]:
    """Return code and message of an error and of those within it, outermost first."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return []
    error = parsed.get("error") if isinstance(parsed, dict) else None
    said: list[tuple[str, str]] = []
    while isinstance(error, dict) and len(said) < _DEEP:
        said.append((str(error.get("code", ""))[:100], str(error.get("message", ""))[:400]))
        error = error.get("innererror")
    return said
