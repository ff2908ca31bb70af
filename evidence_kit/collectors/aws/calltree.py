"""Read-only calls described as data: parameters filled in, pages followed, and calls that hang on what a page lists.

A refusal in the middle of a list does not end the list: what can be had is taken, and the unit says what could not.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jmespath

from evidence_kit.collectors.aws.answering import Alike, Asked, wrong_fields
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import Answer, AwsWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import epoch_ms, rfc3339
from evidence_kit.model.unit import Finding, Target, Unit

Call = Mapping[str, Any]
Values = Mapping[str, object]
Wires = Callable[[str, str], AwsWire]  # a service and a region ("" is the unit's own) to their client
_FIELDS = frozenset(
    {
        "operation", "service", "region", "params", "result", "records", "each", "then", "repeat", "empty", "absent",
        "rules", "deliver", "refused", "paging", "answers",
    }
)  # fmt: skip
_NAME = re.compile(r"\{([a-z_]+)\}")
_MAX_REFUSED = 25  # so many refusals and not one answer: the rest of the list would be refused alike
_DENIED = frozenset({UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY})
# Refusals of one item that say nothing about the next. Throttling and a provider in a loop do.
_OF_ONE_ITEM = frozenset({*_DENIED, UnitStatus.NOT_CONFIGURED, UnitStatus.NOT_ENABLED})
# How services word that what was listed a moment ago has no such name any more.
_GONE = re.compile(r"[\w.]*(?:NotFound|NoSuch|Non[Ee]xistent|DoesNotExist)\w*: ")
# What a source's rules may conclude, the one that limits most first.
_CONCLUSIONS = (
    UnitStatus.PARTIAL_ERROR,
    UnitStatus.EXCLUDED_AT_SOURCE,
    UnitStatus.SAMPLED_AT_SOURCE,
    UnitStatus.NOT_LICENSED,
    UnitStatus.NOT_ENABLED,
    UnitStatus.NOT_CONFIGURED,
)
_NAMED = 3  # reasons that are spelled out; each of them is a finding as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One page of one call, and what was known when it was asked."""

    call: Call
    answer: Answer
    cursor: str | None
    values: Values

    @property
    def operation(self) -> str:
        """Return what was asked."""
        return str(self.call["operation"])


def require_calls(source: str, calls: Sequence[Call]) -> None:
    """Raise UsageError for a field that no call has, at any depth."""
    for call in calls:
        if unknown := set(call) - _FIELDS:
            raise UsageError(f"source {source}: unknown field `{min(unknown)}` in a call")
        if "operation" not in call:
            raise UsageError(f"source {source}: a call has no `operation`")
        for wrong in wrong_fields(call):
            raise UsageError(f"source {source}: {wrong}")
        for rule in (*call.get("rules", ()), *call.get("refused", ()), *([call["empty"]] if "empty" in call else ())):
            if UnitStatus(rule["status"]) not in _CONCLUSIONS:
                raise UsageError(f"source {source}: a rule cannot conclude `{rule['status']}`")
        require_calls(source, call.get("then", ()))


