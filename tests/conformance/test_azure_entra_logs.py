"""`azure.entra_logs` does what every collector must."""

import pytest
from support.conformance_microsoft import MicrosoftConformance

pytestmark = pytest.mark.slow

AUDITS = "/v1.0/auditLogs/directoryAudits"


class TestEntraLogs(MicrosoftConformance):
    source, path = "entra.directory_audits", "directoryAudits"

    def furnish(self, kiosk):
        kiosk.graph.page = 1
        return (f'"id": "{row["id"]}"'.encode() for row in kiosk.graph.lists[AUDITS])

    def clear(self, kiosk):
        kiosk.graph.lists[AUDITS] = []
