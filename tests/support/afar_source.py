"""A source that a plug-in brings to workers in other processes: pages and objects of a loopback server."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from contextlib import contextmanager

from evidence_kit.model.exchange import Download, Exchange, Page, Request, Retryable, Stream
from evidence_kit.model.unit import Unit

MECHANISM = "afar.test"
TOKEN = "secret://env/AFAR_TOKEN"
STREAMS = "streams"  # how many units a target has
BUG = "bug"


class Source:
    """One unit a stream; each lists pages, and then objects that a page names."""

    def __init__(self, spec, access):
        self.spec = spec

    def units(self, scope, ctx):
        for n in range(int(scope.target.access.get(STREAMS, "3"))):
            yield Unit(source=self.spec.name, target=scope.target, stream=f"s{n:03d}", window=scope.window)

    def acquire(self, unit, ctx):
        if unit.target.access.get(BUG) == unit.stream:
            raise RuntimeError("a bug of the collector")
        number, last = 0, False
        while not last:
            page, exchange, body = self._page(unit, ctx, number)
            last = page["last"]
            yield Page(
                name="list",
                body=body,
                exchange=exchange,
                next_cursor=None if last else str(number + 1),
                records=len(page["records"]),
            )
            for name in page["objects"]:
                yield Download(name=name, open=lambda name=name: self._open(unit, ctx, name))
            number += 1

    def _page(self, unit, ctx, number):
        path = f"/{unit.target.id}/{unit.stream}/{number}"
        digest = _sha256(path.encode())
        request = Request(method="GET", host="loopback", path=path, operation="list", digest=digest)
        if recorded := ctx.replay(digest):
            return json.loads(recorded.body), recorded.exchange, recorded.body

        def send(attempt):
            sent = ctx.now()
            body = self._get(unit, ctx, path)
            exchange = Exchange(
                request=request, sent_at=sent, received_at=ctx.now(), attempt=attempt, status=200,
                sha256=_sha256(body), bytes=len(body),
            )  # fmt: skip
            return json.loads(body), exchange, body

        return ctx.retrying(("afar", unit.target.id, "list"), send)

    def _get(self, unit, ctx, path):
        window = f"{unit.window.start.timestamp()} {unit.window.end.timestamp()}"
        headers = {"Authorization": ctx.secret(TOKEN), "X-Process": str(os.getpid()), "X-Window": window}
        root = unit.target.access.get("url", os.environ.get("AFAR_URL", ""))
        asked = urllib.request.Request(root + path, headers=headers)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
                return answer.read()
        except urllib.error.URLError as error:
            raise Retryable(str(error)) from error

    @contextmanager
    def _open(self, unit, ctx, name):
        path = f"/{unit.target.id}/{unit.stream}/object/{name}"
        sent = ctx.now()
        body = self._get(unit, ctx, path)
        request = Request(method="GET", host="loopback", path=path, operation="get", digest=_sha256(path.encode()))
        exchange = Exchange(request=request, sent_at=sent, received_at=ctx.now(), status=200)
        yield Stream(exchange=exchange, chunks=iter([body]), size=len(body))


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
