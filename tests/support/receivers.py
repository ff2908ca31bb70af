"""Receivers of notices on loopback, behind TLS: an HTTP service that keeps what it gets, a mail server's memory."""

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evidence_kit.notices.channels import JIRA, PAGERDUTY, SLACK, TEAMS, WEBHOOK
from evidence_kit.sandbox.serving import TlsServer, TlsVisit, running

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
CANARY = "canary-3f9c1e77"  # stands in every secret; nothing that is shown or raised may have it
PATIENCE = timedelta(seconds=20)
TAKEN = {
    SLACK: (200, b"ok"),
    TEAMS: (202, b""),
    WEBHOOK: (204, b""),
    PAGERDUTY: (202, b'{"status":"success"}'),
    JIRA: (201, b'{"id":"10000","key":"IR-7","self":"https://x.example/10000"}'),
}


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict
    body: bytes

    @property
    def said(self):
        return json.loads(self.body)


@dataclass
class Receiver:
    """An HTTP service: what it got, and what it answers."""

    url: str = ""
    got: list = field(default_factory=list)
    answer: tuple = (200, b"ok")
    headers: dict = field(default_factory=dict)
    declared: int | None = None  # the length that it claims for its answer
    silent: threading.Event | None = None  # set: it takes the request and never answers until this is set


@contextmanager
def serving(context, receiver):
    """Run an HTTP service that does as `receiver` says."""

    class Visit(TlsVisit):
        def do_POST(self):  # noqa: N802 - the name is http.server's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(Got(self.path, dict(self.headers.items()), body))
            if receiver.silent is not None:
                receiver.silent.wait(30)
                self.close_connection = True
                return
            status, answer = receiver.answer
            self.reply(status, answer, receiver.headers, receiver.declared)

    with running(TlsServer(Visit, context)) as server:
        receiver.url = server.url
        try:
            yield receiver
        finally:
            if receiver.silent is not None:
                receiver.silent.set()


class Box:
    """A mail server's memory: what it took, whom it refuses."""

    def __init__(self):
        self.got, self.refused, self.farewell = [], set(), "221 Bye"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802 - aiosmtpd's name
        if address in self.refused:
            return f"550 no such person {CANARY}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.got.append((session, envelope))
        return "250 taken"

    async def handle_QUIT(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        return self.farewell


def basic(user, password):
    """Return what an `Authorization` of a login says."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
