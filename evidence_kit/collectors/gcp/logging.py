"""Cloud Logging by `entries:list`: Google's own client asks, our wire carries, and both bounds are always said.

The client's `list_entries` silently adds `timestamp >= now - 24 h` to a filter without a time; its REST object, used
here, adds nothing. Its transport is replaced by the tapped wire, so retries, pace and exact bytes are ours.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from evidence_kit.collectors.gcp.access import as_access
from evidence_kit.collectors.gcp.ancestors import Ancestry, ancestry
from evidence_kit.collectors.gcp.lateness import Lateness
from evidence_kit.collectors.gcp.routing import (
    ALWAYS_KEPT,
    BOTH,
    DEFAULT,
    REQUIRED,
    SEE,
    SEE_PRIVATE,
    Routing,
    permissions,
    routing,
)
from evidence_kit.collectors.web.calls import filled
from evidence_kit.collectors.web.wire import Answer, Ask, WebWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.retention import within_retention
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, compact, parse_instant, rfc3339
from evidence_kit.model.unit import Finding, Scope, Unit

PAGE = 1000  # the most that Google gives; its own default is 50
_OPERATION = "entries.list"
SINCE = "received_since"
_ANSWER = frozenset({"entries", "nextPageToken"})


class CloudLogging:
    """Acquires the sources `gcp.logging.*`: one log, or several that belong together."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._logs = tuple(str(log) for log in _list(spec, "logs"))
        self._filter = str(spec.settings.get("filter", ""))
        self._bucket = str(spec.settings.get("bucket", DEFAULT))
        self._private = bool(spec.settings.get("private", False))
        self._resource = str(spec.settings.get("resource", "projects/{project}"))
        # Of several logs, those that go elsewhere than `_Required` can be kept away from every bucket.
        self._routed = tuple(log for log in self._logs if log not in ALWAYS_KEPT)
        if not self._logs and not self._filter:
            raise UsageError(f"source {spec.name}: `logs` or `filter` has to say which entries are meant")

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit, which the engine cuts; what we may not see or Google has forgotten is settled here."""
        unit = _whole(self.spec.name, scope, ctx.now())
        if "{organization}" in self._resource and not scope.target.access.get("organization"):
            reason = "the inventory names no `organization` for this target"
            yield replace(unit, settled=(UnitStatus.OUT_OF_SCOPE, reason))
            return
        resource = self._place(unit)
        self._access.wire(unit.target, "logging", ctx, _OPERATION)
        needed = SEE_PRIVATE if self._private else SEE
        if needed not in permissions(self._access, unit.target, resource, ctx):
            reason = f"`{needed}` is missing on {resource}; without it, entries are absent without an error"
            yield replace(unit, settled=(UnitStatus.DENIED, reason))
            return
        days = routing(self._access, unit.target, resource, ctx).kept(self._bucket)
        yield from _kept(unit, days, ctx.now())

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield every page, oldest entries first, until Google gives no token."""
        if unit.window is None:
            raise UsageError("log entries need a window")
        wire = self._access.wire(unit.target, "logging", ctx, _OPERATION)
        question = self._question(unit, unit.window)
        token, seen, late = "", set[str](), Lateness(self.spec.settle)
        while token not in seen:
            seen.add(token)
            answer = self._ask(unit, ctx, wire, question, token)
            token = str(answer.parsed.get("nextPageToken") or "")
            times = _times(answer.parsed)
            late.read(answer.parsed)
            yield Page(
                name=_OPERATION,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=token or None,
                records=len(answer.parsed.get("entries", [])),
                first_event=times[0] if times else "",
                last_event=times[-1] if times else "",
            )
            _require_within(unit.window, times)
            if not token:
                yield from late.remarks()
                yield from self._ended(unit, unit.window, ctx)
                return
        raise Stop(UnitStatus.PARTIAL_ERROR, "entries.list repeats a page token: the provider runs in a loop")

    def _question(self, unit: Unit, window: Window) -> dict[str, Any]:
        """Return the body of the question; `[start, end)` is always in it."""
        resource = self._place(unit)
        clauses = []
        if self._logs:
            names = " OR ".join(f'"{resource}/logs/{quote(log, safe="")}"' for log in self._logs)
            clauses.append(f"logName=({names})")
        if self._filter:
            clauses.append(f"({filled(self._filter, self._access.values(unit.target))})")
        clauses += [f'timestamp>="{rfc3339(window.start)}"', f'timestamp<"{rfc3339(window.end)}"']
        if since := unit.settings.get(SINCE):
            clauses.append(f'receiveTimestamp>="{since}"')
        return {
            "resourceNames": [resource],
            "filter": " AND ".join(clauses),
            "orderBy": "timestamp asc",
            "pageSize": PAGE,
        }

    def _place(self, unit: Unit) -> str:
        return str(filled(self._resource, self._access.values(unit.target)))

    def _ask(self, unit: Unit, ctx: Context, wire: WebWire, question: Mapping[str, Any], token: str) -> Answer:
        from google.cloud.logging import Client

        carrier = _Carrier(wire, ctx)
        client = Client(  # type: ignore[no-untyped-call]
            project=unit.target.id,
            credentials=self._access.credentials(unit.target, "logging"),
            client_options={"api_endpoint": self._access.root(unit.target, "logging")},
            _http=carrier,
            _use_grpc=False,
        )
        data = {**question, **({"pageToken": token} if token else {})}
        try:
            client.logging_api.api_request(method="POST", path="/entries:list", data=data)
        except Stop as stop:
            if stop.status.is_whole:  # entries are written and kept although the API to read them is off
                raise Stop(UnitStatus.DENIED, stop.reason) from stop
            raise
        answer = carrier.answer
        # Proto JSON leaves out what is empty: `{}` says that there is nothing. Anything else has to be of this API.
        if answer.parsed and not _ANSWER.intersection(answer.parsed):
            raise Stop(UnitStatus.PARTIAL_ERROR, "HTTP 200 with a body that is not an answer to entries.list")
        if not isinstance(answer.parsed.get("entries", []), list):
            raise Stop(UnitStatus.PARTIAL_ERROR, "HTTP 200 with `entries` that are no list")
        return answer

    def _ended(self, unit: Unit, window: Window, ctx: Context) -> Iterator[Item]:
        """Say what the project was told not to keep of these logs.

        While Google may still deliver, that comes first: the unit stays open, and the findings say the rest.
        """
        found = routing(self._access, unit.target, self._place(unit), ctx)
        above = Ancestry() if self._bucket == REQUIRED else ancestry(self._access, unit.target, found.resource, ctx)
        if found.unknown:
            message = f"whether entries are excluded cannot be told: {found.unknown}"
            yield Remark(finding=Finding(kind="exclusions_unknown", message=message))
        settled = window.end + self.spec.settle <= ctx.now()
        for status, reason in (*self._losses(found, above), *self._forgotten(found, window, ctx.now())):
            yield Remark(finding=Finding(kind=status.value, message=reason))
            if settled:
                yield Closed(status=status, reason=reason)
        if self._bucket != REQUIRED:
            yield from self._doubts(found, above)

    def _doubts(self, found: Routing, above: Ancestry) -> Iterator[Remark]:
        """Yield what may keep entries from us, without it being certain."""
        for status, message in above.unknown:
            yield Remark(finding=Finding(kind=status.value, message=message))
        for rule in (*above.takers, *found.exclusions):
            if (reach := rule.reach(self._routed)) == "may":
                facts = {"exclusion": rule.name, "filter": rule.filter[:2000], "reach": reach}
                message = f"it depends on the entry whether {rule.said}"
                yield Remark(finding=Finding(kind="exclusion", message=message, facts=facts))
        for log in self._routed:
            if not found.unknown and found.keeps(log) is None:
                facts = {"log": log, "filter": found.default_filter[:2000]}
                message = f"it depends on the entry whether a sink leads `{log}` into a bucket of the project"
                yield Remark(finding=Finding(kind="exclusion", message=message, facts=facts))

    def _forgotten(self, found: Routing, window: Window, now: datetime) -> Iterator[tuple[UnitStatus, str]]:
        """Yield a loss where some of several logs are gone, and others kept for longer are still there."""
        days = found.kept(DEFAULT)
        if self._bucket == BOTH and days is not None and window.start < now - timedelta(days=days):
            yield UnitStatus.EXPIRED_RETENTION, f"what is not in `_Required` is kept for {days} days only"

    def _losses(self, found: Routing, above: Ancestry) -> Iterator[tuple[UnitStatus, str]]:
        """Yield every loss that is certain; the last one is how the unit ends."""
        if sampled := str(self.spec.settings.get("sampled", "")):
            yield UnitStatus.SAMPLED_AT_SOURCE, sampled
        if self._bucket == REQUIRED:
            return  # nothing can keep an entry out of this bucket
        for rule in (*above.takers, *found.exclusions):
            if rule.reach(self._routed) == "covers":
                status = UnitStatus.SAMPLED_AT_SOURCE if rule.samples else UnitStatus.EXCLUDED_AT_SOURCE
                yield status, f"{rule.said}: {rule.filter[:300]}"
        lost = [] if found.unknown else [log for log in self._routed if found.keeps(log) is False]
        if lost:
            named = "`, `".join(lost)
            reason = f"no bucket gets `{named}`: the sink `_Default` is {found.default_said}"
            yield UnitStatus.EXCLUDED_AT_SOURCE, reason


