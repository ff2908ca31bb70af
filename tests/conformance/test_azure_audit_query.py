"""`azure.audit_query` does what every collector must."""

import pytest
from support.conformance_microsoft import MicrosoftConformance

pytestmark = pytest.mark.slow


class TestAuditQuery(MicrosoftConformance):
    source, path = "m365.audit_query", "/records"

    def furnish(self, kiosk):
        return (f'"id": "{row["id"]}"'.encode() for row in kiosk.queries.records)

    def clear(self, kiosk):
        kiosk.queries.records = []
