"""Asks a partner's API one small question, or two: whether it lets us in, how new and how old its records are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from evidence_kit.collectors.partner.access import PartnerAccess
from evidence_kit.collectors.partner.desk import Desk
from evidence_kit.collectors.partner.paging import Pager, search
from evidence_kit.collectors.partner.rest import PartnerRest
from evidence_kit.collectors.partner.verdicts import http_date
from evidence_kit.collectors.partner.window import Terms, when
from evidence_kit.collectors.web.wire import Answer
from evidence_kit.model.exchange import Exchange, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Scope, Target, Unit

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# How an answer says that it is a sample; a connector's own table of errors says it more exactly.
_SAMPLED = ("sampled", "is_sampled", "isSampled", "meta.sampled", "metadata.sampled", "data_sampled")
_RATES = ("sampling_rate", "samplingRate", "sample_rate", "sampleRate", "meta.sampling_rate", "meta.sampleRate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What an API showed. None is what it did not show; `ended` is None where it answered as it should."""

    at: datetime
    ended: tuple[UnitStatus, str] | None = None
    attempts: tuple[Exchange, ...] = ()  # those that failed
    exchange: Exchange | None = None
    dated: datetime | None = None  # the provider's clock, as its `Date` has it: whole seconds
    tells_newest: bool = False
    newest: datetime | None = None
    sampled: str = ""
    back_to: datetime | None = None  # so far back was asked
    oldest: datetime | None = None
    back_ended: tuple[UnitStatus, str] | None = None


def probe(spec: SourceSpec, target: Target, access: PartnerAccess, ctx: Context) -> Probe:
    """Ask; AccessError and UsageError for what keeps us from asking at all. Failed attempts are with `ctx`."""
    at = ctx.now()
    unit = _unit(spec, target, access, ctx)
    if unit.settled:
        return Probe(at=at, ended=unit.settled)
    try:
        desk = _desk(spec, unit, access, ctx)
        found = _asked(desk, spec, at)
    except Stop as stop:
        return Probe(at=at, ended=(stop.status, stop.reason))
    kept = spec.retention or timedelta(0)
    if found.ended or kept <= 2 * _HOUR or not spec.windowed or "request" not in spec.settings:
        return found
    return _back(desk, spec, found, kept)


def _unit(spec: SourceSpec, target: Target, access: PartnerAccess, ctx: Context) -> Unit:
    now = ctx.now()
    scope = Scope(window=Window(now - _HOUR, now), target=target)
    (unit,) = PartnerRest(spec, access).units(scope, ctx)
    return unit


def _desk(spec: SourceSpec, unit: Unit, access: PartnerAccess, ctx: Context) -> Desk:
    line = access.line(spec, unit.target, unit.settings, ctx)
    verdicts, wire = access.wire(spec, unit.target, line, ctx)
    return Desk(ctx=ctx, spec=spec, line=line, wire=wire, verdicts=verdicts, values=dict(unit.settings))


def _asked(desk: Desk, spec: SourceSpec, at: datetime) -> Probe:
    """Ask the connector's own small question, or else for the first page of the last hour."""
    said: Mapping[str, Any] = spec.settings
    preflight = said.get("preflight")
    if preflight is None and "request" not in said:
        return Probe(at=at, ended=(UnitStatus.NOT_CONFIGURED, "the connector has no question to check with"))
    if preflight is None:
        answer, value = _page(desk, Window(at - _HOUR, at) if spec.windowed else None)
        return _read(desk, Probe(at=at), answer, value)
    request = preflight["request"]
    ask = desk.ask("preflight", request, {**desk.values, **_last_day(said, at)})
    # A question of its own path is answered in JSON, whatever the records come in.
    own = request["path"] == said.get("request", {}).get("path")
    format_ = str(said["records"].get("format", "json")) if own else "json"
    answer, reading = desk.call(ask, format_=format_, decode=tuple(said.get("decode", ())) if own else ())
    desk.judge(reading)
    newest = str(preflight.get("newest", ""))
    moment = when(search(newest, reading.value)) if newest else None
    return _read(desk, Probe(at=at, tells_newest=bool(newest), newest=moment), answer, reading.value)


def _read(desk: Desk, found: Probe, answer: Answer, value: object) -> Probe:
    exchange = answer.exchange
    dated = exchange.headers.get("date", "")
    return replace(
        found,
        ended=desk.ends[0] if desk.ends else None,
        exchange=exchange,
        dated=http_date(dated),
        sampled=_sampled(value),
    )


def _back(desk: Desk, spec: SourceSpec, found: Probe, retention: timedelta) -> Probe:
    """Ask for the oldest day that the provider is said to keep: one page, for one page is enough to show it."""
    start = (found.at - retention).replace(microsecond=0) + _HOUR  # what ages out while we ask proves nothing
    window = Window(start, start + min(_DAY, retention - _HOUR))
    try:
        _, value = _page(desk, window)
    except Stop as stop:
        return replace(found, back_to=start, back_ended=(stop.status, stop.reason))
    if desk.ends:
        return replace(found, back_to=start, back_ended=desk.ends[0])
    return replace(found, back_to=start, oldest=_oldest(spec, value, window))


def _oldest(spec: SourceSpec, value: object, window: Window) -> datetime | None:
    """Return the first moment of a page, if it lies where it was asked for: some APIs heed no window."""
    rows: Any = search(spec.records.path, value) if spec.records.path else value
    if not spec.records.time or not isinstance(rows, list):
        return None
    moments = [when(search(spec.records.time, row)) for row in rows]
    near = Window(window.start - _DAY, window.end + _DAY)
    return min((moment for moment in moments if moment and moment in near), default=None)


def _page(desk: Desk, window: Window | None) -> tuple[Answer, object]:
    """Return the first page of a listing; whatever follows is left."""
    said = desk.settings
    ask = Pager(said.get("paging", {"type": "none"}), desk.windowed(said["request"], window)).begin()
    answer, reading = desk.call(
        ask,
        format_=str(said["records"].get("format", "json")),
        decode=tuple(said.get("decode", ())),
        records=str(said["records"]["path"]),
    )
    desk.judge(reading)
    return answer, reading.value


def _last_day(said: Mapping[str, Any], at: datetime) -> dict[str, object]:
    if "window" not in said:
        return {}
    terms = Terms.of(said["window"])
    start, end = terms.asked(Window(at - _DAY, at))
    return {"start": terms.text(start), "end": terms.text(end)}


def _sampled(value: object) -> str:
    """Return what an answer says of being a sample."""
    if not isinstance(value, Mapping):
        return ""
    for path in _SAMPLED:
        if search(path, value) is True:
            return f"`{path}` is true"
    for path in _RATES:
        rate = search(path, value)
        if isinstance(rate, int | float) and not isinstance(rate, bool) and rate != 1:
            return f"`{path}` is {rate:g}"
    return ""