@dataclass(slots=True, kw_only=True)
class Walk:
    """One way through a tree of calls. Afterwards `end` tells what the unit's status must own up to."""

    wires: Wires
    ctx: Context
    service: str
    refused: list[Stop] = field(default_factory=list)
    concluded: list[tuple[UnitStatus, str]] = field(default_factory=list)
    alike: Alike = field(default_factory=Alike)

    def steps(self, calls: Sequence[Call], values: Values) -> Iterator[Step | Remark]:
        """Yield every page of every call, each followed by the calls that hang on it.

        Of several calls side by side, one that is denied does not end the others.
        """
        for call in calls:
            try:
                yield from self._repeat(call, values) if "repeat" in call else self._pages(call, values)
            except Stop as stop:
                if len(calls) == 1 or stop.status not in _DENIED:
                    raise
                self.refused.append(stop)
                yield Remark(finding=Finding(kind="refused", message=f"{call['operation']}: {stop.reason}"))

    def end(self) -> Closed | None:
        """Return how the unit ends, or None where nothing was refused and no rule applied."""
        if self.refused:
            first = self.refused[0]
            return Closed(
                status=first.status, reason=f"{len(self.refused)} calls were refused, the first: {first.reason}"
            )
        for status in _CONCLUSIONS:
            reasons = list(dict.fromkeys(reason for found, reason in self.concluded if found is status))
            if reasons:
                more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
                return Closed(status=status, reason="; ".join(reasons[:_NAMED]) + more)
        return None

    def _pages(self, call: Call, values: Values) -> Iterator[Step | Remark]:
        empty, nothing, asked = call.get("empty"), True, Asked.of(call, values)
        for answer, cursor in self._answers(call, values):
            yield Step(call=call, answer=answer, cursor=cursor, values=values)
            yield from self._judge(call, answer, values)
            yield from self._differing(asked.read(answer.parsed) if asked else None)
            if alike := self.alike.read(call, values, answer.body, answer.exchange.sha256):
                yield Remark(finding=alike)
            nothing = nothing and not (empty and jmespath.search(empty["path"], answer.parsed))
            yield from self._then(call, answer, values)
        yield from self._differing(asked.missing() if asked else None)
        if empty and nothing:
            yield self._conclude(empty, values)

    def _differing(self, finding: Finding | None) -> Iterator[Remark]:
        """Own up to an answer that is not the one to its question; the others are still worth asking."""
        if finding:
            self.concluded.append((UnitStatus.PARTIAL_ERROR, finding.message))
            yield Remark(finding=finding)

    def _answers(self, call: Call, values: Values) -> Iterator[tuple[Answer, str | None]]:
        """Yield a call's pages; an error that the source knows better than the SDK's codes ends as it says."""
        try:
            yield from pages(
                self._wire(call, values),
                self.ctx,
                str(call["operation"]),
                filled(call.get("params", {}), values),
                result=str(call.get("result", "")),
                absent=frozenset(call.get("absent", ())),
                rules=call.get("paging"),
            )
        except Stop as stop:
            for rule in call.get("refused", ()):
                if stop.reason.startswith(f"{rule['code']}: ") and rule.get("says", "") in stop.reason:
                    raise Stop(UnitStatus(rule["status"]), str(filled(rule["reason"], values))) from stop
            raise

    def _then(self, call: Call, answer: Answer, values: Values) -> Iterator[Step | Remark]:
        for following in call.get("then", ()):
            each = following.get("each")
            if each is None:
                yield from self.steps((following,), values)
                continue
            yield from self._for_each(following, listed(each, answer.parsed), values)

    def _for_each(self, call: Call, several: Sequence[Values], values: Values) -> Iterator[Step | Remark]:
        answered, before = 0, len(self.refused)
        for bound in several:
            try:
                yield from self.steps((call,), {**values, **bound})
                answered += 1
            except Stop as stop:
                if stop.status not in _OF_ONE_ITEM and not _GONE.match(stop.reason):
                    raise
                yield self._refuse(call, bound, stop)
            refused = len(self.refused) - before
            if refused >= _MAX_REFUSED and not answered:
                raise Stop(self.refused[-1].status, f"refused {refused} times in a row: {self.refused[-1].reason}")

    def _refuse(self, call: Call, bound: Values, stop: Stop) -> Remark:
        """Remember a refusal. What was listed and is gone when it is asked for lessens nothing: it is named."""
        what = ", ".join(str(value) for value in bound.values())[:200]
        if stop.status is UnitStatus.NOT_CONFIGURED or _GONE.match(stop.reason):
            return Remark(finding=Finding(kind="vanished", message=f"{what} was listed and is gone: {stop.reason}"))
        self.refused.append(stop)
        return Remark(finding=Finding(kind="refused", message=f"{call['operation']} of {what}: {stop.reason}"))

    def _judge(self, call: Call, answer: Answer, values: Values) -> Iterator[Remark]:
        for rule in call.get("rules", ()):
            if jmespath.search(rule["when"], answer.parsed):
                yield self._conclude(rule, values)

    def _conclude(self, rule: Mapping[str, Any], values: Values) -> Remark:
        status, reason = UnitStatus(rule["status"]), str(filled(rule["reason"], values))
        self.concluded.append((status, reason))
        return Remark(finding=Finding(kind=status.value, message=reason))

    def _repeat(self, call: Call, values: Values) -> Iterator[Step | Remark]:
        """Ask again until the provider says that it is ready; every answer is kept."""
        rule, operation = call["repeat"], str(call["operation"])
        for attempt in range(int(rule["most"])):
            if attempt:
                self.ctx.pause(float(rule["every"]), f"{operation} is not ready yet")
            ready = False
            for answer, cursor in self._answers(call, values):
                ready = ready or bool(jmespath.search(rule["until"], answer.parsed))
                yield Step(call=call, answer=answer, cursor=cursor if ready else None, values=values)
                if not ready:
                    break
                yield from self._judge(call, answer, values)
                yield from self._then(call, answer, values)
            if ready:
                return
        raise Stop(UnitStatus.PARTIAL_ERROR, f"{operation} was not ready after {rule['most']} questions")

    def _wire(self, call: Call, values: Values) -> AwsWire:
        return self.wires(str(call.get("service", self.service)), str(filled(call.get("region", ""), values) or ""))


