"""`azure.log_analytics` does what every collector must."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
import trustme
from support.conformance_microsoft import NO_DROPPING, fault_of
from support.lab import Clock, fast

from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT, Entra
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE, LogAnalytics, Table, Workspace, ticks
from evidence_kit.sandbox.microsoft.server import Microsoft
from evidence_kit.sandbox.serving import running
from evidence_kit.testing import Answer, CollectorConformance, Provider

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=2))
ONE_ANSWER = {"paging": "an answer has no pages", "loop": "an answer has no pages"}


class TestLogAnalytics(CollectorConformance):
    source = "azure.la.table"
    exempt = MappingProxyType(NO_DROPPING | ONE_ANSWER)

    @contextmanager
    def provider(self, folder):
        ca, bundle, entra = trustme.CA(), folder / "ca.pem", Entra(clock=Clock())
        ca.cert_pem.write_to_path(str(bundle))
        table = Table(name="T", rate=lambda second: int(second % 60 == 0))
        api = LogAnalytics(workspaces={WORKSPACE: Workspace(tables={"T": table})})
        server = Microsoft(api, entra=entra, tls=ca.issue_cert("127.0.0.1").configure_cert)

        def strike(fault):
            if fault.kind == "empty":
                table.rate = lambda _: 0
            else:
                server.faults.add(fault_of(fault, "/query"))

        with running(server):
            yield Provider(
                source=replace(fast(self.source)[self.source], step=None),
                target=Target(provider="azure", id="soc", access={
                    "tenant": TENANT, "workspace": WORKSPACE, **server.endpoints(),
                }),
                window=WINDOW,
                params={"table": "T"},
                truth=[f'"{row.item}"'.encode() for row in table.rows(ticks(WINDOW.start), ticks(WINDOW.end))],
                answers=lambda: [Answer(one.body, bool(one.api) and one.status == 200) for one in list(server.sent)],
                strike=strike,
                canaries=lambda: [entra.secret, *entra.issued],
                environ={
                    "AZURE_TENANT_ID": TENANT,
                    "AZURE_CLIENT_ID": CLIENT,
                    "AZURE_CLIENT_SECRET": entra.secret,
                    "REQUESTS_CA_BUNDLE": str(bundle),
                },
            )  # fmt: skip
        assert not server.failures
