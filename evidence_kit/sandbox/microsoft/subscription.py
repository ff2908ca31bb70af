"""One subscription at Resource Manager: that it is there, and what a role on it lets us do."""

import json
from dataclasses import dataclass

from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply
from evidence_kit.sandbox.microsoft.server import Asked


@dataclass(slots=True, kw_only=True)
class Subscription:
    """The subscription of the tenant; `actions` are those of our one role."""

    actions: tuple[str, ...]
    api: str = "arm"

    def answer(self, asked: Asked) -> Reply | None:
        """Return the subscription, or what we may do there."""
        if asked.tenant != TENANT:
            return None
        root = f"/subscriptions/{SUBSCRIPTION}"
        if asked.path == root:
            return _json({"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "state": "Enabled"})
        if asked.path == f"{root}/providers/Microsoft.Authorization/permissions":
            return _json({"value": [{"actions": list(self.actions), "notActions": []}]})
        return None


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode())
