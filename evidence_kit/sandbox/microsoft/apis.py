"""The APIs: lists paged by links, Resource Graph, audit log queries, the activity feed."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply, error
from evidence_kit.sandbox.microsoft.server import Asked

SUBSCRIPTION = "3d6f5c4b-1a2e-4f8d-a9b7-0c1d2e3f4a05"
Record = Mapping[str, Any]
_BOUND = re.compile(r"(\w+) (ge|gt|le|lt) '?([0-9TZ:.-]+)'?")
_EVENT = re.compile(r"signInEventTypes/any\(t: t eq '(\w+)'\)")
_HOLDS: Mapping[str, Callable[[str, str], bool]] = {
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
}


@dataclass(kw_only=True)
class Lists:
    """One API of lists. `page` is the most that a page holds, whatever `$top` asks for."""

    api: str
    lists: dict[str, list[Record]]
    link: str
    page: int = 1000

    def answer(self, asked: Asked) -> Reply | None:
        """Return one page of a list, one single thing, or None."""
        if asked.path in self.lists and asked.tenant == TENANT:
            rows = [row for row in self.lists[asked.path] if _fits(row, asked.query.get("$filter", ""))]
            return self._paged(asked, rows)
        if asked.tenant != TENANT and asked.path == "/v1.0/organization":
            return _json({"value": [{"id": asked.tenant, "verifiedDomains": []}]})
        return None

    def _paged(self, asked: Asked, rows: Sequence[Record]) -> Reply:
        at = int(asked.query.get("$skiptoken", "0"))
        size = min(self.page, int(asked.query.get("$top", self.page)))
        out: dict[str, Any] = {"value": rows[at : at + size]}
        if self.api == "graph":
            out = {"@odata.context": f"{asked.base}/$metadata", **out}
        if at + size < len(rows):
            out[self.link] = f"{asked.base}{asked.path}?{urlencode({**asked.query, '$skiptoken': at + size})}"
        return _json(out)


@dataclass(kw_only=True)
class Subscriptions:
    """What Resource Manager says of a subscription, and of Resource Graph's tables."""

    resources: Sequence[Record]
    changes: Sequence[Record]
    api: str = "arm"
    page: int = 2
    cut: bool = False  # say that the result was cut, and give no token
    visible: tuple[str, ...] = ()  # tenants that a guest sees beside that of the token

    def answer(self, asked: Asked) -> Reply | None:
        """Return the subscription, or a page of a query."""
        if asked.path == "/providers/Microsoft.ResourceGraph/resources" and asked.tenant == TENANT:
            return self._query(json.loads(asked.body))
        if asked.path == f"/subscriptions/{SUBSCRIPTION}" and asked.tenant == TENANT:
            return _json({"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "state": "Enabled"})
        if asked.path == "/tenants":
            return _json({"value": [{"tenantId": one} for one in (asked.tenant, *self.visible)]})
        if asked.path.startswith("/subscriptions/") and asked.tenant != TENANT:
            return error(403, "AuthorizationFailed", "The client does not have authorization to perform action.")
        return None

    def _query(self, question: Mapping[str, Any]) -> Reply:
        rows = self.changes if question["query"].startswith("resourcechanges") else self.resources
        at = int(question.get("options", {}).get("$skipToken", "0"))
        part = rows[at : at + self.page]
        out = {"totalRecords": len(rows), "count": len(part), "data": part, "resultTruncated": "false"}
        if self.cut:
            out["resultTruncated"] = "true"
        elif at + self.page < len(rows):
            out |= {"resultTruncated": "true", "$skipToken": str(at + self.page)}
        return _json(out)


@dataclass(kw_only=True)
class AuditQueries:
    """Queries of the unified audit log: created, under way for some polls, then as `ends` says."""

    records: Sequence[Record]
    polls: int = 2
    ends: str = "succeeded"
    page: int = 2
    api: str = "graph"
    made: dict[str, int] = field(default_factory=dict)
    _root: str = "/beta/security/auditLog/queries"

    def answer(self, asked: Asked) -> Reply | None:
        """Create a query, say how far one is, or return a page of its records."""
        if not asked.path.startswith(self._root) or asked.tenant != TENANT:
            return None
        if asked.method == "POST":
            name = f"a0d17000-0000-4000-8000-{len(self.made):012d}"
            self.made[name] = 0
            return Reply(201, json.dumps({**json.loads(asked.body), "id": name, "status": "notStarted"}).encode())
        name, _, rest = asked.path.removeprefix(self._root).strip("/").partition("/")
        if name not in self.made:
            return error(404, "NotFound", "no such query")
        if rest == "records":
            at = int(asked.query.get("$skiptoken", "0"))
            out: dict[str, Any] = {"value": self.records[at : at + self.page]}
            if at + self.page < len(self.records):
                out["@odata.nextLink"] = f"{asked.base}{asked.path}?$skiptoken={at + self.page}"
            return _json(out)
        self.made[name] += 1
        states = ("notStarted", "running", self.ends)
        done = self.made[name] > self.polls
        return _json({"id": name, "status": states[2] if done else states[min(1, self.made[name] - 1)]})


@dataclass(kw_only=True)
class Feed:
    """The activity feed: blobs by content type, each with when it became available."""

    blobs: Mapping[str, Sequence[tuple[str, str, Sequence[Record]]]]  # content type: (created, id, records)
    expired: set[str] = field(default_factory=set)
    page: int = 1
    api: str = "manage"

    def answer(self, asked: Asked) -> Reply | None:
        """Return a page of the listing, whose next page is named in a header, or a blob."""
        root = f"/api/v1.0/{asked.tenant}/activity/feed"
        if asked.path == f"{root}/subscriptions/content":
            return self._listing(asked, root)
        if not asked.path.startswith(f"{root}/audit/"):
            return None
        wanted = asked.path.rpartition("/")[2]
        if wanted in self.expired:
            return error(404, "AF20051", f"Content requested with the key {wanted} has already expired.")
        found = [rows for blobs in self.blobs.values() for _, name, rows in blobs if name == wanted]
        return Reply(200, json.dumps(found[0]).encode()) if found else None

    def _listing(self, asked: Asked, root: str) -> Reply:
        kind, query = asked.query["contentType"], asked.query
        if kind not in self.blobs:
            return error(400, "AF20022", f"No subscription found for the specified content type {kind}")
        rows = [
            {"contentType": kind, "contentId": name, "contentUri": f"{asked.base}{root}/audit/{name}",
             "contentCreated": created}
            for created, name, _ in self.blobs[kind]
            if query["startTime"] <= created < query["endTime"]
        ]  # fmt: skip
        at = int(query.get("nextPage", "0"))
        headers = {}
        if at + self.page < len(rows):
            following = urlencode({**query, "nextPage": at + self.page})
            headers["NextPageUri"] = f"{asked.base}{asked.path}?{following}"
        return Reply(200, json.dumps(rows[at : at + self.page]).encode(), headers)


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode())


def _fits(row: Record, condition: str) -> bool:
    """Say whether a row is what a filter of bounds and of a sign-in's kind asks for."""
    kinds = _EVENT.findall(condition)
    return all(kind in row.get("signInEventTypes", []) for kind in kinds) and all(
        name not in row or _HOLDS[holds](str(row[name]), bound) for name, holds, bound in _BOUND.findall(condition)
    )
