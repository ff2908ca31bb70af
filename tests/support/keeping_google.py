"""The sandbox's Google with what can be kept there: disks, buckets, objects, log buckets, and answers that get lost.

No emulator has holds, retention or snapshots, so this one is ours, written after Google's reference.
"""

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from support.google import PROJECT

from evidence_kit.sandbox.google.faults import refusal
from evidence_kit.sandbox.google.server import GoogleServer
from evidence_kit.sandbox.google.server import _Visit as Plain

_COMPUTE = f"/compute/compute/v1/projects/{PROJECT}"
_DISK = re.compile(rf"{_COMPUTE}/zones/([^/]+)/disks/([^/]+)")
_SNAPSHOT = re.compile(rf"{_COMPUTE}/global/snapshots/([^/]+)")
_BUCKET = re.compile(r"/storage/storage/v1/b/([^/]+)")
_OBJECTS = re.compile(r"/storage/storage/v1/b/([^/]+)/o")
_OBJECT = re.compile(r"/storage/storage/v1/b/([^/]+)/o/([^/]+)")
_LOG_BUCKET = re.compile(rf"/logging/v2/projects/{PROJECT}/locations/([^/]+)/buckets/([^/]+)")
Reply = tuple[int, dict[str, Any]]


class Keeping:
    """What is there, by how Google names it, and what was asked to be changed."""

    def __init__(self) -> None:
        self.disks: dict[tuple[str, str], dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.states = ["CREATING", "READY"]  # of a snapshot, look by look; the last one stays
        self.buckets: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.log_buckets: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.changes: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.refuse: Callable[[str, str], bool] = lambda *_: False
        self.lose = 0  # answers to changes that get lost
        self.kill = 0  # the process that dies when one does
        self.page = 2
        self._guard = threading.Lock()

    def answer(self, method: str, raw: str, query: dict[str, str], body: dict[str, Any]) -> Reply | None:
        """Return the answer, or None where this is none of what is kept here; `raw` has its escapes."""
        with self._guard:
            self.asked.append((method, raw, query, body))
            if method != "GET":
                self.changes.append((method, raw, query, body))
            if self.refuse(method, raw):
                return 403, refusal(403, "PERMISSION_DENIED", "Permission denied on resource")
            for pattern, act in (
                (_DISK, self._disk), (_SNAPSHOT, self._snapshot), (_OBJECTS, self._objects), (_OBJECT, self._object),
                (_BUCKET, self._bucket), (_LOG_BUCKET, self._log_bucket),
            ):  # fmt: skip
                if found := pattern.fullmatch(raw):
                    return act(method, tuple(unquote(part) for part in found.groups()), query, body)
            if raw == f"{_COMPUTE}/global/snapshots" and method == "POST":
                return self._insert(body)
            return None

    def _disk(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        found = self.disks.get((at[0], at[1]))
        return (200, found) if found else (404, refusal(404, "NOT_FOUND", "The resource was not found"))

    def _snapshot(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        found = self.snapshots.get(at[0])
        if found is None:
            return 404, refusal(404, "NOT_FOUND", "The resource was not found")
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, {**found, "status": status}

    def _insert(self, body: dict[str, Any]) -> Reply:
        if body["name"] in self.snapshots:
            return 409, refusal(409, "ALREADY_EXISTS", "The resource already exists")
        self.snapshots[body["name"]] = {**body, "kind": "compute#snapshot", "id": str(7000 + len(self.snapshots))}
        return 200, {"kind": "compute#operation", "status": "PENDING"}

    def _bucket(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        found = self.buckets.get(at[0])
        if found is None:
            return 404, refusal(404, "NOT_FOUND", "The specified bucket does not exist.")
        if method == "PATCH":
            if query.get("ifMetagenerationMatch") != found["metageneration"]:
                return 412, refusal(412, "FAILED_PRECONDITION", "conditionNotMet")
            found |= body | {"metageneration": str(int(found["metageneration"]) + 1)}
        return 200, found

    def _objects(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        start = int(query.get("pageToken") or 0)
        fits = [one for one in self.objects.get(at[0], ()) if one["name"].startswith(query.get("prefix", ""))]
        page: dict[str, Any] = {"kind": "storage#objects", "items": fits[start : start + self.page]}
        if start + self.page < len(fits):
            page["nextPageToken"] = str(start + self.page)
        return 200, page

    def _object(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        for one in self.objects.get(at[0], ()):
            if (one["name"], one["generation"]) == (at[1], query.get("generation")):
                if method == "PATCH":
                    one.update(body)
                return 200, one
        return 404, refusal(404, "NOT_FOUND", "No such object")

    def _log_bucket(self, method: str, at: tuple[str, ...], query: dict[str, str], body: dict[str, Any]) -> Reply:
        found = self.log_buckets.get((at[0], at[1]))
        if found is None:
            return 404, refusal(404, "NOT_FOUND", "Bucket does not exist")
        if method == "PATCH":
            assert query["updateMask"] == "retentionDays"
            found |= body
        return 200, found


class _Visit(Plain):
    server: "GoogleServer"

    def do_GET(self) -> None:  # noqa: N802
        self._keep(super().do_GET)

    def do_POST(self) -> None:  # noqa: N802
        self._keep(super().do_POST)

    def do_PATCH(self) -> None:  # noqa: N802
        self._keep(self._absent)

    def _absent(self) -> None:
        self._send(404, refusal(404, "NOT_FOUND", "nothing is there"))

    def _keep(self, otherwise: Callable[[], None]) -> None:
        keeping: Keeping = self.server.keeping  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.server.tokens or parts.path.startswith("/cloudresourcemanager"):
            otherwise()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = keeping.answer(self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(body or b"{}"))
        if self.command != "GET" and keeping.lose:
            keeping.lose -= 1
            if keeping.kill:
                os.kill(keeping.kill, signal.SIGKILL)
            self._reset()
            return
        self._send(*(said or (404, refusal(404, "NOT_FOUND", f"nothing is at {parts.path}"))))


def keep(server: GoogleServer) -> Keeping:
    """Let a sandbox keep things."""
    server.keeping = Keeping()  # type: ignore[attr-defined]
    server.RequestHandlerClass = _Visit
    return server.keeping  # type: ignore[attr-defined, no-any-return]
