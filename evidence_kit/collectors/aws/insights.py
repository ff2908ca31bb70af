"""Events of a log group, counted by CloudWatch Logs Insights as a second witness to what `FilterLogEvents` gave.

Only where the operator asks for it: AWS charges for every GB that a query scans. What Insights cannot tell is not
counted, and that is said; it is never taken for agreement.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from evidence_kit.collectors.aws.wire import Answer, AwsWire
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Retryable, Stop
from evidence_kit.model.onward import Onward
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, epoch_ms
from evidence_kit.model.unit import Finding

T = TypeVar("T")
INSIGHTS = "insights"  # what `--set count=` has to say
OPERATIONS = ("logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery")  # of `--set count=insights` only
DIFFERS = "count_differs"
AGREES = "count_agrees"
NOT_COUNTED = "not_counted"
_UNDER_WAY = frozenset({"Scheduled", "Running"})
_BINS = 10_000  # rows that one answer gives; more than a year of hours
_NAMED = 25  # hours that a finding spells out; the page holds them all


@dataclass(slots=True)
class Came:
    """The events of a window that came, by the hour in which they happened."""

    window: Window
    hours: Counter[datetime] = field(default_factory=Counter)

    def add(self, moments: Sequence[datetime]) -> None:
        """Count a page's events. What else came is no part of what Insights is asked to count."""
        self.hours.update(_hour(at) for at in moments if at in self.window)

    @property
    def events(self) -> int:
        """Return how many came in all."""
        return self.hours.total()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """One count of one log group's window; `every` and `most` say how long an answer is waited for."""

    wire: AwsWire
    ctx: Context
    group: str
    window: Window
    settle: timedelta
    every: float
    most: int

    def items(self, came: Came) -> Iterator[Item]:
        """Yield the exact answers, what they say of `came`, and how the unit must end if they differ."""
        try:
            asked, told = self._run()
        except Stop as stop:
            yield _not_counted(stop.reason)
            return
        yield from (_page("StartQuery", asked), _page("GetQueryResults", told))
        status = str(told.parsed.get("status"))
        try:
            counted = read_counts(told.parsed) if status == "Complete" else None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            yield _not_counted(f"its answer cannot be read: {type(error).__name__}: {error}"[:300])
            return
        if counted is None:
            yield _not_counted(f"the query ended as `{status}`")
            return
        yield from self._judged(came, counted, told)

    # -- asking ------------------------------------------------------------------------------------------------

    def _run(self) -> tuple[Answer, Answer]:
        """Start the query and wait until it ends; one that nobody waits for any longer is stopped."""
        wire, ctx = self.wire, self.ctx
        asked = wire.call(ctx, "StartQuery", self._question(), result="queryId")
        query = {"queryId": asked.parsed["queryId"]}
        ended = False
        try:
            for attempt in range(self.most):
                if attempt:
                    ctx.pause(self.every, "Logs Insights is still counting")
                told = wire.call(ctx, "GetQueryResults", query, result="status")
                if told.parsed["status"] not in _UNDER_WAY:
                    ended = True
                    return asked, told
                ctx.record(told.exchange)
            raise Stop(UnitStatus.PARTIAL_ERROR, f"the query had not ended after {self.most:,} questions")
        finally:
            if not ended:
                with suppress(Stop, Retryable, EvidenceKitError):
                    ctx.record(wire.call(_Last(ctx), "StopQuery", query).exchange)

    def _question(self) -> Mapping[str, object]:
        """Return the query. Its bounds count whole seconds and include both; the filter is exact."""
        start, end = self.window.start, self.window.end
        first, after = epoch_ms(start), epoch_ms(end)
        exact = f"filter toMillis(@timestamp) >= {first} and toMillis(@timestamp) < {after}"
        return {
            "logGroupName": self.group,
            "startTime": first // 1000,
            "endTime": -(-after // 1000),
            "queryString": f"{exact} | stats count(*) as events by bin(1h) as hour",
            "limit": _BINS,
        }

    # -- judging -----------------------------------------------------------------------------------------------

    def _judged(self, came: Came, counted: Counter[datetime], told: Answer) -> Iterator[Item]:
        got, total = came.events, counted.total()
        facts = {"got": f"{got}", "counted": f"{total}", **_scanned(told.parsed)}
        settled = self.window.end + self.settle <= self.ctx.now()
        later = "" if settled else "; the window has not settled, and more may come"
        differing = [hour for hour in sorted({*came.hours, *counted}) if came.hours[hour] != counted[hour]]
        if not differing:
            message = f"{self.group}: Logs Insights counts the same {got:,} events, hour by hour{later}"
            yield Remark(finding=Finding(kind=AGREES, message=message, window=self.window, facts=facts))
            return
        said = [f"{hour:%Y-%m-%dT%HZ} {came.hours[hour]} of {counted[hour]}" for hour in differing[:_NAMED]]
        facts |= {"hours": ", ".join(said), "hoursInAll": f"{len(differing)}"}
        message = f"{self.group}: {got:,} events came, Logs Insights counts {total:,}{later}"
        yield Remark(finding=Finding(kind=DIFFERS, message=message, window=self.window, facts=facts))
        missing = sum(max(0, counted[hour] - came.hours[hour]) for hour in differing)
        if missing and settled:
            reason = f"{missing:,} events that Logs Insights counts did not come"
            yield Closed(status=UnitStatus.PARTIAL_TRUNCATED, reason=reason)
        else:
            yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason=message)


class _Last(Onward):
    """A context for one more request when all others are over: no second attempt, and no waiting."""

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:  # noqa: ARG002 - the last one is free
        return send(1)

    def pause(self, seconds: float, reason: str) -> None:
        """Go on at once."""

    def replay(self, request_digest: str) -> None:  # noqa: ARG002 - there is nothing to stop in an earlier run
        return None


def read_counts(parsed: Mapping[str, Any]) -> Counter[datetime]:
    """Return the events by hour; ValueError where the bins and the service's own statistics disagree."""
    found: Counter[datetime] = Counter()
    for row in parsed["results"]:
        value = {cell["field"]: cell["value"] for cell in row}
        hour = datetime.strptime(value["hour"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        found[hour] += int(value["events"])
    matched = int(parsed["statistics"]["recordsMatched"])
    if matched != found.total():
        raise ValueError(f"{matched:,} records matched, {found.total():,} are in the bins")
    return found


def _scanned(parsed: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{parsed['statistics'][name]:.0f}"
        for name in ("recordsMatched", "recordsScanned", "bytesScanned")
        if name in parsed["statistics"]
    }


def _page(name: str, answer: Answer) -> Page:
    return Page(name=name, body=answer.body, exchange=answer.exchange, next_cursor=None)


def _not_counted(reason: str) -> Remark:
    return Remark(finding=Finding(kind=NOT_COUNTED, message=f"Logs Insights has not counted: {reason}"))


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
