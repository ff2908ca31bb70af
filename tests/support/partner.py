"""A partner on loopback for tests: a CA of its own, a server that plays a fixture, and a case in front of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from support.lab import LATER, Clock, Lab

from evidence_kit.acquire.run import Engine, Result
from evidence_kit.collectors.registry import build
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.partners.fixture import Fixture, parse_fixture
from evidence_kit.sandbox.partners.gate import Gate, make_secrets
from evidence_kit.sandbox.partners.server import Partner
from evidence_kit.sandbox.serving import running
from evidence_kit.sources.catalogue import parse_source
from evidence_kit.vaults.local import LocalVault


@dataclass
class Kiosk:
    """The server, the connector it plays, and how to collect from it."""

    server: Partner
    spec: SourceSpec
    fixture: Fixture
    secrets: Mapping[str, str] = field(repr=False)
    ca: Path = Path()

    def target(self, **access: str) -> Target:
        """Return the partner as an inventory names it."""
        named = {
            "endpoint.server": self.server.url,
            "endpoint.token": self.server.url,
            "allowPrivate": "true",
            "ca": str(self.ca),
            **{f"param.{name}": value for name, value in self.fixture.params.items()},
            **{f"secret.{name}": f"secret://env/{name}" for name in self.secrets},
            **access,
        }
        return Target(provider=self.spec.provider, id="kiosk", name="kiosk", access=named)

    def secret(self, reference: str) -> str:
        """Resolve a reference, as the operator's resolver does."""
        return self.secrets[reference.rpartition("/")[2]]

    def engine(self, lab: Lab, **fields: object) -> Engine:
        """Return an engine that knows this partner's secrets."""
        made = lab.engine(build({self.spec.name: self.spec}), workers=1)
        return replace(made, secret=self.secret, **fields)

    def collect(
        self, lab: Lab, *, window: Window | None = None, vault: LocalVault | None = None, **access: str
    ) -> Result:
        """Collect the source, when everything of its window has settled."""
        lab.now = Clock(max(LATER, self.fixture.window.end + self.spec.settle + timedelta(hours=1)))
        lab.vault = vault or LocalVault(lab.root)
        order = lab.order(self.spec.name, targets=(self.target(**access),), window=window or self.fixture.window)
        with lab.vault.lock(), lab.vault.working():
            return self.engine(lab).collect(order)

    @property
    def evidence(self) -> list[str]:
        """Digests of the successful answers that are evidence."""
        return sorted(one.sha256 for one in self.server.sent if one.evidence)


@contextmanager
def kiosk(folder: Path, connector: bytes | SourceSpec, fixture: bytes | Fixture) -> Iterator[Kiosk]:
    """Serve a fixture of a connector over TLS."""
    spec = connector if isinstance(connector, SourceSpec) else parse_source(connector, name="connector.yaml")
    played = fixture if isinstance(fixture, Fixture) else parse_fixture(fixture, name="fixture.yaml")
    spec = replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000), settings=_quick(spec.settings))
    ca = trustme.CA()
    bundle = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    auth = spec.settings["auth"]
    secrets = {**make_secrets(auth), **played.secrets}  # type: ignore[arg-type]
    gate = Gate(auth, secrets, played.params)  # type: ignore[arg-type]
    server = Partner(spec.settings, played.replies, gate, tls=ca.issue_cert("127.0.0.1").configure_cert)
    with running(server):
        yield Kiosk(server=server, spec=spec, fixture=played, secrets=secrets, ca=bundle)
    assert server.failures == []


def _quick(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return a connector whose orders are asked after at once."""
    if "job" not in settings:
        return settings
    job = settings["job"]
    return {**settings, "job": {**job, "poll": {**job["poll"], "every": "PT0S"}}}


def acme(**parts: object) -> bytes:
    """Return a connector of a partner that does not exist; `parts` take the place of its fields, None drops one."""
    said: dict[str, object] = {
        "apiVersion": "evidence-kit/connector.v1",
        "kind": "Connector",
        "name": "acme.audit",
        "provider": "acme",
        "version": "1",
        "summary": "Audit log of Acme",
        "docs": "https://acme.example.com/api",
        "evidence": ["audit_logs"],
        "server": "https://api.acme.example.com",
        "auth": {"type": "bearer", "secret": "token"},
        "request": {"path": "/events"},
        "window": {"start": {"query": "since"}, "end": {"query": "until"}, "format": "rfc3339"},
        "paging": {"type": "cursor", "cursor": "next", "send": {"query": "cursor"}},
        "records": {"path": "events", "id": "id", "time": "at"},
        **parts,
    }
    return json.dumps({name: part for name, part in said.items() if part is not None}).encode()


def played(*replies: object, **fields: object) -> bytes:
    """Return a fixture for it."""
    return json.dumps({"connector": "acme.audit", "replies": replies, **fields}).encode()


def events(count: int, *, minutes: int = 1) -> list[dict[str, str]]:
    """Return events of the day that fixtures are about, some minutes apart."""
    start = datetime(2026, 11, 20, tzinfo=UTC)
    return [{"id": f"e{n}", "at": rfc3339(start + timedelta(minutes=minutes * n))} for n in range(count)]


def paged(count: int, size: int = 2, *, path: str = "/events", **more: object) -> dict[str, object]:
    """Return a reply of so many events, in pages."""
    return {"path": path, "pages": {"size": size, "records": events(count), **more}}
