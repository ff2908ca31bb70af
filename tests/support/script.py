"""A provider that reads its lines from a script: exact bytes out for each operation, every request kept."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from evidence_kit.sandbox.serving import LoopbackServer, running

IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{}</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)


@dataclass(frozen=True)
class Line:
    """One answer."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def said(status: int = 200, headers: tuple[tuple[str, str], ...] = (), **members: object) -> Line:
    """Return a JSON answer."""
    return Line(json.dumps(members).encode(), status, headers)


def refused(code: str, message: str = "no", status: int = 400, **headers: str) -> Line:
    """Return a JSON refusal."""
    extra = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Line(json.dumps({"__type": code, "message": message}).encode(), status, extra)


@dataclass
class Script:
    """What is answered by operation; the last line of an operation is repeated for ever."""

    lines: dict[str, list[Line]] = field(default_factory=dict)
    heard: defaultdict[str, list[dict[str, object]]] = field(default_factory=lambda: defaultdict(list))
    guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, operation: str, params: dict[str, object]) -> Line:
        with self.guard:
            self.heard[operation].append(params)
            known = self.lines[operation]
            return known.pop(0) if len(known) > 1 else known[0]


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if target := self.headers.get("X-Amz-Target"):
            line = self.server.script.answer(target.rpartition(".")[2], json.loads(body or b"{}"))  # type: ignore[attr-defined]
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            line = self.server.script.answer(str(form.pop("Action")), dict(form))  # type: ignore[attr-defined]
        self.send_response(line.status)
        for name, value in line.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(line.body)))
        self.end_headers()
        self.wfile.write(line.body)


@contextmanager
def playing(account: str, **lines: list[Line]) -> Iterator[tuple[Script, dict[str, str]]]:
    """Serve a script and yield it with the environment in which boto3 sees it."""
    script = Script({"GetCallerIdentity": [Line(IDENTITY.format(account).encode())], **lines})
    server = LoopbackServer(_Visit)
    server.script = script  # type: ignore[attr-defined]
    with running(server):
        yield (
            script,
            {
                "AWS_ENDPOINT_URL": server.url,
                "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "not-a-secret",
                "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": "127.0.0.1",
            },
        )
