"""A small tenant: two people, an application with a secret too many, a model, and who may touch them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence_kit.model.time import rfc3339
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, AuditQueries, Feed, Lists, Record, Subscriptions
from evidence_kit.sandbox.microsoft.entra import TENANT

SIGN_INS = ("interactiveUser", "nonInteractiveUser", "servicePrincipal", "managedIdentity")


def sign_ins(kind: str, count: int, start: datetime, every: timedelta) -> Iterator[Record]:
    """Yield sign-ins of a kind, one after the other."""
    for number in range(count):
        yield {
            "id": f"{kind}-{number:05d}",
            "createdDateTime": rfc3339(start + number * every),
            "signInEventTypes": [kind],
            "userPrincipalName": "mira@kiosk.example",
            "ipAddress": f"203.0.113.{number % 250}",
            "status": {"errorCode": 50126 if number % 3 else 0},
        }


def graph(moment: datetime) -> Lists:
    """Return the directory, its logs and its alerts; everything that has a time happened at `moment`."""
    at, v1 = rfc3339(moment), "/v1.0"
    app, principal, user = "app-till", "sp-till", "user-mira"
    lists: dict[str, list[Record]] = {
        f"{v1}/organization": [{"id": TENANT, "verifiedDomains": [{"name": "kiosk.example"}]}],
        "/beta/auditLogs/signIns": [
            row for kind in SIGN_INS for row in sign_ins(kind, 3, moment, timedelta(seconds=1))
        ],
        f"{v1}/auditLogs/directoryAudits": [
            {"id": "da-1", "activityDateTime": at, "activityDisplayName": "Add service principal credentials"},
            {"id": "da-2", "activityDateTime": at, "activityDisplayName": "Consent to application"},
        ],
        f"{v1}/auditLogs/provisioning": [{"id": "pv-1", "activityDateTime": at, "provisioningAction": "create"}],
        f"{v1}/identityProtection/riskDetections": [
            {"id": "rd-1", "detectedDateTime": at, "riskEventType": "anonymizedIPAddress", "userId": user}
        ],
        f"{v1}/identityProtection/riskyUsers": [{"id": user, "riskState": "atRisk", "riskLastUpdatedDateTime": at}],
        f"{v1}/identityProtection/riskyUsers/{user}/history": [{"id": "rh-1", "userId": user, "riskLevel": "high"}],
        f"{v1}/applications": [{"id": app, "displayName": "Till", "createdDateTime": at}],
        f"{v1}/applications/{app}/federatedIdentityCredentials": [{"id": "fc-1", "subject": "repo:kiosk/till:main"}],
        f"{v1}/applications/{app}/owners": [{"id": user}],
        f"{v1}/servicePrincipals": [{"id": principal, "appId": app, "displayName": "Till"}],
        f"{v1}/servicePrincipals/{principal}/appRoleAssignments": [{"id": "ar-1", "principalId": principal}],
        f"{v1}/oauth2PermissionGrants": [{"id": "gr-1", "clientId": principal, "scope": "Mail.Read offline_access"}],
        f"{v1}/roleManagement/directory/roleAssignments": [{"id": "ra-1", "principalId": principal}],
        f"{v1}/roleManagement/directory/roleDefinitions": [{"id": "rdef-1", "displayName": "Global Administrator"}],
        f"{v1}/identity/conditionalAccess/policies": [{"id": "ca-1", "state": "disabled", "modifiedDateTime": at}],
        f"{v1}/identity/conditionalAccess/namedLocations": [],
        f"{v1}/security/alerts_v2": [{"id": "al-1", "createdDateTime": at, "lastUpdateDateTime": at}],
        f"{v1}/security/incidents": [{"id": "17", "createdDateTime": at, "lastUpdateDateTime": at, "alerts": []}],
    }
    return Lists(api="graph", link="@odata.nextLink", lists=lists)


def arm(moment: datetime) -> Lists:
    """Return what Resource Manager lists: an activity log, an AI account, an ML workspace, and who may touch them."""
    at, under = rfc3339(moment), f"/subscriptions/{SUBSCRIPTION}/providers"
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/till/providers"
    account, workspace = (
        f"{group}/Microsoft.CognitiveServices/accounts/talk",
        (f"{group}/Microsoft.MachineLearningServices/workspaces/lab"),
    )
    vault, store = f"{group}/Microsoft.KeyVault/vaults/keys", f"{group}/Microsoft.Storage/storageAccounts/sales"
    events = "Microsoft.Insights/eventtypes/management/values"
    settings = "providers/Microsoft.Insights/diagnosticSettings"
    happened: list[Record] = [{"eventDataId": f"ev-{number}", "eventTimestamp": at} for number in range(3)]
    model, endpoint = f"{workspace}/models/churn", f"{workspace}/onlineEndpoints/score"
    lists: dict[str, list[Record]] = {
        f"{under}/{events}": happened,
        f"/providers/{events}": [{"eventDataId": "ev-t", "eventTimestamp": at}],
        "/providers/Microsoft.Management/managementGroups": [{"name": "root"}, {"name": "shops"}],
        **{
            f"/providers/Microsoft.Management/managementGroups/{name}/providers/{events}": [
                {"eventDataId": f"ev-{name}", "eventTimestamp": at}
            ]
            for name in ("root", "shops")
        },
        f"{under}/Microsoft.Authorization/roleAssignments": [{"id": f"{under}/ra/1"}],
        f"{under}/Microsoft.Authorization/roleDefinitions": [{"id": f"{under}/rd/1"}],
        f"{under}/Microsoft.Authorization/denyAssignments": [],
        f"{under}/Microsoft.Authorization/policyAssignments": [{"id": f"{under}/pa/1"}],
        f"{under}/Microsoft.Authorization/policyExemptions": [],
        f"{under}/Microsoft.Insights/diagnosticSettings": [{"id": f"{under}/ds/1"}],
        f"{under}/Microsoft.KeyVault/vaults": [{"id": vault}],
        f"{under}/Microsoft.KeyVault/deletedVaults": [],
        f"{under}/Microsoft.Storage/storageAccounts": [{"id": store, "kind": "StorageV2"}],
        f"{store}/blobServices": [{"id": f"{store}/blobServices/default"}],
        f"{under}/Microsoft.CognitiveServices/accounts": [{"id": account, "kind": "OpenAI"}],
        f"{account}/deployments": [{"id": f"{account}/deployments/chat"}],
        f"{account}/raiPolicies": [{"id": f"{account}/raiPolicies/loose"}],
        f"{account}/raiBlocklists": [],
        f"{under}/Microsoft.MachineLearningServices/workspaces": [{"id": workspace}],
        f"{workspace}/datastores": [{"id": f"{workspace}/datastores/sales"}],
        f"{workspace}/models": [{"id": model}],
        f"{model}/versions": [{"id": f"{model}/versions/1"}, {"id": f"{model}/versions/2"}],
        f"{workspace}/onlineEndpoints": [{"id": endpoint}],
        f"{workspace}/batchEndpoints": [],
        f"{endpoint}/deployments": [{"id": f"{endpoint}/deployments/blue"}],
        f"{workspace}/jobs": [{"id": f"{workspace}/jobs/train-7"}],
        **{f"{thing}/{settings}": [{"id": f"{thing}/ds/1"}] for thing in (vault, account, workspace)},
    }
    return Lists(api="arm", link="nextLink", lists=lists)


def subscriptions(moment: datetime) -> Subscriptions:
    """Return the subscription and its tables in Resource Graph."""
    when = {"changeAttributes": {"timestamp": rfc3339(moment)}}
    return Subscriptions(
        resources=[{"id": f"/subscriptions/{SUBSCRIPTION}/r/{number}"} for number in range(5)],
        changes=[{"id": f"change-{number}", "properties": when} for number in range(3)],
    )


def audit_queries(moment: datetime) -> AuditQueries:
    """Return audit log queries that find five records."""
    return AuditQueries(records=[{"id": f"ual-{n}", "createdDateTime": rfc3339(moment)} for n in range(5)])


def feed(moment: datetime) -> Feed:
    """Return the activity feed of a tenant that has subscribed to all but DLP."""
    created = moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
    kinds = ("Audit.Exchange", "Audit.SharePoint", "Audit.AzureActiveDirectory", "Audit.General")
    return Feed(
        blobs={
            kind: [
                (
                    created,
                    f"{kind}-{n}$1",
                    [{"Id": f"{kind}-{n}-{k}", "CreationTime": created[:19]} for k in range(3)],
                )
                for n in range(2)
            ]
            for kind in kinds
        }
    )
