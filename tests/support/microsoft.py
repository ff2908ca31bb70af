"""A Microsoft tenant on loopback for tests: a CA of its own, a real credential, and what came of it on disk."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from support.lab import END, LATER, Clock, Lab, catalogue

from evidence_kit.acquire.run import Result
from evidence_kit.collectors.registry import build
from evidence_kit.errors import OperatorStop
from evidence_kit.model.ports import Stored
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.microsoft import apis, fixtures
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT, Entra
from evidence_kit.sandbox.microsoft.server import Microsoft, Sent
from evidence_kit.sandbox.serving import running
from evidence_kit.vaults.local import LocalVault

MOMENT = END - timedelta(minutes=30)
WINDOW = Window(END - timedelta(hours=1), END)
# Answers that are no evidence: who we are, and, below, that a query is still under way.
_UNDER_WAY = (b"notStarted", b"running")
QUESTIONS = ("/v1.0/organization", "/tenants")


@dataclass
class Tenant:
    """The server with its parts, each of which a test may change."""

    server: Microsoft
    entra: Entra
    graph: apis.Lists
    arm: apis.Lists
    subscriptions: apis.Subscriptions
    queries: apis.AuditQueries
    feed: apis.Feed
    environ: Mapping[str, str] = field(repr=False)

    def target(self, **access: str) -> Target:
        """Return the tenant and its subscription as an inventory names them."""
        named = {"tenant": TENANT, "subscription": apis.SUBSCRIPTION, **self.server.endpoints(), **access}
        return Target(provider="azure", id="kiosk", name="kiosk", access=named)

    @property
    def evidence(self) -> list[str]:
        """Digests of the successful answers that are evidence."""
        return sorted(
            one.sha256
            for one in self.server.sent
            if one.api and one.status in {200, 201} and not self._is_question(one)
        )

    @staticmethod
    def _is_question(one: Sent) -> bool:
        path = one.target.partition("?")[0]
        under_way = (
            one.method == "GET" and b'"status": "notStarted"' in one.body
        ) or b'"status": "running"' in one.body
        return under_way or path in QUESTIONS or path == f"/subscriptions/{apis.SUBSCRIPTION}"


@contextmanager
def tenant(folder: Path, *, moment: datetime = MOMENT) -> Iterator[Tenant]:
    """Serve a tenant over TLS; `environ` is what lets clients trust it and say who they are."""
    ca = trustme.CA()
    bundle = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    entra = Entra(clock=Clock(LATER))
    parts = {
        "graph": fixtures.graph(moment),
        "arm": fixtures.arm(moment),
        "subscriptions": fixtures.subscriptions(moment),
        "queries": fixtures.audit_queries(moment),
        "feed": fixtures.feed(moment),
    }
    server = Microsoft(*parts.values(), entra=entra, tls=ca.issue_cert("127.0.0.1").configure_cert)
    environ = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": entra.secret,
        "REQUESTS_CA_BUNDLE": str(bundle),
    }
    with running(server):
        yield Tenant(server=server, entra=entra, environ=environ, **parts)
    assert server.failures == []


def quick(*sources: str) -> dict[str, SourceSpec]:
    """Return sources of the catalogue at no pace at all, and with polls that come at once."""
    found = {}
    for name in sources:
        spec = catalogue()[name]
        settings = dict(spec.settings)
        if "poll" in settings:
            settings["poll"] = {"every": 0.01, "most": 5}
        found[name] = replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000), settings=settings)
    return found


def collect(
    lab: Lab, kiosk: Tenant, *sources: str, window: Window = WINDOW, vault: LocalVault | None = None, **access: str
) -> Result:
    """Collect some sources of the tenant."""
    targets, specs = (kiosk.target(**access),), quick(*sources)
    return lab.collect(*sources, targets=targets, window=window, specs=specs, vault=vault)


def stored(lab: Lab) -> list[str]:
    """Return the digests of everything stored, hashed from disk."""
    return sorted(lab.digests().elements())


class TornVault(LocalVault):
    """Is interrupted for good when it is to take the page after `pages`: the bag stays without its seal."""

    def __init__(self, root: Path, pages: int) -> None:
        super().__init__(root)
        self._left = pages

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().stage(chunks)


def torn(lab: Lab, tenant: Tenant, source: str, pages: int) -> None:
    """Collect, and be interrupted after some pages."""
    with pytest.raises(OperatorStop):
        lab.collect(
            source,
            targets=(tenant.target(),),
            window=WINDOW,
            specs=quick(source),
            vault=TornVault(lab.root, pages),
            workers=1,
        )


def resume(lab: Lab, tenant: Tenant, *sources: str, window: Window = WINDOW) -> Result:
    """Continue the acquisition that has no seal."""
    lab.vault = LocalVault(lab.root)
    order = lab.order(*sources, targets=(tenant.target(),), window=window)
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
        (unsealed,) = [one for one in lab.keeper.state().acquisitions.values() if one.seal_sha256 is None]
        return lab.engine(build(quick(*sources))).resume(unsealed.id, order)


def records(lab: Lab, key: str = "id") -> Counter[str]:
    """Return how often each record is stored, by its id."""
    found: Counter[str] = Counter()
    for _, body in lab.bodies():
        parsed = json.loads(body)
        rows = parsed if isinstance(parsed, list) else parsed.get("value", parsed.get("data", []))
        found.update(str(row[key]) for row in rows if key in row)
    return found
