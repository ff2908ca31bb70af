"""What folders and the organisation above a project take away from its logs: aggregated sinks that intercept.

Google shows those to whoever may list the project's own sinks; where that is refused, each ancestor is asked.
Exclusions of a folder or an organisation concern its own entries only, and are none of a project's losses:
https://cloud.google.com/logging/docs/reference/v2/rest/v2/exclusions
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.collectors.gcp.access import GcpAccess
from evidence_kit.collectors.gcp.routing import Exclusion, listed
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

_INTERCEPTING = 'in_scope("ANCESTOR")'
_PLURAL = {"folder": "folders", "organization": "organizations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """The rules above a project that take its entries, and what of them could not be read."""

    takers: tuple[Exclusion, ...] = ()
    unknown: tuple[tuple[UnitStatus, str], ...] = ()


def ancestry(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Ancestry:
    """Return what is above `resource`, asked once; being refused it is a finding and no reason to read nothing."""
    if not resource.startswith("projects/"):
        return Ancestry()
    return access.once(target, f"ancestry {resource}", lambda: _find(access, target, resource, ctx))


def _find(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Ancestry:
    try:
        found = listed(access, target, ctx, f"{resource}/sinks", "sinks", _INTERCEPTING)
        return Ancestry(takers=tuple(_takers(resource, "", found)))
    except Stop:  # on the ledger; the ancestors may be open to us
        return _ask_each(access, target, resource, ctx)


def _ask_each(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Ancestry:
    takers, unknown = list[Exclusion](), list[tuple[UnitStatus, str]]()
    try:
        above = list(_parents(access, target, resource, ctx))
    except Stop as stop:
        message = f"whether a sink above {resource} takes its entries cannot be told: {stop.reason}"
        return Ancestry(unknown=((stop.status, message),))
    for parent in above:
        try:
            takers += _takers(resource, parent, listed(access, target, ctx, f"{parent}/sinks", "sinks"))
        except Stop as stop:
            message = f"whether a sink of {parent} takes entries of {resource} cannot be told: {stop.reason}"
            unknown.append((stop.status, message))
    return Ancestry(takers=tuple(takers), unknown=tuple(unknown))


def _parents(access: GcpAccess, target: Target, resource: str, ctx: Context) -> Iterator[str]:
    api = "cloudresourcemanager"
    url = f"{access.root(target, api)}/v1/{resource}:getAncestry"
    answer = access.ask(target, api, ctx, Ask(operation="projects.getAncestry", url=url, method="POST", body={}))
    found = answer.get("ancestor", [])
    for one in found if isinstance(found, list) else ():
        named = one.get("resourceId", {}) if isinstance(one, dict) else {}
        kind, number = str(named.get("type", "")), str(named.get("id", ""))
        if kind in _PLURAL and number.isdigit():
            yield f"{_PLURAL[kind]}/{number}"


def _takers(resource: str, parent: str, sinks: Iterable[Mapping[str, Any]]) -> Iterator[Exclusion]:
    for sink in sinks:
        name = str(sink.get("resourceName") or f"{parent}/sinks/{sink.get('name', '')}")
        place = str(sink.get("destination", "")) or "elsewhere"
        if not (sink.get("includeChildren") and sink.get("interceptChildren")) or sink.get("disabled"):
            continue
        if place != f"logging.googleapis.com/{resource}":  # that one hands them back
            yield Exclusion(name=name, filter=str(sink.get("filter", "")), taken_to=place)
