"""All four estates for the playbooks about partners, cases in front of them, and files that partners hand over."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab import END, Clock
from support.playing import Table, entries

from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.intake.delivery import Delivery
from evidence_kit.collectors.registry import build
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Target
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.playbook.run.record import Ended
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.estates import Hybrid
from evidence_kit.sandbox.incident import SHOP
from evidence_kit.sandbox.microsoft.apis import Lists
from evidence_kit.sandbox.serving import LOOPBACK
from evidence_kit.sources.catalogue import load_catalogue
from evidence_kit.vaults.local import LocalVault

INTAKE = "intake.files"
ACME_DOMAIN = "acme-supplier.example"
AWARE = "2026-11-20T16:00:00Z"
PARTNER_AWARE = "2026-11-20T15:00:00Z"
YES = Reply(approved=True, reason="yes")
NO = Reply(approved=False, reason="not now")
SETTLED = timedelta(hours=8)


@contextmanager
def running_estates() -> Iterator[Hybrid]:
    """Run them, seen by every client of this process."""
    with Hybrid(end=END, lookup_tps=None, log_events=40) as estates, pytest.MonkeyPatch.context() as patch:
        for name, value in estates.environ.items():
            patch.setenv(name, value)
        # Some operations put an account's number before the host's name: there, too, is this machine.
        patch.setattr(socket, "getaddrinfo", _resolving(socket.getaddrinfo))
        yield estates
        servers = (estates.cloud.door, estates.google, estates.microsoft, *estates.partners.values())
    assert [server.failures for server in servers] == [[]] * len(servers)


def _resolving(real: Any) -> Any:
    def resolve(host: str, *args: Any, **more: Any) -> Any:
        return real(LOOPBACK if str(host).endswith(f".{LOOPBACK}") else host, *args, **more)

    return resolve


def let_in_the_supplier(estates: Hybrid) -> None:
    """Let the supplier into the shop: by a role, by a grant in Google Cloud, by an application; beside others."""
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    with closing(estates.cloud.client("iam", SHOP)) as iam:
        for role, who in {cast.DELIVERY_ROLE: cast.ACME_ACCOUNT, "partner-reporting": "999900001111"}.items():
            trusted = {"Statement": [{**assume, "Principal": {"AWS": f"arn:aws:iam::{who}:root"}}]}
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trusted))
    (graph,) = (api for api in estates.microsoft.apis if isinstance(api, Lists) and api.api == "graph")
    feed = {"id": "7c1e", "appId": "acme-app", "displayName": "Acme feed", "homepage": f"https://{ACME_DOMAIN}"}
    graph.lists["/v1.0/servicePrincipals"].append(feed)
    graph.lists["/v1.0/servicePrincipals/7c1e/appRoleAssignments"] = []
    graph.lists["/v1.0/oauth2PermissionGrants"] = [{"id": "grant-1", "clientId": "9d7e", "scope": "User.Read"}]


def specs() -> dict[str, SourceSpec]:
    """Return the catalogue with the supplier's connector, with no pace to keep to."""
    return {
        name: replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000))
        for name, spec in load_catalogue([Hybrid.connectors]).items()
    }


def inventory(estates: Hybrid, *names: str, **changes: Mapping[str, Any]) -> str:
    """Return the inventory, of some targets alone, with some of their fields changed; AWS in its home region."""
    said = yaml.safe_load(estates.inventory)
    said["targets"] = [
        {**one, **({"regions": ["us-east-1"]} if one["provider"] == "aws" else {}), **changes.get(one["id"], {})}
        for one in said["targets"]
        if not names or one["name"] in names
    ]
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def hours(first: float, last: float) -> dict[str, str]:
    """Return the window between two hours of the incident, as a run takes it."""
    start = END - timedelta(hours=26)
    found = Window(start + timedelta(hours=first), start + timedelta(hours=last))
    return {"since": rfc3339(found.start), "until": rfc3339(found.end)}


def moment(told: float) -> str:
    """Return an hour of the incident as a time."""
    return hours(told, told + 1)["since"]


def table(
    root: Path, estates: Hybrid, text: str, answers: Mapping[str, Reply] | None = None, **approvals: Reply
) -> Table:
    """Return an open case at which a playbook may be played, long after everything has settled."""
    made = Table(
        root=root,
        entries=entries(text),
        answers=answers or {},
        approvals=approvals,
        specs=specs(),
        now=Moving(),
        secret=lambda said: estates.environ[said.rpartition("/")[2]],
    )
    return made.open()


def hand_over(at: Table, partner: str, files: Mapping[str, str]) -> str:
    """Take files of a partner into the case, as `evidence-kit intake` does; return the acquisition."""
    number = len(at.lab.keeper.state().acquisitions)
    drop = at.root / f"drop{number}"
    for name, text in files.items():
        path = drop / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    told = rfc3339(at.lab.now().replace(microsecond=0))
    delivery = Delivery(paths=(str(drop),), delivered_by="dana", channel="sftp", delivered_at=told)
    target = Target(provider="intake", id=partner, name=partner, access={"partner": partner})
    window = Window(at.lab.now() - timedelta(hours=1), at.lab.now())
    order = Order(sources=(INTAKE,), targets=(target,), window=window, params=delivery.to_params())
    vault = at.lab.vault = LocalVault(at.lab.root)
    with vault.lock(), vault.working():
        result = at.lab.engine(build({INTAKE: load_catalogue()[INTAKE]})).collect(order)
    assert result.failure is None
    return str(result.sealed.acquisition)


def lines(*records: Mapping[str, object]) -> str:
    """Return records as lines of JSON."""
    return "".join(json.dumps(record) + "\n" for record in records)


def gaps(ended: Ended, *steps: str) -> set[tuple[str, str, str, str]]:
    """Return what steps lack: step, kind, source and target."""
    found = set()
    for step in steps:
        for gap in ended.results[step].gaps:
            source, target, *_ = [*gap.unit.split("|"), "", ""]
            found.add((step, gap.kind, source, target))
    return found


def warnings(ended: Ended, step: str = "complete") -> list[str]:
    """Return what a verification says does not hold, without the reason."""
    return [gap.reason.partition(": ")[0] for gap in ended.results[step].gaps]


def clocks(at: Table) -> list[tuple[str, str]]:
    """Return the clocks that have started, each with its start."""
    return [(one["clock"]["id"], one["clock"]["startsAt"]) for one in at.events("clock.started")]


class Moving(Clock):
    """The clock of a table, which can be put forward past a deadline."""

    def __init__(self) -> None:
        super().__init__(END + SETTLED)
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return super().__call__() + self.ahead
