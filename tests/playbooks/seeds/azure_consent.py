"""People who let a hostile application read their mail, beside those who let in an ordinary one."""

from typing import Any

from playbooks.seeds.azure_estate import EVENTS, UNDER, Seed, change, moment

from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, Record

MIRA, NOAH, KIM, ROBIN = (f"{name}@shop.example" for name in ("mira", "noah", "kim", "robin"))
EVIL, TRAVEL, TILL = "sp-viewer", "sp-travel", "sp-till"
EVIL_APP, TRAVEL_APP, TILL_APP = (f"{n}c0ffee{n}-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
DESK, THIEF, SERVER = "192.0.2.10", "203.0.113.66", "198.51.100.9"
NEW_SECRET, OLD_SECRET = "secret-number-2", "secret-number-1"
STORE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/till/providers/Microsoft.Storage/storageAccounts/sales"
OUTLOOK = "d3590ed6-52b3-4102-aeff-aad2292ab01c"


def tenant(*, attacked: bool, reads: bool = True) -> Seed:
    """Return the tenant; without `reads` no read of mail is recorded."""
    return Seed(
        graph=_graph(attacked=attacked), arm=_arm(attacked=attacked), mail=_mail(attacked=attacked, reads=reads)
    )


def _graph(*, attacked: bool) -> dict[str, list[Record]]:
    apps = [(TRAVEL, TRAVEL_APP, "Travel Planner"), (TILL, TILL_APP, "Till")]
    apps += [(EVIL, EVIL_APP, "Doc Viewer Pro")] if attacked else []
    v1 = "/v1.0"
    found: dict[str, list[Record]] = {
        f"{v1}/servicePrincipals": [{"id": one, "appId": app, "displayName": name} for one, app, name in apps],
        f"{v1}/oauth2PermissionGrants": [
            {"id": "gr-1", "clientId": TRAVEL, "consentType": "AllPrincipals", "scope": "User.Read"},
            *(_grants() if attacked else []),
        ],
        f"{v1}/applications": [],
        f"{v1}/roleManagement/directory/roleAssignments": [],
        f"{v1}/roleManagement/directory/roleDefinitions": [],
        f"{v1}/identity/conditionalAccess/policies": [],
        f"{v1}/identity/conditionalAccess/namedLocations": [],
        f"{v1}/identityProtection/riskDetections": [],
        f"{v1}/identityProtection/riskyUsers": [],
        f"{v1}/auditLogs/directoryAudits": [*_usual_changes(), *(_changes() if attacked else [])],
        "/beta/auditLogs/signIns": [*_usual_signins(), *(_signins() if attacked else [])],
    }
    return found | {f"{v1}/servicePrincipals/{one}/appRoleAssignments": [] for one, _, _ in apps}


def _grants() -> list[Record]:
    people = ("id-mira", "id-noah", "id-zoe")  # the last one long before the window
    return [
        {
            "id": f"gr-{who}",
            "clientId": EVIL,
            "consentType": "Principal",
            "principalId": who,
            "scope": "Mail.Read offline_access",
        }
        for who in people
    ]


def _audit(minutes: float, action: str, who: str, ip: str, target: tuple[str, str], *, app: str = "") -> Record:
    by: dict[str, Any] = {
        "user": {"userPrincipalName": who, "id": f"id-{who.partition('@')[0]}", "ipAddress": ip},
    }
    if app:
        by = {"app": {"displayName": who, "appId": app}}
    return {
        "id": f"audit-{minutes}",
        "activityDateTime": moment(minutes),
        "activityDisplayName": action,
        "initiatedBy": by,
        "targetResources": [{"id": target[0], "displayName": target[1], "type": "ServicePrincipal"}],
        "result": "success",
    }


def _usual_changes() -> list[Record]:
    return [
        _audit(5, "Consent to application", KIM, DESK, (TRAVEL, "Travel Planner")),
        _audit(15, "Add service principal credentials", ROBIN, DESK, (TRAVEL, "Travel Planner")),
    ]


def _changes() -> list[Record]:
    return [
        _audit(60, "Consent to application", MIRA, THIEF, (EVIL, "Doc Viewer Pro")),
        _audit(70, "Consent to application", NOAH, DESK, (EVIL, "Doc Viewer Pro")),
        _audit(80, "Add service principal credentials", MIRA, THIEF, (TILL, "Till")),
        _audit(
            90, "Add app role assignment to service principal", "Doc Viewer Pro", "", (TILL, "Till"), app=EVIL_APP
        ),
    ]


def _signin(kind: str, minutes: float, ip: str, *, who: str = "", failed: bool = False, **more: str) -> Record:
    return {
        "id": f"{kind}-{minutes}",
        "createdDateTime": moment(minutes),
        "signInEventTypes": [kind],
        **({"userPrincipalName": who} if who else {}),
        "appDisplayName": "Office",
        "ipAddress": ip,
        "status": {"errorCode": 50126 if failed else 0},
        **more,
    }


def _app_signin(minutes: float, ip: str, app: str, principal: str, secret: str) -> Record:
    told = {"appId": app, "servicePrincipalId": principal, "servicePrincipalCredentialKeyId": secret}
    return _signin("servicePrincipal", minutes, ip, **told, servicePrincipalName=principal)


def _usual_signins() -> list[Record]:
    people = [_signin("interactiveUser", 10 + n, DESK, who=who) for n, who in enumerate((MIRA, NOAH, KIM, ROBIN))]
    return [
        *people,
        _signin("nonInteractiveUser", 20, DESK, who=MIRA),
        _app_signin(25, "192.0.2.90", TRAVEL_APP, TRAVEL, OLD_SECRET),
    ]


def _signins() -> list[Record]:
    return [
        _signin("interactiveUser", 50, SERVER, who=MIRA, failed=True),
        _signin("interactiveUser", 55, THIEF, who="Mira@Shop.example"),
        _app_signin(95, SERVER, TILL_APP, TILL, NEW_SECRET),
        _app_signin(97, SERVER, EVIL_APP, EVIL, ""),
    ]


def _arm(*, attacked: bool) -> dict[str, list[Record]]:
    usual = change("usual", 30, "Microsoft.Web/sites/write", caller=ROBIN, ip=DESK, resource=f"{UNDER}/web")
    listed = "Microsoft.Storage/storageAccounts/listKeys/action"
    taken = change("taken", 100, listed, caller=MIRA, ip=THIEF, resource=STORE)
    rights = f"{UNDER}/Microsoft.Authorization"
    return {
        EVENTS: [usual, *([taken] if attacked else [])],
        f"{rights}/roleAssignments": [],
        f"{rights}/roleDefinitions": [],
        f"{rights}/denyAssignments": [],
    }


def _record(minutes: float, operation: str, who: str, ip: str, **more: object) -> Record:
    said = {
        "Operation": operation,
        "UserId": who,
        "ClientIPAddress": ip,
        "CreationTime": moment(minutes)[:19],
        **more,
    }
    return {
        "id": f"mail-{minutes}",
        "createdDateTime": moment(minutes),
        "operation": operation,
        "userPrincipalName": who,
        "auditData": said,
    }


def _read(minutes: float, who: str, ip: str, app: str, items: int, *, throttled: bool = False) -> Record:
    properties = [
        {"Name": "MailAccessType", "Value": "Bind"},
        {"Name": "IsThrottled", "Value": "True" if throttled else "False"},
    ]
    more = {"MailboxOwnerUPN": who, "ClientAppId": app, "OperationCount": items, "OperationProperties": properties}
    return _record(minutes, "MailItemsAccessed", who, ip, **more)


def _mail(*, attacked: bool, reads: bool) -> list[Record]:
    usual = [_record(12, "New-InboxRule", KIM, DESK), _record(13, "MailboxLogin", MIRA, DESK)]
    rule = [_record(58, "New-InboxRule", MIRA, THIEF), _record(59, "MailboxLogin", MIRA, THIEF)]
    read = [_read(14, MIRA, DESK, OUTLOOK, 3), _read(16, NOAH, DESK, OUTLOOK, 2)]
    stolen = [
        _read(57, MIRA, THIEF, OUTLOOK, 4),
        _read(110, MIRA, SERVER, EVIL_APP, 40),
        _read(112, NOAH, SERVER, EVIL_APP, 60, throttled=True),
    ]
    return [*usual, *(read if reads else []), *(rule if attacked else []), *(stolen if attacked and reads else [])]
