"""How a project keeps its logs: permissions to see them, rules that drop them, sinks that lead them into a bucket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from evidence_kit.collectors.gcp.access import GcpAccess
from evidence_kit.collectors.gcp.filters import passes
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.errors import ProviderError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

SEE = "logging.logEntries.list"
SEE_PRIVATE = "logging.privateLogEntries.list"
DEFAULT, REQUIRED, BOTH = "_Default", "_Required", "both"
# These go to `_Required` of the project they are written in, whatever any sink, exclusion or ancestor says.
ALWAYS_KEPT = frozenset(
    f"{service}.googleapis.com/{log}"
    for service in ("cloudaudit", "externalaudit")
    for log in ("activity", "system_event", "access_transparency")
)
_STORAGE = "storage.googleapis.com/"  # how a sink's destination begins where it is a bucket
_DAYS = 30  # what `_Default` keeps where nobody said otherwise
_MAX_PAGES = 100  # of sinks, exclusions or buckets; a project may have 200 sinks and 100 buckets
_NAMED = re.compile(r"(?:log_?name\s*(=~|=|:)\s*|log_id\s*(\()\s*)(\"[^\"]*\"|[^\s()\"]+)", re.IGNORECASE)
_NEGATED = re.compile(r"\bNOT\b|!=|!~|(?:^|[\s(])-", re.IGNORECASE)
_SAMPLED = re.compile(r"\bsample\s*\(", re.IGNORECASE)
_BUCKET = re.compile(r"logging\.googleapis\.com/(.+?)/locations/[^/]+/buckets/[^/]+")
Reach = Literal["covers", "may", "no"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A rule by which entries never get to the sinks that keep them: dropped, or taken elsewhere from above."""

    name: str
    filter: str
    taken_to: str = ""  # the destination of a sink of an ancestor that takes them

    @property
    def said(self) -> str:
        """Return what it does, for people."""
        what = f"the sink `{self.name}` takes entries to `{self.taken_to}` before the project's own sinks see them"
        return what if self.taken_to else f"the exclusion `{self.name}` drops entries"

    @property
    def samples(self) -> bool:
        """Say whether it drops only a share of what fits."""
        return _SAMPLED.search(self.filter) is not None

    def reach(self, logs: tuple[str, ...]) -> Reach:
        """Say whether it drops entries of `logs`; what cannot be told from the text alone is `may`."""
        if not self.filter.strip():
            return "covers"
        text = unquote(self.filter)
        if _NEGATED.search(text):
            return "may"
        named = [(sign or bracket, value.strip('"')) for sign, bracket, value in _NAMED.findall(text)]
        if not named or not logs or any(sign == "=~" for sign, _ in named):
            return "may"
        if any(_names(sign, value, log) for sign, value in named for log in logs):
            return "covers"
        return "may" if re.search(r"\bOR\b", text, re.IGNORECASE) else "no"


