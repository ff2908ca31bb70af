"""Models on Azure OpenAI called by a stranger, with a key that somebody fetched, beside the shop's own calls."""

import json
from collections.abc import Mapping

from playbooks.seeds.azure_estate import EVENTS, UNDER, Seed, change, held
from support.keeping_microsoft import GROUP

from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, Record
from evidence_kit.sandbox.microsoft.held import Held

AI = f"{GROUP}/Microsoft.CognitiveServices/accounts"
TALK, LAB = f"{AI}/talk", f"{AI}/lab"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/keys"
SECRET = "https://keys.vault.azure.net/secrets/talk-key"
FILE = "https://shopfiles.blob.core.windows.net/training/customers.jsonl"
SHOP_MASKED, STRANGER_MASKED = "192.0.2.***", "203.0.113.***"
SHOP, STRANGER = "192.0.2.0", "203.0.113.0"
DESK, AWAY = "192.0.2.10", "203.0.113.66"
ROBIN, APP = "robin@shop.example", "7a1e0f5c-3b2d-4c1a-9e8f-0d1c2b3a4f51"
ASSISTANT = "b6a1e7d2-0c3f-4b5a-8d9e-1f2a3b4c5d6e"  # object id of the application that may call
_SETTINGS = "providers/Microsoft.Insights/diagnosticSettings"
STOLEN = 5
_ALERTS: Mapping[str, list[Record]] = {"/v1.0/security/alerts_v2": []}


def tenant(*, attacked: bool, logged: bool = True, prompts: bool = False) -> Seed:
    """Return the subscription; `logged`: the second account logs calls; `prompts`: a gateway logs their text."""
    tables = [_diagnostics(attacked=attacked), _files(attacked=attacked), *([_gateway()] if prompts else [])]
    return Seed(graph=_ALERTS, arm=_arm(attacked=attacked, logged=logged), tables=tables)


def silent() -> Seed:
    """Return a subscription whose workspace holds no table of all this."""
    return Seed(graph=_ALERTS, arm=_arm(attacked=False, logged=False))


def _arm(*, attacked: bool, logged: bool) -> dict[str, list[Record]]:
    calls = {"category": "RequestResponse", "enabled": True}
    to = {
        "id": f"{TALK}/{_SETTINGS}/to-soc",
        "properties": {"logs": [calls, {"category": "Trace", "enabled": False}]},
    }
    audit = {"category": "Audit", "enabled": True}
    own = {"id": f"{LAB}/{_SETTINGS}/to-soc", "properties": {"logs": [calls if logged else audit]}}
    return {
        f"{UNDER}/Microsoft.Insights/diagnosticSettings": [],
        f"{UNDER}/Microsoft.KeyVault/vaults": [],
        f"{UNDER}/Microsoft.MachineLearningServices/workspaces": [],
        f"{UNDER}/Microsoft.CognitiveServices/accounts": [
            {"id": TALK, "kind": "OpenAI", "properties": {"disableLocalAuth": False}},
            {"id": LAB, "kind": "AIServices", "properties": {"disableLocalAuth": True}},
            {"id": f"{AI}/speech", "kind": "SpeechServices", "properties": {}},
        ],
        f"{TALK}/{_SETTINGS}": [to],
        f"{LAB}/{_SETTINGS}": [own],
        f"{AI}/speech/{_SETTINGS}": [],
        **{f"{one}/deployments": [{"id": f"{one}/deployments/chat"}] for one in (TALK, LAB)},
        **{f"{one}/raiPolicies": [{"id": f"{one}/raiPolicies/Microsoft.DefaultV2"}] for one in (TALK, LAB)},
        **{f"{one}/raiBlocklists": [] for one in (TALK, LAB)},
        EVENTS: list(_changes(attacked=attacked)),
    }


def _changes(*, attacked: bool) -> list[Record]:
    write = "Microsoft.Web/sites/write"
    found = [change("usual", 20, write, caller=ROBIN, ip=DESK, resource=f"{GROUP}/Microsoft.Web/sites/web")]
    if attacked:
        keys = "Microsoft.CognitiveServices/accounts/listKeys/action"
        policy = "Microsoft.CognitiveServices/accounts/raiPolicies/write"
        told = {"caller": ROBIN, "ip": AWAY, "app": APP}
        found += [
            change("keys", 60, keys, resource=TALK, **told),
            change("filter", 65, policy, resource=f"{TALK}/raiPolicies/loose", **told),
            change("silence", 70, "Microsoft.Insights/diagnosticSettings/write", resource=LAB, **told),
        ]
    return found


def _call(address: str, *, identity: str = "", deployment: str = "chat") -> Mapping[str, str]:
    said = {
        "apiName": "Azure OpenAI API",
        "objectId": identity,
        "modelDeploymentName": deployment,
        "modelName": "gpt-4o",
    }
    return {
        "ResourceProvider": "MICROSOFT.COGNITIVESERVICES",
        "ResourceId": TALK.upper(),
        "Category": "RequestResponse",
        "OperationName": "ChatCompletions_Create",
        "CallerIPAddress": address,
        "ResultSignature": "200",
        "properties_s": json.dumps(said),
        "SubscriptionId": SUBSCRIPTION,
    }


def _diagnostics(*, attacked: bool) -> Held:
    rows = [(10 + 30 * n, _call(SHOP_MASKED, identity=ASSISTANT)) for n in range(8)]
    rows += [(90 + n, _call(STRANGER_MASKED)) for n in range(STOLEN if attacked else 0)]
    read = {
        "ResourceProvider": "MICROSOFT.KEYVAULT",
        "OperationName": "SecretGet",
        "ResultSignature": "OK",
        "id_s": SECRET,
    }
    rows += [(12, {**read, "CallerIPAddress": DESK, "identity_claim_upn_s": ROBIN})]
    rows += [(58, {**read, "CallerIPAddress": AWAY, "identity_claim_upn_s": ROBIN})] if attacked else []
    return held("AzureDiagnostics", rows)


def _files(*, attacked: bool) -> Held:
    read = {"OperationName": "GetBlob", "StatusCode": "200", "Uri": FILE}
    rows = [(15, {**read, "CallerIpAddress": f"{DESK}:50211"})]
    rows += [(95, {**read, "CallerIpAddress": f"{AWAY}:41022"})] if attacked else []
    return held("StorageBlobLogs", rows)


def _gateway() -> Held:
    asked = json.dumps({"messages": [{"role": "user", "content": "what does the shop sell?"}]})
    row = {"OperationName": "ChatCompletions_Create", "CallerIpAddress": DESK, "BackendRequestBody": asked}
    other = {"OperationName": "Models_List", "CallerIpAddress": DESK, "BackendRequestBody": ""}
    return held("ApiManagementGatewayLogs", [(11, row), (41, row), (42, other)])
