"""The server: one scripted partner behind a loopback port and TLS; every byte sent is on record."""

import base64
import gzip
import hashlib
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from evidence_kit.sandbox.partners.asked import Asked
from evidence_kit.sandbox.partners.fixture import Scripted
from evidence_kit.sandbox.partners.gate import Gate
from evidence_kit.sandbox.partners.paged import Pages, zipped
from evidence_kit.sandbox.serving import TlsServer, TlsVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `declared` is the length that it claims where that is not the truth."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One answer as it left. `evidence` is false for tokens and for whoever was turned away."""

    method: str
    target: str
    asked: bytes
    status: int
    body: bytes
    evidence: bool

    @property
    def sha256(self) -> str:
        """Return the digest of what was sent."""
        return hashlib.sha256(self.body).hexdigest()


Fault = Callable[[Asked], Reply | None]


class Partner(TlsServer):
    """Serves what a script says. `faults` come first: each may answer, or pass by with None.

    Its clock may be `ahead` of ours, as its `Date` then is.
    """

    def __init__(
        self,
        connector: Mapping[str, Any],
        replies: tuple[Scripted, ...],
        gate: Gate,
        *,
        tls: Callable[[ssl.SSLContext], None],
        ahead: timedelta = timedelta(0),
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls(context)
        super().__init__(_Visit, context)
        self.connector = connector
        self.replies = list(replies)
        self.gate = gate
        self.ahead = ahead
        self.faults: list[Fault] = []
        self.sent: list[Sent] = []
        self._pages: dict[int, Pages] = {}

    def date(self) -> str:
        """Return the time by its own clock, as an answer says it."""
        return formatdate(time.time() + self.ahead.total_seconds(), usegmt=True)

    def answer(self, asked: Asked) -> tuple[Reply, bool]:
        """Return the answer, and whether it is evidence."""
        for fault in list(self.faults):
            if (reply := fault(asked)) is not None:
                return reply, False
        if asked.method == "POST" and asked.path == self.gate.token_path():
            status, body = self.gate.grant(asked)
            return _json(status, body), False
        chosen = next((one for one in self.replies if _fits(one, asked)), None)
        logs_in = self._logs_in(asked)
        if not logs_in and not self.gate.is_open(asked) and not (chosen and chosen.path.startswith("/signed/")):
            return _json(401, {"message": "who are you?", "said": dict(asked.headers)}), False
        if chosen is None:
            return _json(404, {"message": f"{asked.path} is not there"}), False
        if chosen.times is not None:
            chosen.times -= 1
        return self._scripted(chosen, asked), chosen.status < 300 and not logs_in

    def _logs_in(self, asked: Asked) -> bool:
        request = self.gate.auth.get("request", {})
        return bool(request) and (asked.method, asked.path) == (request.get("method", "POST"), request["path"])

    def _scripted(self, chosen: Scripted, asked: Asked) -> Reply:
        headers, said = dict(chosen.headers), chosen.body
        kind = "application/json"
        if chosen.kind == "pages":
            pages = self._pages.setdefault(id(chosen), Pages(self.connector, said))
            more, body, kind = pages.answer(asked)
            headers |= more
        elif chosen.kind == "json":
            text = json.dumps(said).replace("$base", asked.base)
            body = (text.replace("$token", self.gate.new_token()) if "$token" in text else text).encode()
        elif chosen.kind == "zip":
            body, kind = zipped({name: str(one).encode() for name, one in said.items()}), "application/zip"
        elif chosen.kind == "gzip":
            body, kind = gzip.compress(str(said).encode(), mtime=0), "application/octet-stream"
        elif chosen.kind == "base64":
            body, kind = base64.b64decode(said), "application/octet-stream"
        else:
            body, kind = str(said).encode(), "text/csv" if chosen.kind == "csv" else "text/plain"
        headers = {name: value.replace("$base", asked.base) for name, value in headers.items()}
        return Reply(status=chosen.status, body=body, headers={"Content-Type": kind, **headers})


def _fits(one: Scripted, asked: Asked) -> bool:
    if (one.method, one.path) != (asked.method, asked.path) or one.times == 0:
        return False
    if any(asked.query.get(name) != str(value) for name, value in one.when.get("query", {}).items()):
        return False
    if any(asked.headers.get(name.lower()) != str(value) for name, value in one.when.get("headers", {}).items()):
        return False
    return all(asked.at({"body": name}) == value for name, value in one.when.get("body", {}).items())


def _json(status: int, value: object) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


class _Visit(TlsVisit):
    """One client connection."""

    server: Partner

    def visit(self) -> None:
        """Read a request and answer it."""
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(
            method=self.command,
            path=unquote(where.path),
            raw_path=self.path,
            query=dict(parse_qsl(where.query, keep_blank_values=True)),
            headers=headers,
            body=self.rfile.read(int(headers.get("content-length") or 0)),
            base=self.server.url,
        )
        reply, evidence = self.server.answer(asked)
        self.server.sent.append(
            Sent(
                method=asked.method,
                target=self.path,
                asked=asked.body,
                status=reply.status,
                body=reply.body,
                evidence=evidence,
            )
        )
        named = {"Date": self.server.date(), "x-request-id": f"r-{len(self.server.sent)}", **reply.headers}
        self.reply(reply.status, reply.body, named, reply.declared)

    do_GET = do_POST = visit  # noqa: N815  the names are http.server's
