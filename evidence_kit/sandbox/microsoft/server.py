"""The server: Microsoft's APIs behind one loopback port and TLS; every byte sent is on record."""

import hashlib
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from evidence_kit.sandbox.microsoft.entra import Entra
from evidence_kit.sandbox.microsoft.faults import Faults, Reply, befall, error
from evidence_kit.sandbox.serving import TlsServer, TlsVisit

AUDIENCES = {
    "graph": "https://graph.microsoft.com",
    "arm": "https://management.azure.com",
    "loganalytics": "https://api.loganalytics.io",
    "manage": "https://manage.office.com",
    "storage": "https://storage.azure.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as it arrived. `base` is this server's address, for links."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    tenant: str = ""  # of the token


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One answer as it left. `api` is empty for the token endpoint."""

    api: str
    method: str
    target: str
    asked: bytes
    status: int
    body: bytes

    @property
    def sha256(self) -> str:
        """Return the digest of what was sent."""
        return hashlib.sha256(self.body).hexdigest()


class Api(Protocol):
    """One API: answers requests whose token is good, and None for what it does not know."""

    api: str  # a name of AUDIENCES

    def answer(self, asked: Asked) -> Reply | None:
        """Return the answer."""
        ...


class Microsoft(TlsServer):
    """Serves several APIs, each with its audience. `sent` is the log; no token is in it."""

    def __init__(self, *apis: Api, entra: Entra, tls: Callable[[ssl.SSLContext], None]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls(context)
        super().__init__(_Visit, context)
        self.entra = entra
        self.apis = list(apis)
        self.faults = Faults()
        self.sent: list[Sent] = []

    @property
    def clock(self) -> Callable[[], datetime]:
        """Return the sandbox's clock."""
        return self.entra.clock

    def endpoints(self) -> Mapping[str, str]:
        """Return what an inventory says under `endpoints`, as a target's access holds it."""
        return {f"endpoint.{name}": self.url for name in ("login", *AUDIENCES)}

    def answer(self, asked: Asked) -> tuple[str, Reply]:
        """Return the API that answers, and its answer."""
        parts = asked.path.strip("/").split("/")
        if asked.path.endswith("/.well-known/openid-configuration"):
            return "", _json(200, self.entra.discovery(asked.base, parts[0]))
        if asked.path.endswith("/oauth2/v2.0/token"):
            return "", _json(*self.entra.grant(parts[0], dict(parse_qsl(asked.body.decode()))))
        for api in self.apis:
            claims = self.entra.claims(asked.headers.get("authorization", ""), AUDIENCES[api.api])
            if isinstance(claims, str):
                continue
            known = replace(asked, tenant=claims["tid"])
            if (reply := api.answer(known)) is not None:
                return api.api, reply
        return self._unanswered(asked)

    def _unanswered(self, asked: Asked) -> tuple[str, Reply]:
        """Refuse a token that is good for no API here; say of all else that it is not there."""
        refusals = [
            self.entra.claims(asked.headers.get("authorization", ""), AUDIENCES[one.api]) for one in self.apis
        ]
        if all(isinstance(refusal, str) for refusal in refusals):
            return "-", error(401, str(refusals[0]), "Access token validation failure.")
        return "-", error(404, "ResourceNotFound", f"{asked.path} is not there")


class _Visit(TlsVisit):
    """One client connection."""

    server: Microsoft

    def visit(self) -> None:
        """Read a request, answer it, with whatever fault is due."""
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(
            method=self.command,
            path=where.path,
            query=dict(parse_qsl(where.query, keep_blank_values=True)),
            headers=headers,
            body=self.rfile.read(int(headers.get("content-length") or 0)),
            base=self.server.url,
        )
        api = ""

        def answer() -> Reply:
            nonlocal api
            api, reply = self.server.answer(asked)
            return reply

        fault = self.server.faults.take(self.path)
        reply = befall(fault, answer, f"{asked.base}{self.path}") if fault else answer()
        self._send(asked, api or ("-" if fault else ""), reply)

    do_GET = do_POST = visit  # noqa: N815  the names are http.server's

    def _send(self, asked: Asked, api: str, reply: Reply) -> None:
        # A token request holds the client's secret, and its answer the token: neither is kept.
        secret = not api
        self.server.sent.append(
            Sent(
                api=api,
                method=asked.method,
                target=self.path,
                asked=b"" if secret else asked.body,
                status=reply.status,
                body=b"" if secret else reply.body,
            )
        )
        headers = {"Content-Type": "application/json", "request-id": f"r-{len(self.server.sent)}", **reply.headers}
        self.reply(reply.status, reply.body, headers, reply.declared)


def _json(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value).encode())