class _Carrier:
    """Carries what Google's client asks over the tapped wire; in its eyes, a `requests.Session`."""

    is_mtls = False

    def __init__(self, wire: WebWire, ctx: Context) -> None:
        self._wire = wire
        self._ctx = ctx
        self.answer: Answer

    def request(self, method: str, url: str, data: str, **_: object) -> requests.Response:
        """Send, as often as the engine allows, and hand the client the bytes that came."""
        ask = Ask(operation=_OPERATION, url=url, method=method, body=json.loads(data))
        self.answer = self._wire.call(self._ctx, ask)
        response = requests.Response()
        response.status_code = 200
        response._content = self.answer.body  # noqa: SLF001 - a response has no other way in for a body
        return response


def _whole(source: str, scope: Scope, now: datetime) -> Unit:
    """Return all of a scope as one unit, which is another one where only what came since some time is asked for."""
    unit = Unit(source=source, target=scope.target, window=scope.window)
    if not (said := scope.params.get(SINCE, "")):
        return unit
    since = parse_instant(said, now=now)
    return replace(unit, stream=f"received-since-{compact(since)}", settings={SINCE: rfc3339(since)})


def _kept(unit: Unit, days: int | None, now: datetime) -> Iterator[Unit]:
    """Split off what is older than the buckets keep."""
    return within_retention(
        unit, None if days is None else timedelta(days=days), now, f"the log buckets keep {days} days"
    )


def _times(parsed: Mapping[str, Any]) -> list[str]:
    """Return the times of a page's entries, in its order, which is theirs."""
    entries = parsed.get("entries", [])
    return [str(entry["timestamp"]) for entry in entries if isinstance(entry, dict) and "timestamp" in entry]


def _require_within(window: Window, times: Sequence[str]) -> None:
    """Stop for entries of another time: they answer another question, and who gave them has the answer to ours."""
    edges = [parse_instant(at) for at in (*times[:1], *times[-1:])]
    if not all(at in window for at in edges):
        span = f"{times[0]} to {times[-1]}"
        raise Stop(UnitStatus.PARTIAL_ERROR, f"entries from {span} came, which were not asked for")


def _list(spec: SourceSpec, name: str) -> list[object]:
    found = spec.settings.get(name, [])
    return found if isinstance(found, list) else [found]
