"""`partner.rest` does what every collector must: here with the connector for Okta's system log."""

import json
from contextlib import contextmanager
from dataclasses import replace

from support.lab import catalogue
from support.partner import events, kiosk

from evidence_kit.sandbox.partners.server import Reply
from evidence_kit.testing import Answer, CollectorConformance, Provider

_PATH = "/api/v1/logs"
_EVENTS = [{"uuid": f"{one['id']}-uuid", "published": one["at"]} for one in events(7)]
_FIXTURE = {
    "connector": "okta.system_log",
    "params": {"org": "acme.okta.com"},
    "replies": [{"path": _PATH, "pages": {"size": 2, "records": _EVENTS}}],
}
_STATUS = {"throttled": 429, "unavailable": 503, "expired": 401, "denied": 403}
_HTML = b"<html><body>Please sign in</body></html>"


class _Misfortunes:
    """What befalls the requests for evidence."""

    def __init__(self, server):
        self._server, self._due, self._first = server, [], None

    def strike(self, fault):
        self._due.append([fault, 0])
        if fault.kind == "empty":
            self._server.replies[0].body = {**self._server.replies[0].body, "records": []}
            self._due.pop()

    def __call__(self, asked):
        if asked.path != _PATH:
            return None
        for due in self._due:
            fault, seen = due
            if fault.times is None or seen < fault.skip + fault.times:
                due[1] += 1
                return self._reply(fault, asked) if due[1] > fault.skip else None
        return None

    def _reply(self, fault, asked):
        if fault.kind in _STATUS:
            wait = {"Retry-After": str(fault.after)} if fault.kind == "throttled" and fault.after else {}
            return Reply(status=_STATUS[fault.kind], body=b'{"message": "not now"}', headers=wait)
        if fault.kind == "html":
            return Reply(status=200, body=_HTML, headers={"Content-Type": "text/html"})
        if fault.kind == "short":
            return Reply(status=200, body=b'{"events": [', declared=1000)
        if fault.kind == "dropped":
            return Reply(status=200, declared=1)
        link = f'<{asked.base}{_PATH}?sandbox_page=again>; rel="next"'
        return Reply(status=200, body=json.dumps(_EVENTS[:1]).encode(), headers={"Link": link})


class TestPartnerRest(CollectorConformance):
    source = "okta.system_log"

    @contextmanager
    def provider(self, folder):
        with kiosk(folder, catalogue()[self.source], json.dumps(_FIXTURE).encode()) as partner:
            server, misfortunes = partner.server, _Misfortunes(partner.server)
            server.faults.append(misfortunes)
            yield Provider(
                source=replace(partner.spec, step=None),
                target=partner.target(),
                window=partner.fixture.window,
                truth=[json.dumps(one["uuid"]).encode() for one in _EVENTS],
                answers=lambda: [Answer(one.body, one.evidence) for one in server.sent],
                strike=misfortunes.strike,
                secrets={f"secret://env/{name}": text for name, text in partner.secrets.items()},
                canaries=lambda: [*partner.secrets.values(), *server.gate.tokens],
            )
