"""The Microsoft part: an application's secret used from elsewhere, and calls of models without their text."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.story import BY_NAME, of
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, Lists, Record
from evidence_kit.sandbox.microsoft.entra import TENANT, Entra
from evidence_kit.sandbox.microsoft.held import Held
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE, LogAnalytics, Workspace
from evidence_kit.sandbox.microsoft.server import Microsoft
from evidence_kit.sandbox.microsoft.subscription import Subscription
from evidence_kit.sources.catalogue import load_catalogue

SIGN_INS, ACTIVITY, CALLS = "azure.la.signins_service_principal", "azure.activity.subscription", "azure.la.openai"
AUDITS = "entra.directory_audits"
SOURCES = (
    ACTIVITY,
    "azure.diagnostic_settings",
    CALLS,
    SIGN_INS,
    "azure.openai.accounts",
    "azure.openai.content_filters",
    "azure.openai.deployments",
    AUDITS,
    "entra.service_principals",
)
STOLEN_CALLS = 6  # of the model, by the intruder
_EVERY, _BETWEEN = timedelta(minutes=25), timedelta(seconds=50)
_USUAL_ADDRESS = "192.0.2.90"
_UNDER = f"/subscriptions/{SUBSCRIPTION}/providers"


def entra(clock: Callable[[], datetime]) -> Entra:
    """Return who hands out tokens; ours name the permissions that the sources need."""
    return Entra(clock=clock, roles=tuple(one for one in _granted() if "/" not in one))


def server(window: Window, entra: Entra, tls: Callable[[ssl.SSLContext], None]) -> Microsoft:
    """Return the server with all that the story needs of Microsoft."""
    workspace = Workspace(tables={table.name: table for table in tables(window)})
    return Microsoft(
        Lists(api="graph", link="@odata.nextLink", lists=_directory(window)),
        Lists(api="arm", link="nextLink", lists=_lists(window)),
        Subscription(actions=tuple(one for one in _granted() if "/" in one)),
        LogAnalytics(workspaces={WORKSPACE: workspace}),
        entra=entra,
        tls=tls,
    )


def tables(window: Window) -> tuple[Held, ...]:
    """Return the tables of the workspace."""
    return _sign_ins(window), _calls(window)


def _granted() -> tuple[str, ...]:
    known = load_catalogue()
    return tuple(sorted({action for name in SOURCES for action in known[name].permissions}))


def _usual(window: Window) -> Iterator[tuple[int, timedelta]]:
    """Yield when the assistant itself does something, numbered."""
    for number in range((window.end - window.start) // _EVERY):
        yield number, timedelta(minutes=8) + number * _EVERY


def _sign_ins(window: Window) -> Held:
    told = [(event.moment, event.address) for event in of(SIGN_INS)]
    told += [(moment, _USUAL_ADDRESS) for _, moment in _usual(window)]
    rows = [
        (
            window.start + moment,
            {
                "OperationName": "Sign-in activity",
                "ResultType": "0",
                "ServicePrincipalName": cast.APP,
                "ServicePrincipalId": cast.APP_OBJECT,
                "ServicePrincipalCredentialKeyId": cast.APP_SECRET_ID,
                "AppId": cast.APP_ID,
                "IPAddress": address,
                "ResourceDisplayName": "Azure Resource Manager",
                "AADTenantId": TENANT,
                "Type": "AADServicePrincipalSignInLogs",
            },
        )
        for moment, address in told
    ]
    return Held(name="AADServicePrincipalSignInLogs", given=rows)


def _calls(window: Window) -> Held:
    """Return the calls of models: who, when, how long, and never what was said."""
    first = BY_NAME["asked_models"]
    told = [(first.moment + number * _BETWEEN, first.address) for number in range(STOLEN_CALLS)]
    told += [(moment + timedelta(seconds=30), _USUAL_ADDRESS) for _, moment in _usual(window)]
    rows = [
        (
            window.start + moment,
            {
                "ResourceProvider": "MICROSOFT.COGNITIVESERVICES",
                "ResourceId": cast.OPENAI.upper(),
                "Category": "RequestResponse",
                "OperationName": "ChatCompletions_Create",
                "CallerIPAddress": address,
                "ResultSignature": "200",
                "DurationMs": str(400 + 7 * number),
                "properties_s": '{"apiName":"Azure OpenAI API","modelDeploymentName":"assist"}',
                "SubscriptionId": SUBSCRIPTION,
                "Type": "AzureDiagnostics",
            },
        )
        for number, (moment, address) in enumerate(told)
    ]
    return Held(name="AzureDiagnostics", given=rows)


def _lists(window: Window) -> dict[str, list[Record]]:
    """Return what Resource Manager lists: an activity log, and the account as it is set up."""
    settings = "providers/Microsoft.Insights/diagnosticSettings"
    logged = [{"category": "RequestResponse", "enabled": True}, {"category": "Trace", "enabled": False}]
    sku = {"systemData": {"lastModifiedAt": rfc3339(window.start - timedelta(days=60))}}
    return {
        f"{_UNDER}/Microsoft.Insights/eventtypes/management/values": list(_changes(window)),
        f"{_UNDER}/Microsoft.Insights/diagnosticSettings": [],
        f"{_UNDER}/Microsoft.KeyVault/vaults": [],
        f"{_UNDER}/Microsoft.MachineLearningServices/workspaces": [],
        f"{_UNDER}/Microsoft.CognitiveServices/accounts": [
            {"id": cast.OPENAI, "kind": "OpenAI", "properties": {"disableLocalAuth": False}, **sku}
        ],
        f"{cast.OPENAI}/{settings}": [{"id": f"{cast.OPENAI}/{settings}/to-soc", "properties": {"logs": logged}}],
        f"{cast.OPENAI}/deployments": [{"id": f"{cast.OPENAI}/deployments/assist", "properties": {}, **sku}],
        f"{cast.OPENAI}/raiPolicies": [{"id": f"{cast.OPENAI}/raiPolicies/Microsoft.DefaultV2", **sku}],
        f"{cast.OPENAI}/raiBlocklists": [],
    }


def _directory(window: Window) -> dict[str, list[Record]]:
    """Return what Graph lists: the tenant, what changed in it, and the application that it is about."""
    principal = {"id": cast.APP_OBJECT, "appId": cast.APP_ID, "displayName": cast.APP}
    return {
        "/v1.0/organization": [{"id": TENANT, "verifiedDomains": [{"name": "shop.example"}]}],
        "/v1.0/auditLogs/directoryAudits": list(_audits(window)),
        "/v1.0/servicePrincipals": [principal],
        f"/v1.0/servicePrincipals/{cast.APP_OBJECT}/appRoleAssignments": [],
    }


def _audits(window: Window) -> Iterator[Record]:
    usual = [
        (moment, "Update user", "robin@shop.example", "") for number, moment in _usual(window) if number % 6 == 0
    ]
    told = [(event.moment, event.action, "", event.actor) for event in of(AUDITS)]
    for number, (moment, action, person, app) in enumerate(sorted((*usual, *told), key=lambda one: one[0])):
        by = {"app": {"displayName": app, "appId": cast.APP_ID}} if app else {"user": {"userPrincipalName": person}}
        yield {
            "id": f"directory-{number:04d}",
            "activityDateTime": rfc3339(window.start + moment),
            "activityDisplayName": action,
            "category": "ApplicationManagement" if app else "UserManagement",
            "initiatedBy": by,
            "targetResources": [{"displayName": app or person, "type": "ServicePrincipal" if app else "User"}],
            "result": "success",
        }


def _changes(window: Window) -> Iterator[Record]:
    for number, moment in _usual(window):
        operation = "Microsoft.Web/sites/config/list/action"
        yield _change(f"usual-{number:04d}", rfc3339(window.start + moment), operation, address=_USUAL_ADDRESS)
    for event in of(ACTIVITY):
        yield _change(f"hybrid-{event.name}", rfc3339(event.at(window)), event.action, address=event.address)


def _change(name: str, at: str, operation: str, *, address: str) -> Mapping[str, object]:
    return {
        "eventDataId": name,
        "eventTimestamp": at,
        "operationName": {"value": operation},
        "caller": cast.APP_OBJECT,
        "claims": {"appid": cast.APP_ID, "ipaddr": address},
        "httpRequest": {"clientIpAddress": address},
        "resourceId": cast.OPENAI,
        "status": {"value": "Succeeded"},
        "subscriptionId": SUBSCRIPTION,
    }
