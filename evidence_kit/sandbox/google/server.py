"""The server: every API of Google's behind one port, told apart by the first part of the path.

`https://127.0.0.1:PORT/logging/v2/entries:list` stands for `https://logging.googleapis.com/v2/entries:list`.
Every byte that goes out is kept, so that what a collector stored can be compared with it.
"""

import base64
import hashlib
import json
import re
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from evidence_kit.sandbox.google.faults import HTML, Fault, Faults, refusal, refused
from evidence_kit.sandbox.google.logs import MOST, USUAL, BadFilter, Entry, encoded, matching
from evidence_kit.sandbox.serving import TlsServer, TlsVisit

_OBJECTS = re.compile(r"/storage/storage/v1/b/([^/]+)/o")
_MEDIA = re.compile(r"/storage/storage/v1/b/([^/]+)/o/(.+)")
_ANCESTORS = 'in_scope("ANCESTOR")'  # asks a list of sinks for those above that intercept
_DELEGABLE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
_LIFE = 3600  # seconds that an access token lives
_LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST and not FIN
Answer = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One answer as it left. `asked` is the body or the query of the request; tokens of access are not in it."""

    path: str
    asked: Mapping[str, Any]
    status: int
    body: bytes
    agent: str = ""

    @property
    def sha256(self) -> str:
        """Return the digest of the bytes that were really sent."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(slots=True, kw_only=True)
class Estate:
    """What the sandbox's Google knows: log entries, pages of lists by path, and who may see what."""

    project: str = "shop-prod-1"
    entries: Sequence[Entry] = ()
    lists: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # path with its API -> pages
    objects: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # bucket -> items with a `body`
    administrators: frozenset[str] = frozenset({"admin@example.com"})  # whom the key may act as in Workspace
    is_closed: bool = False  # whether the key itself sees nothing of Workspace
    permissions: frozenset[str] = frozenset({"logging.logEntries.list", "logging.privateLogEntries.list"})
    untestable: frozenset[str] = frozenset()  # permissions that no project has: one spoils the whole question


class GoogleServer(TlsServer):
    """Serves an estate over TLS."""

    def __init__(self, estate: Estate, context: ssl.SSLContext) -> None:
        super().__init__(_Visit, context)
        self.estate = estate
        self.faults = Faults()
        self.sent: list[Sent] = []
        self.tokens: set[str] = set()
        self.listing = 2  # objects a page: few, so that paging is always met
        self.scopes: list[str] = []  # asked for, token by token
        self.subjects: list[str] = []  # acted as, token by token; empty where the key acted for itself
        self._delegated: set[str] = set()
        self._tokens: dict[str, int] = {}
        self._loop: dict[str, str] = {}
        self._guard_pages = threading.Lock()

    # -- answers ---------------------------------------------------------------------------------------------

    def grant(self, form: Mapping[str, list[str]]) -> Answer:
        """Return an access token for a signed assertion; its signature is Google's to check, not the sandbox's."""
        claims = form.get("assertion", [".."])[0].split(".")[1]
        with suppress(ValueError):
            said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            scope, subject = str(said.get("scope", "")), str(said.get("sub", ""))
            if subject and (subject not in self.estate.administrators or scope != _DELEGABLE):
                return 401, {
                    "error": "unauthorized_client",
                    "error_description": "Client is unauthorized to retrieve access tokens using this method, or"
                    " client not authorized for any of the scopes requested.",
                }
            self.scopes.append(scope)
            self.subjects.append(subject)
            token = f"ya29.sandbox-{secrets.token_hex(16)}"
            self.tokens.add(token)
            self._delegated |= {token} if subject else set()
            return 200, {"access_token": token, "expires_in": _LIFE, "token_type": "Bearer"}
        return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}

    def answer(self, path: str, asked: Mapping[str, Any]) -> Answer:
        """Return what an API answers to a question."""
        if self.media(path, asked) is not None:
            return 200, {}
        if path == "/logging/v2/entries:list":
            return self._entries(asked)
        if path == f"/cloudresourcemanager/v3/projects/{self.estate.project}":
            return 200, {
                "name": "projects/415104041262",
                "parent": "organizations/903218371",
                "projectId": self.estate.project,
                "state": "ACTIVE",
            }
        if path.endswith(":testIamPermissions"):
            if strange := self.estate.untestable.intersection(asked.get("permissions", [])):
                return 400, refusal(
                    400, "INVALID_ARGUMENT", f"Permission {min(strange)} is not valid for this resource."
                )
            granted = [one for one in asked.get("permissions", []) if one in self.estate.permissions]
            return 200, {"permissions": granted} if granted else {}
        if (found := _OBJECTS.fullmatch(path)) and found[1] in self.estate.objects:
            return self._objects(found[1], asked)
        if path in self.estate.lists:
            return self._listed(path, asked)
        return 404, refusal(404, "NOT_FOUND", f"nothing is at {path}")

    def _entries(self, asked: Mapping[str, Any]) -> Answer:
        size = int(asked.get("pageSize", USUAL))
        if size > MOST:
            return 400, refusal(400, "INVALID_ARGUMENT", "page_size must be at most 1000")
        try:
            found = matching(self.estate.entries, asked.get("resourceNames", ()), str(asked.get("filter", "")))
        except BadFilter as error:
            return 400, refusal(400, "INVALID_ARGUMENT", str(error))
        if str(asked.get("orderBy", "")).endswith("desc"):
            found.reverse()
        start = self._from(asked)
        if start is None:
            return 400, refusal(400, "INVALID_ARGUMENT", "page_token is invalid")
        page: dict[str, Any] = {"entries": found[start : start + size]} if found[start : start + size] else {}
        return 200, page | self._next(start + size if start + size < len(found) else None)

    def _objects(self, bucket: str, asked: Mapping[str, Any]) -> Answer:
        start, size = self._from(asked), min(int(asked.get("maxResults", MOST)), self.listing)
        if start is None:
            return 400, refusal(400, "INVALID_ARGUMENT", "page_token is invalid")
        found = [
            {name: value for name, value in item.items() if name != "body"}
            for item in self.estate.objects[bucket]
            if str(item["name"]).startswith(str(asked.get("prefix", "")))
            and (asked.get("versions") == "true" or "timeDeleted" not in item)
        ]
        page = {"kind": "storage#objects"} | ({"items": found[start : start + size]} if found else {})
        return 200, page | self._next(start + size if start + size < len(found) else None)

    def is_closed(self, path: str, authorization: str) -> bool:
        """Say whether Workspace refuses: where the key has no role of its own, only an administrator may look."""
        own = authorization.removeprefix("Bearer ") not in self._delegated
        return self.estate.is_closed and own and path.startswith("/admin/")

    def media(self, path: str, asked: Mapping[str, Any]) -> bytes | None:
        """Return the bytes of one generation of an object, if that is what is asked for."""
        found = _MEDIA.fullmatch(path)
        if found is None or asked.get("alt") != "media":
            return None
        for item in self.estate.objects.get(found[1], ()):
            if (item["name"], item["generation"]) == (found[2], asked.get("generation")):
                return bytes(item["body"])
        return None

    def _listed(self, path: str, asked: Mapping[str, Any]) -> Answer:
        pages, start = self.estate.lists[path], self._from(asked)
        if asked.get("filter") == _ANCESTORS:
            pages = self.estate.lists.get(f"{path}#ancestors", [{}])
        if start is None:
            return 400, refusal(400, "INVALID_ARGUMENT", "page_token is invalid")
        following = self._next(start + 1 if start + 1 < len(pages) else None)
        if path.startswith("/bigquery/") and path.endswith("/data"):  # alone in what it calls this
            following = dict(zip(("pageToken",), following.values(), strict=False))
        return 200, dict(pages[start]) | following

    def _next(self, start: int | None) -> dict[str, str]:
        if start is None:
            return {}
        token = f"pt-{secrets.token_urlsafe(12)}"
        with self._guard_pages:
            self._tokens[token] = start
        return {"nextPageToken": token}

    def _from(self, asked: Mapping[str, Any]) -> int | None:
        token = str(asked.get("pageToken") or "")
        return self._tokens.get(token) if token else 0

    # -- what goes wrong -------------------------------------------------------------------------------------

    def spoil(self, fault: Fault, path: str, asked: Mapping[str, Any]) -> Answer:
        """Return an answer with the fault in it, where the fault is one of content."""
        if (said := refused(fault)) is not None:
            return said
        if fault.kind == "duplicate" and asked.get("pageToken"):
            start = self._from(asked) or 0
            with self._guard_pages:
                again = f"pt-{secrets.token_urlsafe(12)}"
                self._tokens[again] = start
            code, page = self.answer(path, asked)
            return code, {**page, "nextPageToken": again}
        code, page = self.answer(path, asked)
        if fault.kind == "token_loop" and "nextPageToken" in page:
            page = {**page, "nextPageToken": self._loop.setdefault(path, page["nextPageToken"])}
        return code, page


