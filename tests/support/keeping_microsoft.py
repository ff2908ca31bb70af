"""Microsoft's Resource Manager with what can be kept there: disks, containers, tables, and answers that get lost.

No emulator speaks these parts of Resource Manager, so this one is ours, written after Microsoft's reference.
"""

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from typing import Any

from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply, error
from evidence_kit.sandbox.microsoft.server import Asked, Microsoft

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop-rg/providers"
_DISK = re.compile(rf"{GROUP}/Microsoft.Compute/disks/([^/]+)")
_SNAPSHOT = re.compile(rf"{GROUP}/Microsoft.Compute/snapshots/([^/]+)")
_CONTAINER = re.compile(rf"{GROUP}/Microsoft.Storage/storageAccounts/([^/]+)/blobServices/default/containers/([^/]+)")
_HOLD = re.compile(f"{_CONTAINER.pattern}/setLegalHold")
_POLICY = re.compile(f"{_CONTAINER.pattern}/immutabilityPolicies/default")
_TABLE = re.compile(rf"{GROUP}/Microsoft.OperationalInsights/workspaces/([^/]+)/tables/([^/]+)")


class Keeping:
    """What is there, and what was asked to be changed."""

    api = "arm"

    def __init__(self) -> None:
        self.disks: dict[str, dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.containers: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.states = ["Creating", "Succeeded"]  # of a snapshot, look by look; the last one stays
        self.changes: list[tuple[str, str, dict[str, Any]]] = []
        self.refuse: Callable[[Asked], bool] = lambda _: False
        self.lose = 0
        self.kill = 0
        self._guard = threading.Lock()

    def answer(self, asked: Asked) -> Reply | None:
        """Return the answer, or None where this is none of what is kept here."""
        if asked.tenant != TENANT or not asked.path.startswith(GROUP):
            return None
        body = json.loads(asked.body or b"{}")
        with self._guard:
            if asked.method != "GET":
                self.changes.append((asked.method, asked.path, body))
            if self.refuse(asked):
                return error(403, "AuthorizationFailed", "The client does not have authorization to perform action")
            for pattern, act in (
                (_DISK, self._disk), (_SNAPSHOT, self._snapshot), (_CONTAINER, self._container), (_HOLD, self._hold),
                (_POLICY, self._policy), (_TABLE, self._table),
            ):  # fmt: skip
                if found := pattern.fullmatch(asked.path):
                    reply = act("/".join(found.groups()), asked, body)
                    break
            else:
                return None
        if asked.method != "GET" and self.lose:
            self.lose -= 1
            if self.kill:
                os.kill(self.kill, signal.SIGKILL)
            return Reply(200, reply.body, declared=len(reply.body) + 9)
        return reply

    def _disk(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        return _found(self.disks.get(name))

    def _snapshot(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        if asked.method == "PUT":
            self.snapshots[name] = {**body, "id": asked.path, "name": name}
            return Reply(202, json.dumps(self.snapshots[name]).encode())
        found = self.snapshots.get(name)
        if found is None:
            return _found(None)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return _found({**found, "properties": {**found["properties"], "provisioningState": state}})

    def _container(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        return _found(self.containers.get(name))

    def _hold(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        hold = self.containers[name]["properties"].setdefault("legalHold", {"hasLegalHold": True, "tags": []})
        hold["tags"] += [{"tag": tag} for tag in body["tags"] if tag not in {one["tag"] for one in hold["tags"]}]
        hold["protectedAppendWritesHistory"] = {
            "allowProtectedAppendWritesAll": body["allowProtectedAppendWritesAll"]
        }
        return _found({"hasLegalHold": True, "tags": [one["tag"] for one in hold["tags"]]})

    def _policy(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        found = self.policies.get(name)
        if asked.method == "PUT":
            # Without a condition, the service applies it to whatever is there.
            if found is not None and asked.headers.get("if-match", found["etag"]) != found["etag"]:
                return error(412, "PreconditionFailed", "The condition specified was not met.")
            self.policies[name] = {
                "etag": f'"{len(self.changes)}"',
                "properties": {**body["properties"], "state": "Unlocked"},
            }
            return _found(self.policies[name])
        # Where there is none, the service answers with an empty one.
        return _found(found or {"etag": '""', "properties": {"immutabilityPeriodSinceCreationInDays": 0}})

    def _table(self, name: str, asked: Asked, body: dict[str, Any]) -> Reply:
        found = self.tables.get(name)
        if found is not None and asked.method == "PATCH":
            found["properties"] |= body["properties"]
            return Reply(202, b"")
        return _found(found)


def _found(value: object) -> Reply:
    if value is None:
        return error(404, "ResourceNotFound", "The Resource was not found.")
    return Reply(200, json.dumps(value).encode())


def keep(server: Microsoft) -> Keeping:
    """Let a sandbox keep things."""
    keeping = Keeping()
    plain = server.RequestHandlerClass
    server.RequestHandlerClass = type("Keeps", (plain,), {"do_PUT": plain.visit, "do_PATCH": plain.visit})  # type: ignore[attr-defined]
    server.apis.insert(0, keeping)
    return keeping
