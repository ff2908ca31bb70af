"""All four estates at once, on loopback: enter, give a command `environ` and `inventory`, leave without trace."""

import ssl
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from evidence_kit.model.time import Window
from evidence_kit.sandbox.cloud import LOOKUP_TPS, Cloud
from evidence_kit.sandbox.google.keyfile import write_key
from evidence_kit.sandbox.google.server import GoogleServer
from evidence_kit.sandbox.hybrid import cast, google, inventory, microsoft, partners
from evidence_kit.sandbox.hybrid.amazon import chapter
from evidence_kit.sandbox.hybrid.sources import SOURCES
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT
from evidence_kit.sandbox.microsoft.server import Microsoft
from evidence_kit.sandbox.partners.server import Partner
from evidence_kit.sandbox.serving import running


class Hybrid:
    """The estates of one incident whose 26 hours end at `end`. One a process at a time, as `Cloud` is."""

    sources = SOURCES
    connectors = partners.CONNECTOR

    def __init__(
        self, *, end: datetime, seed: int = 1, lookup_tps: float | None = LOOKUP_TPS, log_events: int = 400
    ) -> None:
        self.cloud = Cloud(end=end, seed=seed, lookup_tps=lookup_tps, log_events=log_events, more=chapter())
        self.window: Window = self.cloud.window
        self.google: GoogleServer
        self.microsoft: Microsoft
        self.partners: Mapping[str, Partner] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evidence-kit-sandbox.")))
            authority = trustme.CA()
            issued = authority.issue_cert("127.0.0.1")
            self._ca, self._key = folder / "ca.pem", folder / "google-key.json"
            authority.cert_pem.write_to_path(str(self._ca))
            stack.enter_context(self.cloud)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issued.configure_cert(context)
            self.google = GoogleServer(google.estate(self.window), context)
            self.entra = microsoft.entra(lambda: datetime.now(UTC))
            self.microsoft = microsoft.server(self.window, self.entra, issued.configure_cert)
            self.partners = partners.serve(self.window, issued.configure_cert)
            for server in (self.google, self.microsoft, *self.partners.values()):
                stack.enter_context(running(server))
            write_key(self._key, url=self.google.url, project=cast.PROJECT)
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which a command sees these estates and no other."""
        secrets = {
            inventory.variable(source, name): secret
            for source, server in self.partners.items()
            for name, secret in server.gate.secrets.items()
        }
        return {
            **self.cloud.environ,
            **secrets,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.entra.secret,
            "REQUESTS_CA_BUNDLE": str(self._ca),
        }

    @property
    def inventory(self) -> str:
        """Return the inventory of all estates as YAML."""
        return inventory.write(
            [
                *inventory.at_amazon(self.cloud.inventory),
                inventory.at_microsoft(self.microsoft.endpoints()),
                inventory.at_google(self.google.url, self._key),
                *(
                    inventory.at_partner(source, server, ca=self._ca, window=self.window)
                    for source, server in self.partners.items()
                ),
            ]
        )
