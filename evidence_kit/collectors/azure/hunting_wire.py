"""How advanced hunting is spoken to: Graph, with refusals of a query that mean it has to be cut."""

import re
from collections.abc import Mapping

from evidence_kit.collectors.azure.speaker import Speaker
from evidence_kit.collectors.azure.verdicts import reason_of
from evidence_kit.collectors.tap import Tap
from evidence_kit.collectors.web.wire import Answer, Ask, WebWire
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

_NO_TABLE = re.compile(r"failed to resolve (?:table|table or column|entity)\b", re.IGNORECASE)
_HEAVY = re.compile(
    r"exceed\w*.{0,60}(?:limit|size|memory|resource)|low memory|timed? ?out|too (?:large|many (?:rows|records))",
    re.IGNORECASE,
)


class TooHeavy(Stop):
    """The service cannot answer this question at once; parts of it, perhaps."""


class HuntingSpeaker(Speaker):
    """Graph's dialect, and what refusals of a query mean."""

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        code, message = reason_of(body)
        said = f"{code}: {message}"[:500]
        if status in {400, 413, 504} and (status != 400 or _HEAVY.search(said)):
            super().verdict(status, body, headers)  # it counts refused tokens in a row
            return TooHeavy(UnitStatus.PARTIAL_TRUNCATED, said)
        if status == 400 and _NO_TABLE.search(said):
            return Stop(UnitStatus.NOT_CONFIGURED, f"the tenant has no such table ({said})")
        return super().verdict(status, body, headers)


class HuntingWire(WebWire):
    """Graph over HTTP; an answer that says it went wrong is told apart by who reads it."""

    def _answer(self, ctx: Context, tap: Tap, ask: Ask, result: str) -> Answer:
        answer = super()._answer(ctx, tap, ask, result)
        if not isinstance(answer.parsed.get("results"), list) or not isinstance(answer.parsed.get("schema"), list):
            ctx.record(tap.exchange(error="no rows in the answer"))
            raise Retryable(f"{ask.operation} answered without rows or their schema")
        return answer
