"""How a project keeps its logs: permissions to see them, exclusions that drop them, buckets that forget them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from evidence_kit.collectors.gcp.access import GcpAccess
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.errors import ProviderError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target

SEE = "logging.logEntries.list"
SEE_PRIVATE = "logging.privateLogEntries.list"
DEFAULT, REQUIRED, BOTH = "_Default", "_Required", "both"
_STORAGE = "storage.googleapis.com/"  # how a sink's destination begins where it is a bucket
_DAYS = 30  # what `_Default` keeps where nobody said otherwise
_MAX_PAGES = 100  # of sinks, exclusions or buckets; a project may have 200 sinks and 100 buckets
_NAMED = re.compile(r"(?:log_?name\s*(=~|=|:)\s*|log_id\s*(\()\s*)(\"[^\"]*\"|[^\s()\"]+)", re.IGNORECASE)
_NEGATED = re.compile(r"\bNOT\b|!=|!~|(?:^|[\s(])-", re.IGNORECASE)
_SAMPLED = re.compile(r"\bsample\s*\(", re.IGNORECASE)
Reach = Literal["covers", "may", "no"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A rule by which entries are dropped before anything keeps them."""

    name: str
    filter: str

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
class Routing:
    """What a project's logging configuration says. `unknown` is why it could not be read, if so."""

    exclusions: tuple[Exclusion, ...] = ()
    default_off: bool = False
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
        found = access.ask(target, api, ctx, ask).get("permissions", [])
        return frozenset(str(one) for one in found) if isinstance(found, list) else frozenset()

    return access.once(target, f"permissions {resource}", find)


def routing(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Routing:
    """Return the logging configuration of `resource`, asked once; being refused it is no reason to read nothing."""

    def find() -> Routing:
        try:
            sinks = list(_all(access, target, ctx, f"{resource}/sinks", "sinks"))
            dropped = list(_all(access, target, ctx, f"{resource}/exclusions", "exclusions"))
            buckets = list(_all(access, target, ctx, f"{resource}/locations/-/buckets", "buckets"))
        except Stop as stop:
            return Routing(unknown=stop.reason)
        default = [sink for sink in sinks if sink.get("name") == DEFAULT]
        rules = [*dropped, *(rule for sink in default for rule in sink.get("exclusions", []))]
        return Routing(
            exclusions=tuple(
                Exclusion(str(rule.get("name", "")), str(rule.get("filter", "")))
                for rule in rules
                if not rule.get("disabled")
            ),
            delivered=_delivered(sinks),
            default_off=any(sink.get("disabled") for sink in default),
            days={
                str(bucket.get("name", "")).rpartition("/")[2]: int(bucket.get("retentionDays", _DAYS))
                for bucket in buckets
            },
        )

    return access.once(target, f"routing {resource}", find)


def _all(access: GcpAccess, target: Target, ctx: Context, path: str, key: str) -> Iterator[Mapping[str, Any]]:
    url, token = f"{access.root(target, 'logging')}/v2/{path}", ""
    for _ in range(_MAX_PAGES):
        params = {"pageSize": 100, **({"pageToken": token} if token else {})}
        answer = access.ask(target, "logging", ctx, Ask(operation=f"{key}.list", url=url, params=params))
        found = answer.get(key, [])
        yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
        if not (token := str(answer.get("nextPageToken", ""))):
            return
    raise ProviderError(f"{key} of the project never end")
