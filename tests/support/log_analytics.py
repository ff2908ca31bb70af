"""A Log Analytics workspace on loopback for tests, with faults for each query in turn, and a case in front of it."""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from support.lab import Clock, Lab, fast

from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.collectors.azure.log_analytics import LogAnalytics as LogAnalyticsTables
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT, Entra
from evidence_kit.sandbox.microsoft.faults import Reply
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE, LogAnalytics, Workspace
from evidence_kit.sandbox.microsoft.server import Asked, Microsoft
from evidence_kit.sandbox.serving import running

HTML = b"<html><body>Please accept the terms of this network.</body></html>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one query: another status and body, fewer bytes than announced, an older answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of the workspace's own
    short: bool = False
    again: bool = False  # the answer before, once more


def refusal(status: int, code: str, message: str = "no", **headers: str) -> Fault:
    """Return a fault that is an error of the service."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return Fault(status=status, body=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


@dataclass(kw_only=True)
class Faulty(LogAnalytics):
    """The API, in which `faults` befall one query each, oldest first; None lets one pass."""

    faults: deque[Fault | None] = field(default_factory=deque)
    heard: list[Asked] = field(default_factory=list)
    last: Reply = field(default_factory=lambda: Reply(200, b""))

    def answer(self, asked: Asked) -> Reply | None:
        self.heard.append(asked)
        fault = (self.faults.popleft() if self.faults else None) or Fault()
        if fault.body is not None:
            return Reply(fault.status, fault.body, fault.headers)
        self.last = self.last if fault.again else super().answer(asked) or self.last
        if fault.short:
            return Reply(200, self.last.body[: len(self.last.body) // 2], declared=len(self.last.body))
        return self.last


@dataclass
class Desk:
    """A case in front of a workspace."""

    lab: Lab
    server: Microsoft
    entra: Entra
    api: Faulty
    workspace: Workspace

    def target(self, **access: str) -> Target:
        """Return the workspace as an inventory names it."""
        named = {"tenant": TENANT, "workspace": WORKSPACE, **self.server.endpoints(), **access}
        return Target(provider="azure", id="soc", name="soc", access=named)

    def collect(
        self, name: str, window: Window, *, resume: bool = False, target: Target | None = None, **params: str
    ) -> Result:
        lab = self.lab
        order = Order(sources=(name,), targets=(target or self.target(),), window=window, params=params)
        access = AzureAccess()
        try:
            with lab.vault.lock(), lab.vault.working():
                engine = lab.engine({name: LogAnalyticsTables(fast(name)[name], access)})
                if not resume:
                    return engine.collect(order)
                lab.keeper.repair(at=lab.now())
                (unsealed,) = [one for one in lab.keeper.state().acquisitions.values() if one.seal_sha256 is None]
                return engine.resume(unsealed.id, order)
        finally:
            # Python would close them when it comes to it, and warn.
            access.session(order.targets[0]).close()
            access.credential(order.targets[0]).close()

    @property
    def queries(self) -> list[str]:
        """Return the text of every query that arrived."""
        return [json.loads(asked.body)["query"] for asked in self.api.heard]

    def stored(self, *names: str) -> list[bytes]:
        """Return the stored bodies of some kinds of pages, in the order of their files."""
        return [body for path, body in self.lab.bodies() if not names or path.parent.name in names]

    def items(self) -> Counter[str]:
        """Return the ids of all rows that count."""
        return Counter(row[2] for body in self.stored("query") for row in json.loads(body)["tables"][0]["rows"])

    def digests_sent(self) -> Counter[str]:
        """Return the digest of every answer that brought something: a query's own timeout is one."""
        answers = [one for one in self.server.sent if one.api and one.status in {200, 504}]
        return Counter(hashlib.sha256(one.body).hexdigest() for one in answers)


@contextmanager
def serving(workspace: Workspace, lab: Lab, folder: Path) -> Iterator[tuple[Desk, Mapping[str, str]]]:
    """Serve a workspace; yield it with the environment in which the SDK trusts it and says who we are."""
    ca, bundle = trustme.CA(), folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    entra = Entra(clock=Clock())
    api = Faulty(workspaces={WORKSPACE: workspace})
    server = Microsoft(api, entra=entra, tls=ca.issue_cert("127.0.0.1").configure_cert)
    environ = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": entra.secret,
        "REQUESTS_CA_BUNDLE": str(bundle),
    }
    with running(server):
        yield Desk(lab, server, entra, api, workspace), environ
    assert not server.failures
