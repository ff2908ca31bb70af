"""Advanced hunting: the same made-up tables as Log Analytics, asked through Graph, cut off without a word."""

import json
import re
from dataclasses import dataclass, field

from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply, error
from evidence_kit.sandbox.microsoft.log_analytics import Workspace
from evidence_kit.sandbox.microsoft.server import Asked

_ITEM = "hash(tostring(pack_all()), "
_SIZE = re.compile(r"Bytes=sum\(estimate_data_size\(\*\)\) \+ \d+ \* count\(\)")


@dataclass(kw_only=True)
class Hunting:
    """The tables of one tenant. `most` rows are all that an answer holds; beyond `heavy` bytes there is none."""

    workspace: Workspace
    most: int = 100_000
    heavy: int = 124_000_000
    api: str = "graph"
    asked: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply | None:
        """Return the answer to a query, or None for what is none."""
        if asked.path != "/v1.0/security/runHuntingQuery" or asked.method != "POST" or asked.tenant != TENANT:
            return None
        question = json.loads(asked.body)
        self.asked.append(question["Query"])
        # What differs from Log Analytics in words only is put in its words.
        text = question["Query"].replace("Timestamp", "TimeGenerated").replace(_ITEM, "hash(_ItemId, ")
        text = _SIZE.sub("Bytes=sum(_BilledSize)", text)
        status, body = self.workspace.query(json.dumps({"query": text, "timespan": question["Timespan"]}).encode())
        parsed = json.loads(body)
        if status != 200:
            return error(status, "BadRequest", parsed["error"]["innererror"]["innererror"]["message"])
        return self._said(parsed["tables"][0])

    def _said(self, table: dict[str, list[dict[str, str]]]) -> Reply:
        names = [column["name"].replace("TimeGenerated", "Timestamp") for column in table["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in table["rows"][: self.most]]
        schema = [{"name": name, "type": "String"} for name in names]
        body = json.dumps({"@odata.context": "x", "schema": schema, "results": rows}).encode()
        if len(body) > self.heavy:
            return error(400, "BadRequest", "Query execution has exceeded the allowed result size.")
        return Reply(200, body)
