"""Google Cloud for the playbooks' tests: one project on loopback, what can be kept there, and who is told."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from playbooks.seeds.cloud_desk import Told, settled
from support.google import APIS
from support.keeping_google import Keeping
from support.lab import END
from support.playing import Table, entries

from evidence_kit.model.time import rfc3339
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.google.estate import PROJECT, project_lists
from evidence_kit.sandbox.google.keyfile import make_tls, write_key
from evidence_kit.sandbox.google.logs import Entry
from evidence_kit.sandbox.google.server import Estate, GoogleServer
from evidence_kit.sandbox.google.server import _Visit as Plain
from evidence_kit.sandbox.serving import running

START = END - timedelta(hours=6)
WINDOW = {"since": rfc3339(START), "until": rfc3339(END)}
OFFICE = "192.0.2.0/24"
ASSETS = f"/cloudasset/v1/projects/{PROJECT}/assets"
EXCLUSIONS = f"/logging/v2/projects/{PROJECT}/exclusions"
LOG_BUCKET = ("global", "_Default")
AUDITED = {"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}]}
Pages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as the audit log writes it; `by` is the chain of whoever acts as `who`."""

    at: timedelta
    method: str
    who: str
    ip: str
    resource: str
    key: str = ""
    by: Sequence[str] = ()
    more: Mapping[str, Any] | None = None
    labels: Mapping[str, str] | None = None
    failed: bool = False
    reads: bool = False  # belongs to Data Access
    service: str = "iam.googleapis.com"
    kind: str = "audited_resource"


def entry(number: int, call: Call) -> Entry:
    """Return a call as an entry of its log."""
    log = "data_access" if call.reads else "activity"
    chain = [{"firstPartyPrincipal": {"principalEmail": one}} for one in call.by]
    who = {"principalEmail": call.who}
    who |= {"serviceAccountKeyName": call.key} if call.key else {}
    payload: dict[str, Any] = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": call.service,
        "methodName": call.method,
        "resourceName": call.resource,
        "authenticationInfo": who | ({"serviceAccountDelegationInfo": chain} if chain else {}),
        "requestMetadata": {"callerIp": call.ip, "callerSuppliedUserAgent": "google-cloud-sdk gcloud/541.0.0"},
        **({"status": {"code": 7, "message": "PERMISSION_DENIED"}} if call.failed else {}),
        **(call.more or {}),
    }
    return {
        "insertId": f"seed-{log}-{number:04d}",
        "logName": f"projects/{PROJECT}/logs/cloudaudit.googleapis.com%2F{log}",
        "timestamp": rfc3339(START + call.at),
        "receiveTimestamp": rfc3339(START + call.at + timedelta(seconds=1)),
        "severity": "ERROR" if call.failed else "NOTICE",
        "resource": {"type": call.kind, "labels": {"project_id": PROJECT, **(call.labels or {})}},
        "protoPayload": payload,
    }


def estate(calls: Sequence[Call], *, audited: bool = True, lists: Mapping[str, Pages] | None = None) -> Estate:
    """Return the project with what its logs hold; without `audited` nobody has switched Data Access logs on."""
    policy = {"bindings": [], **({"auditConfigs": [AUDITED]} if audited else {})}
    project = {
        "name": f"//cloudresourcemanager.googleapis.com/projects/{PROJECT}",
        "assetType": "cloudresourcemanager.googleapis.com/Project",
        "iamPolicy": policy,
    }
    assets = {ASSETS: [{"readTime": rfc3339(END), "assets": [project]}]}
    made = sorted((entry(number, call) for number, call in enumerate(calls)), key=lambda one: str(one["timestamp"]))
    return Estate(project=PROJECT, entries=made, lists={**project_lists(), **assets, **(lists or {})})


@dataclass
class Shop:
    """The sandbox, what is kept in it, and what a run at it needs."""

    server: GoogleServer
    keeping: Keeping
    folder: Path

    def put(self, found: Estate) -> "Shop":
        """Let the project be another one."""
        self.server.estate = found
        self.server.sent.clear()
        self.keeping.changes.clear()
        self.keeping.log_buckets.clear()
        self.keeping.objects.clear()
        return self

    def table(self, root: Path, answers: Mapping[str, Reply], told: Told, **approvals: Reply) -> Table:
        """Return an open case; what is kept is kept with a key of its own."""
        target = {
            "name": "shop",
            "provider": "gcp",
            "id": PROJECT,
            "credentials": str(self.folder / "reader.json"),
            "preserve": {"credentials": str(self.folder / "keeper.json")},
            "endpoints": {api: f"{self.server.url}/{api}" for api in APIS},
        }
        text = yaml.safe_dump({"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": [target]})
        return Table(
            root=root,
            entries=entries(text),
            answers=answers,
            approvals=approvals,
            now=settled(),
            more={"notify": told.take},
        ).open()


@contextmanager
def serving(folder: Path) -> Iterator[Shop]:
    """Run the sandbox, trusted by Google's clients in this process."""
    context, ca = make_tls(folder)
    server = GoogleServer(Estate(), context)
    keeping = server.keeping = Keeping()  # type: ignore[attr-defined]
    server.RequestHandlerClass = _Visit
    with pytest.MonkeyPatch.context() as set_, running(server):
        set_.setenv("REQUESTS_CA_BUNDLE", str(ca))
        for name in ("reader", "keeper"):
            write_key(folder / f"{name}.json", url=server.url, project=PROJECT)
        yield Shop(server, keeping, folder)
    assert not server.failures, server.failures


class _Visit(Plain):
    """Serves what is kept where it is kept, and the estate for all else."""

    def do_GET(self) -> None:  # noqa: N802
        """Answer from what is kept, or from the lists."""
        self._kept(super().do_GET)

    def do_PATCH(self) -> None:  # noqa: N802
        """Change what is kept."""
        self._kept(lambda: self._send(404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no"}}))

    def _kept(self, otherwise: Callable[[], None]) -> None:
        parts = urlsplit(self.path)
        keeping: Keeping = self.server.keeping  # type: ignore[attr-defined]
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.server.tokens or parts.path in self.server.estate.lists:
            otherwise()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = keeping.answer(self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(body or b"{}"))
        if said is None or said[0] == 404:
            otherwise()
        else:
            self._send(*said)