def _names(sign: str, value: str, log: str) -> bool:
    if sign == ":":
        return value in f"/logs/{log}"
    return value == log if sign == "(" else value.endswith(f"/logs/{log}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A sink that is on and leads into a log bucket. `is_near` where that is surely one of the same project."""

    name: str
    filter: str
    is_near: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What a project's logging configuration says. `unknown` is why it could not be read, if so."""

    resource: str = ""
    exclusions: tuple[Exclusion, ...] = ()
    keepers: tuple[Sink, ...] = ()
    default_filter: str = ""
    default_said: str = ""
    days: Mapping[str, int] = field(default_factory=dict)  # by bucket
    delivered: tuple[str, ...] = ()  # buckets of Cloud Storage that sinks write to
    unknown: str = ""

    def kept(self, bucket: str) -> int | None:
        """Return the most days for which entries routed to `bucket` may be there, None if nobody can know.

        A sink may copy entries to a bucket that keeps them longer, and all buckets are read.
        """
        if self.unknown or not self.days:
            return None
        if bucket == REQUIRED:
            return self.days.get(REQUIRED)
        asked = [days for name, days in self.days.items() if bucket == BOTH or name != REQUIRED]
        return max(asked, default=None)

    def keeps(self, log: str) -> bool | None:
        """Say whether a sink leads all entries of `log` into a bucket where they are read; None if that may be."""
        verdicts = [passes(sink.filter, self.resource, log) and (sink.is_near or None) for sink in self.keepers]
        return True if True in verdicts else None if None in verdicts else False


def _keepers(resource: str, sinks: Sequence[Mapping[str, Any]]) -> Iterator[Sink]:
    for sink in sinks:
        name, leads_to = str(sink.get("name", "")), str(sink.get("destination", ""))
        is_usual = name == DEFAULT and not leads_to
        place = _BUCKET.fullmatch(leads_to)
        if name == REQUIRED or sink.get("disabled") or not (place or is_usual):
            continue
        is_near = is_usual or (place is not None and place[1] == resource)
        yield Sink(name=name, filter=str(sink.get("filter", "")), is_near=is_near)


def _default_said(default: Sequence[Mapping[str, Any]]) -> str:
    """Return what the sink `_Default` does with entries, for people."""
    if not default:
        return "not there"
    if default[0].get("disabled"):
        return "off"
    leads_to = str(default[0].get("destination", ""))
    if leads_to and not _BUCKET.fullmatch(leads_to):
        return f"leading to `{leads_to[:200]}`"
    return f"there for `{str(default[0].get('filter', ''))[:300]}` only"


def _delivered(sinks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    places = [str(sink.get("destination", "")) for sink in sinks]
    return tuple(dict.fromkeys(one.removeprefix(_STORAGE) for one in places if one.startswith(_STORAGE)))


def permissions(access: GcpAccess, target: Target, resource: str, ctx: Context) -> frozenset[str]:
    """Return which of the two permissions to see log entries we have on `resource`, asked once."""

    def find() -> frozenset[str]:
        api = "cloudresourcemanager"
        ask = Ask(
            operation="testIamPermissions",
            url=f"{access.root(target, api)}/v3/{resource}:testIamPermissions",
            method="POST",
            body={"permissions": [SEE, SEE_PRIVATE]},
        )
        try:
            found = access.ask(target, api, ctx, ask).get("permissions", [])
        except Stop as stop:
            blocked = stop.status is UnitStatus.DENIED_BY_POLICY
            why = "a policy above us blocks even that question" if blocked else "that question failed"
            raise Stop(stop.status, f"what we may see of {resource} is not known, for {why}: {stop.reason}") from stop
        return frozenset(str(one) for one in found) if isinstance(found, list) else frozenset()

    return access.once(target, f"permissions {resource}", find)


def routing(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Routing:
    """Return the logging configuration of `resource`, asked once; being refused it is no reason to read nothing."""

    def find() -> Routing:
        try:
            sinks = list(listed(access, target, ctx, f"{resource}/sinks", "sinks"))
            dropped = list(listed(access, target, ctx, f"{resource}/exclusions", "exclusions"))
            buckets = list(listed(access, target, ctx, f"{resource}/locations/-/buckets", "buckets"))
        except Stop as stop:
            return Routing(resource=resource, unknown=stop.reason)
        default = [sink for sink in sinks if sink.get("name") == DEFAULT]
        rules = [*dropped, *(rule for sink in default for rule in sink.get("exclusions", []))]
        return Routing(
            resource=resource,
            keepers=tuple(_keepers(resource, sinks)),
            default_filter=str(default[0].get("filter", "")) if default else "",
            exclusions=tuple(
                Exclusion(str(rule.get("name", "")), str(rule.get("filter", "")))
                for rule in rules
                if not rule.get("disabled")
            ),
            delivered=_delivered(sinks),
            default_said=_default_said(default),
            days={
                str(bucket.get("name", "")).rpartition("/")[2]: int(bucket.get("retentionDays", _DAYS))
                for bucket in buckets
            },
        )

    return access.once(target, f"routing {resource}", find)


def listed(
    access: GcpAccess, target: Target, ctx: Context, path: str, key: str, which: str = ""
) -> Iterator[Mapping[str, Any]]:
    """Yield everything in a list of Cloud Logging's configuration; `which` is the API's own filter of it."""
    url, token = f"{access.root(target, 'logging')}/v2/{path}", ""
    for _ in range(_MAX_PAGES):
        said = {"filter": which, "pageToken": token}
        params = {"pageSize": 100, **{name: value for name, value in said.items() if value}}
        answer = access.ask(target, "logging", ctx, Ask(operation=f"{key}.list", url=url, params=params))
        found = answer.get(key, [])
        yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
        if not (token := str(answer.get("nextPageToken", ""))):
            return
    raise ProviderError(f"`{path}` never ends")
