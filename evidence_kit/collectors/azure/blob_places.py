"""Which containers of which storage accounts hold logs: what settings say today, and what accounts still have.

A setting that was removed leaves its container behind, and may have sent logs to another subscription's account.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.collectors.web.calls import in_path
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

_PAGING = Paging(next="nextLink", sent_as="link")
_ACCOUNT = re.compile(r"/storageAccounts/([a-z0-9]{3,24})$", re.IGNORECASE)
_ZONED = re.compile(r"(https://([a-z0-9]{3,24})\.z\d{1,2}\.blob\.storage\.azure\.net)/?")
_NAME = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"\$logs|[a-z0-9](?:-?[a-z0-9]){2,62}")
_SUBSCRIPTION = "/subscriptions/{subscription}"
_ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
_SETTINGS = "providers/Microsoft.Insights/diagnosticSettings"
_STORAGE, _INSIGHTS, _NETWORK = "2023-05-01", "2021-05-01-preview", "2024-05-01"


@dataclass(frozen=True, slots=True)
class Place:
    """One container; `deleted` says when it was, if it was, and nothing of it can be read."""

    account: str
    container: str
    deleted: str = ""


@dataclass(slots=True)
class Found:
    """Places in the order in which they were found, each once, and what could not be asked."""

    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)  # of accounts whose address their name does not tell
    unknown: list[tuple[str, Stop]] = field(default_factory=list)

    def add(self, account: str, container: str, deleted: str = "") -> None:
        """Note a place; one that is there outweighs one of its name that was deleted."""
        known = self.places.get((account, container))
        if known is None or (known.deleted and not deleted):
            self.places[account, container] = Place(account, container, deleted)


def root_of(access: AzureAccess, target: Target, account: str) -> str:
    """Return the address of an account: a host of its own, or a path where the inventory names a private endpoint."""
    root = access.root(target, "storage")
    if "endpoint.storage" in target.access:
        return f"{root}/{account}"
    scheme, _, host = root.partition("://")
    return f"{scheme}://{account}.{host}"


def require_names(account: str, container: str) -> None:
    """Refuse what cannot be the name of an account or a container: both become part of an address."""
    if account and _NAME.fullmatch(account) is None:
        raise UsageError(f"`{account[:80]!a}` is not the name of a storage account")
    if container and _CONTAINER.fullmatch(container) is None:
        raise UsageError(f"`{container[:80]!a}` is not the name of a container")


class Scout:
    """Asks Resource Manager where the logs of one source lie."""

    def __init__(self, access: AzureAccess, target: Target, ctx: Context) -> None:
        self._access = access
        self._target = target
        self._ctx = ctx
        self._values = access.values(target)

    def find(self, containers: Sequence[str], settings: Mapping[str, object], account: str) -> Found:
        """Return the places of `containers` in `account`, or in all that settings or lists name."""
        found = Found()
        if account:
            for container in containers:
                found.add(account, container)
            return found
        for name, ask in (("flow logs", self._flow_logs), ("diagnostic settings", self._diagnostics)):
            try:
                for at in ask(settings):
                    for container in containers:
                        found.add(at, container)
            except Stop as stop:
                found.unknown.append((name, stop))
        self._held(containers, found, every=bool(settings.get("everyAccount")))
        return found

    # -- what is delivered today -----------------------------------------------------------------------------

    def _flow_logs(self, settings: Mapping[str, object]) -> Iterator[str]:
        """Yield the accounts that flow logs of the source's kind go to."""
        if not (kind := settings.get("flowLogs")):
            return
        watchers = "/subscriptions/{subscription}/providers/Microsoft.Network/networkWatchers"
        for watcher in self._list("ListNetworkWatchers", watchers, _NETWORK):
            for log in self._list("ListFlowLogs", f"{watcher.get('id')}/flowLogs", _NETWORK):
                said = log.get("properties") or {}
                of_group = "/networksecuritygroups/" in str(said.get("targetResourceId", "")).lower()
                if of_group == (kind == "nsg"):
                    yield from _account(said.get("storageId"))

    def _diagnostics(self, settings: Mapping[str, object]) -> Iterator[str]:
        """Yield the accounts that diagnostic settings of the source's kind of resource name."""
        resources: Any = settings.get("resources", [])
        for resource in resources:
            if not (path := resource.get("list", "")):
                yield from self._settings_of(_SUBSCRIPTION)
                continue
            for one in self._list(str(resource["operation"]), path, str(resource["version"])):
                for below in resource.get("below", [""]):
                    yield from self._settings_of(f"{one.get('id')}{below}")

    def _settings_of(self, resource: str) -> Iterator[str]:
        try:
            for setting in self._list("ListDiagnosticSettings", f"{resource}/{_SETTINGS}", _INSIGHTS):
                yield from _account((setting.get("properties") or {}).get("storageAccountId"))
        except Stop as stop:
            if stop.status is not UnitStatus.NOT_CONFIGURED:  # gone since it was listed
                raise

    # -- what accounts still hold ----------------------------------------------------------------------------

    def _held(self, containers: Sequence[str], found: Found, *, every: bool) -> None:
        """Look at every account of the subscription, whatever the settings say; `$logs` is in no list."""
        try:
            accounts = list(self._list("ListStorageAccounts", f"{_SUBSCRIPTION}/{_ACCOUNTS}", _STORAGE))
        except Stop as stop:
            found.unknown.append(("storage accounts", stop))
            return
        for one in accounts:
            for account in _account(one.get("id")):
                if root := _zoned(account, one):
                    found.roots[account] = root
                if every:
                    for container in containers:
                        found.add(account, container)
                    continue
                try:
                    self._containers(account, str(one["id"]), containers, found)
                except Stop as stop:
                    found.unknown.append((f"containers of {account}", stop))

    def _containers(self, account: str, path: str, containers: Sequence[str], found: Found) -> None:
        where = f"{path}/blobServices/default/containers"
        for one in self._list("ListContainers", where, _STORAGE, {"$include": "deleted"}):
            said = one.get("properties") or {}
            if (name := str(one.get("name", ""))) in containers:
                deleted = str(said.get("deletedTime") or "a time unknown") if said.get("deleted") else ""
                found.add(account, name, deleted)

    def _list(
        self, operation: str, path: str, version: str, more: Mapping[str, str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what Resource Manager lists at `path`, page by page, with each exchange on record."""
        wire = self._access.wire(self._target, "arm", self._ctx, operation)
        url = self._access.root(self._target, "arm") + in_path(path, self._values)
        ask = Ask(operation=operation, url=url, params={"api-version": version, **(more or {})})
        for answer, _ in pages(wire, self._ctx, ask, _PAGING, result="value"):
            self._ctx.record(answer.exchange)
            yield from (one for one in answer.parsed["value"] if isinstance(one, Mapping))


def _zoned(account: str, listed: Mapping[str, Any]) -> str:
    """Return the address of an account in a DNS zone, which Azure chose; only a name of Azure's gets our token."""
    endpoints = (listed.get("properties") or {}).get("primaryEndpoints") or {}
    found = _ZONED.fullmatch(str(endpoints.get("blob", "")))
    return found[1] if found and found[2] == account else ""


def _account(identity: object) -> tuple[str, ...]:
    """Return the name of the account that a resource's id names, if it names one."""
    found = _ACCOUNT.search(str(identity or ""))
    return (found[1].lower(),) if found else ()
