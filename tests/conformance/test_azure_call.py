"""`azure.call` does what every collector must."""

from support.conformance_microsoft import MicrosoftConformance

ALERTS = "/v1.0/security/alerts_v2"


class TestAzureCalls(MicrosoftConformance):
    source, path = "defender.alerts", "alerts_v2"

    def furnish(self, kiosk):
        (alert,) = kiosk.graph.lists[ALERTS]
        kiosk.graph.lists[ALERTS] = [{**alert, "id": f"alert-{number}"} for number in range(3)]
        kiosk.graph.page = 1
        return (b'"alert-0"', b'"alert-1"', b'"alert-2"')

    def clear(self, kiosk):
        kiosk.graph.lists[ALERTS] = []