def listed(each: Mapping[str, Any], parsed: Mapping[str, Any]) -> list[Values]:
    """Return what an `each` binds for every item it finds: one name, several names, or batches under one name."""
    found = jmespath.search(each["path"], parsed)
    items = found if isinstance(found, list) else [] if found is None else [found]
    named, size = each["as"], int(each.get("batch", 0))
    if isinstance(named, Mapping):
        return [{name: jmespath.search(path, item) for name, path in named.items()} for item in items]
    if size:
        return [{named: items[at : at + size]} for at in range(0, len(items), size)]
    return [{named: item} for item in items]


def values_of(unit: Unit) -> dict[str, object]:
    """Return what the parameters of a unit's calls may name."""
    values: dict[str, object] = {**unit.settings, **place_of(unit.target, unit.region)}
    if unit.window:
        start, end = unit.window.start, unit.window.end
        values |= {"start": start, "end": end, "start_ms": epoch_ms(start), "end_ms": epoch_ms(end)}
        values |= {"start_s": int(start.timestamp()), "end_s": int(end.timestamp())}
        values |= _as_text(start, end)
    return values


def _as_text(start: datetime, end: datetime) -> dict[str, object]:
    """Return a window for services that take text: whole seconds and days that leave out no moment of it."""
    almost = end - timedelta(microseconds=1)
    return {
        "start_iso": rfc3339(start.replace(microsecond=0)),
        "end_iso": rfc3339(almost.replace(microsecond=0) + timedelta(seconds=1)),
        "start_date": start.date().isoformat(),
        "end_date": (almost.date() + timedelta(days=1)).isoformat(),
    }


def place_of(target: Target, region: str) -> dict[str, object]:
    """Return account, region and partition by the names that templates use."""
    return {"account": target.id, "region": region, "partition": partition_of(region)}


def partition_of(region: str) -> str:
    """Return the partition that a region's name belongs to, as ARNs spell it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def filled(template: object, values: Values) -> Any:  # noqa: ANN401 - parameters have any shape
    """Fill in `{name}`: a string that is nothing else becomes the value itself.

    Values are never looked at again, so that none can inject a name.
    """
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    if alone := _NAME.fullmatch(template):
        return _value(alone[1], values)
    return _NAME.sub(lambda found: str(_value(found[1], values)), template)


def _value(name: str, values: Values) -> object:
    try:
        return values[name]
    except KeyError:
        raise UsageError(f"nothing is called `{name}` here", hint=f"known: {', '.join(sorted(values))}") from None
