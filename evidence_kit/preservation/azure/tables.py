"""The retention of a table of Log Analytics, made longer and never shorter."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_TABLE = (
    "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.OperationalInsights"
    "/workspaces/{workspace_name}/tables/{table}"
)
_VERSION = {"api-version": "2022-10-01"}


class TableRetention:
    """How long a table keeps its rows in all; what of that can be queried at once stays as it is."""

    def __init__(self, unit: Unit) -> None:
        self._place = f"{unit.settings['workspace_name']}/{unit.settings['table']}"
        self._days = int(unit.settings["days"])

    def look(self, desk: WebDesk) -> State:
        """Return how long the table keeps its rows."""
        table = desk.read("arm:GetTable", _TABLE, _VERSION)
        if table is None:
            return State(standing=Standing.UNFIT, said=f"there is no table {self._place}")
        found: Mapping[str, Any] = table.get("properties") or {}
        kept = int(found.get("totalRetentionInDays") or 0)
        said = f"the table {self._place} keeps its rows {kept:,} days"
        would = f"would keep the rows of {self._place} {self._days:,} days; now {kept:,}"
        if kept < self._days:
            return State(standing=Standing.MISSING, said=said, would=would)
        thing = {"resource": self._place, "id": self._place, "kind": "log retention", "days": str(kept)}
        under_way = str(found.get("provisioningState", "Succeeded")) in {"Updating", "InProgress"}
        standing = Standing.PENDING if under_way else Standing.IN_FORCE
        return State(standing=standing, said=said, would=would, things=(thing,))

    def act(self, desk: WebDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Set the longer retention."""
        desk.write(
            "arm:UpdateTable",
            _TABLE,
            {"properties": {"totalRetentionInDays": self._days}},
            method="PATCH",
            params=_VERSION,
            done=lambda: self.look(desk).standing is not Standing.MISSING,
        )
