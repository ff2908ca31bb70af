"""What is sent to Resource Manager is what Microsoft's own clients send for the same wish: method, path and body."""

import importlib.util
import json
from urllib.parse import urlsplit

import pytest
from support.preserving import only

from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION

MISSING = [
    f"azure-mgmt-{name}"
    for name in ("compute", "loganalytics", "storage")
    if importlib.util.find_spec("azure") is None
    or importlib.util.find_spec("azure.mgmt") is None
    or importlib.util.find_spec(f"azure.mgmt.{name}") is None
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
PLACE = "shoplogs/insights-logs-audit"


class Sent(Exception):  # noqa: N818
    """A request, caught before it leaves."""


def sent(client, call):
    """Return method, path and body of what a client of Microsoft's sends."""
    with pytest.raises(Sent) as caught:
        call(client)
    (request,) = caught.value.args
    return request.method, urlsplit(request.url).path, json.loads(request.content)


@pytest.fixture
def client():
    """Make clients that send nothing."""
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import HttpTransport

    class Credential:
        def get_token(self, *scopes, **more):
            return AccessToken("-", 1 << 40)

    class Catching(HttpTransport):
        def send(self, request, **more):
            raise Sent(request)

        def open(self):
            pass

        def close(self):
            pass

        def __exit__(self, *more):
            pass

    def make(kind):
        return kind(Credential(), SUBSCRIPTION, transport=Catching())

    return make


def test_a_snapshot_is_asked_for_as_by_microsofts_client(azure, arm, client):
    from azure.mgmt.compute import ComputeManagementClient, models

    arm.disks["orders"] = {"location": "westeurope", "properties": {"diskSizeGB": 1}}
    assert only(azure.do("azure.compute.snapshot_disk", disk="orders", resource_group="shop-rg")) == ("complete", "")
    ((method, path, body),) = arm.changes
    wish = models.Snapshot(
        location="westeurope",
        tags=body["tags"],
        incremental=True,
        network_access_policy="DenyAll",
        public_network_access="Disabled",
        creation_data=models.CreationData(
            create_option="Copy", source_resource_id=body["properties"]["creationData"]["sourceResourceId"]
        ),
    )
    name = path.rpartition("/")[2]
    theirs = sent(
        client(ComputeManagementClient), lambda one: one.snapshots.begin_create_or_update("shop-rg", name, wish)
    )
    assert (method, path, body) == theirs


def test_a_hold_is_asked_for_as_by_microsofts_client(azure, arm, client):
    from azure.mgmt.storage import StorageManagementClient, models

    arm.containers[PLACE] = {"properties": {}}
    given = {"account": "shoplogs", "container": "insights-logs-audit", "resource_group": "shop-rg"}
    azure.do("azure.storage.legal_hold", **given)
    ((method, path, body),) = arm.changes
    wish = models.LegalHold(tags=body["tags"], allow_protected_append_writes_all=True)
    theirs = sent(
        client(StorageManagementClient),
        lambda one: one.blob_containers.set_legal_hold("shop-rg", "shoplogs", "insights-logs-audit", wish),
    )
    assert (method, path, body) == theirs


def test_a_policy_is_asked_for_as_by_microsofts_client(azure, arm, client):
    from azure.mgmt.storage import StorageManagementClient, models

    arm.containers[PLACE] = {"properties": {}}
    given = {"account": "shoplogs", "container": "insights-logs-audit", "resource_group": "shop-rg"}
    azure.do("azure.storage.immutability", **given, days="30")
    ((method, path, body),) = arm.changes
    wish = models.ImmutabilityPolicy(
        immutability_period_since_creation_in_days=30, allow_protected_append_writes_all=True
    )
    theirs = sent(
        client(StorageManagementClient),
        lambda one: one.blob_containers.create_or_update_immutability_policy(
            "shop-rg", "shoplogs", "insights-logs-audit", wish
        ),
    )
    assert (method, path, body) == theirs


def test_a_tables_retention_is_asked_for_as_by_microsofts_client(azure, arm, client):
    from azure.mgmt.loganalytics import LogAnalyticsManagementClient, models

    arm.tables["shop-logs/SigninLogs"] = {"properties": {"totalRetentionInDays": 90}}
    given = {"workspace_name": "shop-logs", "table": "SigninLogs", "resource_group": "shop-rg"}
    azure.do("azure.logs.retention", **given, days="730")
    ((method, path, body),) = arm.changes
    wish = models.Table(total_retention_in_days=730)
    theirs = sent(
        client(LogAnalyticsManagementClient),
        lambda one: one.tables.begin_update("shop-rg", "shop-logs", "SigninLogs", wish),
    )
    assert (method, path, body) == theirs
