"""`azure.hunting` does what every collector must."""

from types import MappingProxyType

import pytest
from support.conformance_microsoft import NO_DROPPING, MicrosoftConformance
from support.microsoft import WINDOW

from evidence_kit.sandbox.microsoft.hunting import Hunting
from evidence_kit.sandbox.microsoft.log_analytics import Table, Workspace, ticks

pytestmark = pytest.mark.slow

ONE_ANSWER = {"paging": "an answer has no pages", "loop": "an answer has no pages"}


class TestHunting(MicrosoftConformance):
    source, path = "defender.hunting", "runHuntingQuery"
    params = MappingProxyType({"table": "DeviceEvents"})
    exempt = MappingProxyType(NO_DROPPING | ONE_ANSWER)

    def furnish(self, kiosk):
        self.table = Table(name="DeviceEvents", rate=lambda second: int(second % 60 == 0))
        kiosk.server.apis.append(Hunting(workspace=Workspace(tables={"DeviceEvents": self.table}, max_rows=1 << 30)))
        return (f'"{row.item}"'.encode() for row in self.table.rows(ticks(WINDOW.start), ticks(WINDOW.end)))

    def clear(self, kiosk):
        self.table.rate = lambda _: 0