class _Visit(TlsVisit):
    """One client connection."""

    server: GoogleServer

    def handle_one_request(self) -> None:
        """Serve the next request of a kept-alive connection."""
        with suppress(ConnectionError, ssl.SSLError):
            super().handle_one_request()
            return
        self.close_connection = True

    def do_GET(self) -> None:  # noqa: N802  the name is http.server's
        """Answer a question in the query."""
        parts = urlsplit(self.path)
        self._visit(unquote(parts.path), {name: values[0] for name, values in parse_qs(parts.query).items()})

    def do_POST(self) -> None:  # noqa: N802  likewise
        """Answer a question in the body, or give out a token."""
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path == "/token":
            self._send(*self.server.grant(parse_qs(body.decode())))
            return
        self._visit(unquote(parts.path), json.loads(body or b"{}"))

    def _visit(self, path: str, asked: Mapping[str, Any]) -> None:
        server, fault = self.server, None
        page: Mapping[str, Any]
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in server.tokens:
            code, page = 401, refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials")
        elif (fault := server.faults.take(path)) is not None:
            code, page = server.spoil(fault, path, asked)
        elif server.is_closed(path, self.headers["Authorization"]):
            code, page = (
                401,
                refusal(401, "UNAUTHENTICATED", "Access denied. You are not authorized to read activity"),
            )
        else:
            code, page = server.answer(path, asked)
        if fault is not None and fault.kind == "reset":
            self._reset()
            return
        media = server.media(path, asked) if code == HTTPStatus.OK else None
        body, declared = encoded(page) if media is None else media, None
        if fault is not None and fault.kind == "html":
            body = HTML
        if fault is not None and fault.kind == "short":
            declared, body = len(body), body[: len(body) // 2]
        if fault is not None and fault.kind == "unauthenticated":
            server.tokens.clear()
        server.sent.append(
            Sent(path=path, asked=asked, status=code, body=body, agent=self.headers.get("User-Agent", ""))
        )
        self._write(code, body, declared, fault)

    def _send(self, code: int, page: Mapping[str, Any]) -> None:
        self._write(code, encoded(page), None, None)

    def _write(self, code: int, body: bytes, declared: int | None, fault: Fault | None) -> None:
        self.send_response(code)
        kind = "text/html" if body is HTML else "application/json; charset=UTF-8"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if declared is None else declared))
        self.send_header("Set-Cookie", "NID=never-on-record")
        if fault is not None and fault.retry_after:
            self.send_header("Retry-After", fault.retry_after)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or declared is not None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
