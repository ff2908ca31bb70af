"""A Microsoft tenant for the playbooks' tests: directory, subscription, workspace and mail log on loopback."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from playbooks.seeds.cloud_desk import Told, settled
from support.keeping_microsoft import Keeping, keep
from support.lab import END
from support.playing import Table, entries, unhurried

from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, AuditQueries, Lists, Record
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT, Entra
from evidence_kit.sandbox.microsoft.faults import Faults
from evidence_kit.sandbox.microsoft.faults import Reply as Answer
from evidence_kit.sandbox.microsoft.held import Held
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE, LogAnalytics, Workspace
from evidence_kit.sandbox.microsoft.server import Asked, Microsoft
from evidence_kit.sandbox.microsoft.subscription import Subscription
from evidence_kit.sandbox.serving import running

START = END - timedelta(hours=6)
WINDOW = {"since": rfc3339(START), "until": rfc3339(END)}
OFFICE = "192.0.2.0/24"
UNDER = f"/subscriptions/{SUBSCRIPTION}/providers"
EVENTS = f"{UNDER}/Microsoft.Insights/eventtypes/management/values"


@dataclass(kw_only=True)
class Searched(AuditQueries):
    """The unified audit log, of which each search finds what happened between its bounds."""

    records: Sequence[Record] = ()
    polls: int = 1
    page: int = 50
    every: Sequence[Record] = ()
    bounds: dict[str, tuple[str, str]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer | None:
        """Remember what a search is for, and show nothing else of it."""
        name = asked.path.removesuffix("/records").rpartition("/")[2]
        if name in self.bounds:
            since, until = map(parse_instant, self.bounds[name])
            self.records = [one for one in self.every if since <= parse_instant(one["createdDateTime"]) <= until]
        found = super().answer(asked)
        if found is not None and asked.method == "POST":
            said = json.loads(found.body)
            self.bounds[said["id"]] = (said["filterStartDateTime"], said["filterEndDateTime"])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What the tenant holds: lists of Graph and of Resource Manager by path, tables, and the mail log."""

    graph: Mapping[str, list[Record]] = field(default_factory=dict)
    arm: Mapping[str, list[Record]] = field(default_factory=dict)
    tables: Sequence[Held] = ()
    mail: Sequence[Record] = ()


@dataclass
class Office:
    """The sandbox, what is kept in it, and what a run at it needs."""

    server: Microsoft
    keeping: Keeping

    def put(self, seed: Seed) -> "Office":
        """Let the tenant be another one."""
        organization = {"id": TENANT, "verifiedDomains": [{"name": "shop.example"}]}
        graph = {"/v1.0/organization": [organization], **seed.graph}
        workspace = Workspace(tables={table.name: table for table in seed.tables})
        self.keeping.changes.clear()
        self.keeping.tables.clear()
        self.server.faults = Faults()
        self.server.apis = [
            self.keeping,
            Lists(api="graph", link="@odata.nextLink", lists=dict(graph)),
            Lists(api="arm", link="nextLink", lists=dict(seed.arm)),
            Subscription(actions=("*/read",)),
            LogAnalytics(workspaces={WORKSPACE: workspace}),
            Searched(every=seed.mail),
        ]
        return self

    def table(self, root: Path, answers: Mapping[str, Reply], told: Told, **approvals: Reply) -> Table:
        """Return an open case at which a playbook may be played."""
        target = {
            "name": "office",
            "provider": "azure",
            "id": "shop-office",
            "tenant": TENANT,
            "subscription": SUBSCRIPTION,
            "workspace": WORKSPACE,
            "preserve": "same",
            "endpoints": {name.removeprefix("endpoint."): url for name, url in self.server.endpoints().items()},
        }
        text = yaml.safe_dump({"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": [target]})
        return Table(
            root=root,
            entries=entries(text),
            answers=answers,
            approvals=approvals,
            specs=specs(),
            now=settled(),
            more={"notify": told.take},
        ).open()


@contextmanager
def serving(folder: Path) -> Iterator[Office]:
    """Run the sandbox, trusted by clients in this process, which know who they are."""
    authority = trustme.CA()
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    entra = Entra(clock=settled())
    server = Microsoft(entra=entra, tls=authority.issue_cert("127.0.0.1").configure_cert)
    keeping = keep(server)
    who = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": entra.secret}
    with pytest.MonkeyPatch.context() as set_, running(server):
        for name, value in {**who, "REQUESTS_CA_BUNDLE": str(bundle)}.items():
            set_.setenv(name, value)
        yield Office(server, keeping)
    assert server.failures == []


@cache
def specs() -> Mapping[str, SourceSpec]:
    """Return the catalogue without its pace, and with searches that come at once."""
    found = unhurried()
    for name, spec in found.items():
        if "poll" in spec.settings:
            found[name] = replace(spec, settings={**spec.settings, "poll": {"every": 0.01, "most": 9}})
    return found


def moment(minutes: float) -> str:
    """Return a time of the window, counted from its start."""
    return rfc3339(START + timedelta(minutes=minutes))


def change(
    name: str, minutes: float, operation: str, *, caller: str, ip: str, resource: str, app: str = ""
) -> Record:
    """Return an event of the activity log."""
    return {
        "eventDataId": name,
        "eventTimestamp": moment(minutes),
        "operationName": {"value": operation},
        "caller": caller,
        "claims": {"appid": app, "ipaddr": ip},
        "httpRequest": {"clientIpAddress": ip},
        "resourceId": resource,
        "status": {"value": "Succeeded"},
        "subscriptionId": SUBSCRIPTION,
    }


def held(name: str, rows: Sequence[tuple[float, Mapping[str, str]]]) -> Held:
    """Return a table of the workspace; every row gets every column."""
    columns: dict[str, Any] = dict.fromkeys(column for _, row in rows for column in row)
    given: list[tuple[datetime, Mapping[str, str]]] = [
        (START + timedelta(minutes=minutes), {column: row.get(column, "") for column in columns})
        for minutes, row in rows
    ]
    return Held(name=name, given=given)
