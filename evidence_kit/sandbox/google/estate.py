"""A small project on Google Cloud, written by hand: a shop with one model endpoint, as its APIs would list it.

Paths begin with the API's name. Two pages where a list has two, so that paging is always met.
"""

from collections.abc import Mapping, Sequence

PROJECT = "shop-prod-1"
PLACE = "europe-west4"
Pages = Sequence[Mapping[str, object]]
_P = f"projects/{PROJECT}"
_AT = f"{_P}/locations/{PLACE}"
_SINCE = "2026-10-02T08:15:00Z"
_POLICY = {
    "version": 3,
    "etag": "BwYx",
    "bindings": [{"role": "roles/viewer", "members": ["user:robin@example.com"]}],
}


# Applications of Google Workspace that report what was done in them.
_APPS = (
    "admin", "calendar", "chat", "context_aware_access", "drive", "gemini_in_workspace_apps", "gmail",
    "groups_enterprise", "login", "mobile", "rules", "saml", "token", "user_accounts", "vault",
)  # fmt: skip


def _named(key: str, *names: str, **more: object) -> dict[str, object]:
    return {key: [{"name": name, "createTime": _SINCE, **more} for name in names]}


def project_lists() -> dict[str, Pages]:
    """Return the pages of every list, by path."""
    return {
        **_logging(),
        **_identities(),
        **_assets(),
        **_vertex(),
        **_machines(),
        **_data(),
        **_serving(),
        **_workspace(),
    }


def _logging() -> dict[str, Pages]:
    at = f"{_P}/locations/global/buckets"
    sinks = [
        {"name": "_Required", "destination": f"logging.googleapis.com/{at}/_Required"},
        {"name": "_Default", "destination": f"logging.googleapis.com/{at}/_Default"},
    ]
    # It copies what is below the folder and takes nothing away.
    copy = {"name": "copy", "destination": "storage.googleapis.com/shop-audit", "includeChildren": True}
    return {
        f"/logging/v2/{_P}/sinks": [{"sinks": sinks}],
        "/logging/v2/folders/51/sinks": [{"sinks": [copy]}],
        "/logging/v2/folders/51/exclusions": [{}],
        "/logging/v2/organizations/903218371/sinks": [{}],
        "/logging/v2/organizations/903218371/exclusions": [{}],
        "/logging/v2/organizations/903218371/settings": [{"name": "organizations/903218371/settings"}],
        f"/logging/v2/{_P}/exclusions": [{}],
        f"/logging/v2/{_P}/locations/-/buckets": [
            {"buckets": [{"name": f"{at}/_Default", "retentionDays": 30}]},
            {"buckets": [{"name": f"{at}/_Required", "retentionDays": 400, "locked": True}]},
        ],
        f"/logging/v2/{at}/_Default/views": [_named("views", f"{at}/_Default/views/_Default")],
        f"/logging/v2/{at}/_Required/views": [_named("views", f"{at}/_Required/views/_AllLogs")],
        f"/logging/v2/{_P}/metrics": [{}],
        f"/logging/v2/{_P}/settings": [{"name": f"{_P}/settings", "storageLocation": "global"}],
    }


def _identities() -> dict[str, Pages]:
    robot = f"{_P}/serviceAccounts/model-runner@{PROJECT}.iam.gserviceaccount.com"
    other = f"{_P}/serviceAccounts/web@{PROJECT}.iam.gserviceaccount.com"
    organization = "organizations/903218371"
    found: dict[str, Pages] = {
        f"/cloudresourcemanager/v1/{_P}:getAncestry": [
            {
                "ancestor": [
                    {"resourceId": {"type": kind, "id": number}}
                    for kind, number in (("project", PROJECT), ("folder", "51"), ("organization", "903218371"))
                ]
            }
        ],
        f"/cloudresourcemanager/v3/{_P}:getIamPolicy": [_POLICY],
        f"/cloudresourcemanager/v3/{organization}": [{"name": organization, "displayName": "example.com"}],
        f"/cloudresourcemanager/v3/{organization}:getIamPolicy": [_POLICY],
        "/cloudresourcemanager/v3/folders": [_named("folders", "folders/51"), _named("folders", "folders/52")],
        "/cloudresourcemanager/v3/folders/51:getIamPolicy": [_POLICY],
        "/cloudresourcemanager/v3/folders/52:getIamPolicy": [{"etag": "ACAB"}],
        f"/iam/v1/{_P}/serviceAccounts": [_named("accounts", robot), _named("accounts", other)],
        f"/iam/v1/{_P}/roles": [_named("roles", f"{_P}/roles/deployer")],
        f"/orgpolicy/v2/{_P}/policies": [_named("policies", f"{_P}/policies/iam.disableServiceAccountKeyCreation")],
        f"/orgpolicy/v2/{_P}/constraints": [
            _named("constraints", f"{_P}/constraints/storage.publicAccessPrevention")
        ],
        f"/serviceusage/v1/{_P}/services": [
            _named("services", f"{_P}/services/aiplatform.googleapis.com"),
            _named("services", f"{_P}/services/storage.googleapis.com"),
        ],
        f"/cloudbilling/v1/{_P}/billingInfo": [{"name": f"{_P}/billingInfo", "billingEnabled": True}],
    }
    for account in (robot, other):
        found[f"/iam/v1/{account}/keys"] = [_named("keys", f"{account}/keys/0a1b", keyType="USER_MANAGED")]
        found[f"/iam/v1/{account}:getIamPolicy"] = [_POLICY]
    return found


def _assets() -> dict[str, Pages]:
    bucket, account = "//storage.googleapis.com/shop-models", f"//iam.googleapis.com/{_P}/serviceAccounts/1"
    window = {"startTime": "2026-11-21T06:00:00Z", "endTime": "2026-11-21T09:00:00Z"}
    source = f"{_P}/sources/77"
    findings = [
        {
            "finding": {
                "name": f"{source}/findings/{n}",
                "state": state,
                "mute": mute,
                "eventTime": window["startTime"],
            }
        }
        for n, state, mute in (("a1", "ACTIVE", "UNMUTED"), ("b2", "INACTIVE", "UNMUTED"), ("c3", "ACTIVE", "MUTED"))
    ]
    return {
        f"/cloudasset/v1/{_P}/assets": [
            {"readTime": window["endTime"], "assets": [{"name": bucket, "updateTime": _SINCE}]},
            {"readTime": window["endTime"], "assets": [{"name": account, "updateTime": _SINCE}]},
        ],
        f"/cloudasset/v1/{_P}:batchGetAssetsHistory": [{"assets": [{"window": window, "asset": {"name": bucket}}]}],
        f"/cloudasset/v1/{_P}:searchAllResources": [
            {"results": [{"name": f"//bigquery.googleapis.com/{_P}/datasets/costs/tables/gcp_billing_export_v1_0A"}]}
        ],
        f"/cloudasset/v1/{_P}:searchAllIamPolicies": [{"results": [{"resource": bucket, "policy": _POLICY}]}],
        f"/securitycenter/v2/{_P}/sources/-/findings": [
            {"listFindingsResults": findings[:2]},
            {"listFindingsResults": findings[2:]},
        ],
        f"/securitycenter/v2/{_P}/muteConfigs": [_named("muteConfigs", f"{_P}/muteConfigs/quiet")],
    }


def _vertex() -> dict[str, Pages]:
    model, endpoint, store = f"{_AT}/models/9", f"{_AT}/endpoints/31", f"{_AT}/metadataStores/default"
    v1 = "/aiplatform/v1/"
    logged = {
        "enabled": True,
        "samplingRate": 0.25,
        "bigqueryDestination": {"outputUri": f"bq://{PROJECT}.logs.requests"},
    }
    deployed = {
        "trafficSplit": {"5001": 90, "5002": 10},
        "deployedModels": [{"id": "5001", "model": model}],
        "predictRequestResponseLoggingConfig": logged,
    }
    found: dict[str, Pages] = {
        f"{v1}{_P}/locations": [{"locations": [{"name": _AT, "locationId": PLACE}]}],
        f"{v1}{_AT}/models": [_named("models", model)],
        f"{v1}{model}:listVersions": [_named("models", f"{model}@1"), _named("models", f"{model}@2")],
        f"{v1}{_AT}/endpoints": [_named("endpoints", endpoint, **deployed)],
        f"{v1}{endpoint}:getIamPolicy": [_POLICY],
        f"{v1}{_AT}/metadataStores": [_named("metadataStores", store)],
    }
    for kind in ("artifacts", "executions", "contexts"):
        found[f"{v1}{store}/{kind}"] = [_named(kind, f"{store}/{kind}/1"), _named(kind, f"{store}/{kind}/2")]
    for number in (1, 2):
        events = [{"artifact": f"{store}/artifacts/{number}", "execution": f"{store}/executions/{number}"}]
        found[f"{v1}{store}/executions/{number}:queryExecutionInputsAndOutputs"] = [{"events": events}]
    for kind in (
        "customJobs", "trainingPipelines", "hyperparameterTuningJobs", "batchPredictionJobs", "tuningJobs",
        "pipelineJobs", "schedules", "datasets", "featurestores", "indexes",
    ):  # fmt: skip
        found[f"{v1}{_AT}/{kind}"] = [_named(kind, f"{_AT}/{kind}/700")]
    found[f"{v1}{_AT}/indexes"] = [{}]  # there is none, and Google leaves out what is empty
    return found


def _machines() -> dict[str, Pages]:
    v1 = f"/compute/compute/v1/{_P}"
    found: dict[str, Pages] = {
        v1: [{"kind": "compute#project", "name": PROJECT, "commonInstanceMetadata": {"kind": "compute#metadata"}}]
    }
    for kind in ("snapshots", "images", "machineImages", "firewalls", "networks", "routes"):
        found[f"{v1}/global/{kind}"] = [
            {"kind": f"compute#{kind}", "items": [{"id": f"{n}", "name": f"{kind}-{n}"}]} for n in (1, 2)
        ]
    for kind in ("instances", "disks", "subnetworks", "addresses", "forwardingRules", "routers"):
        here, empty = {kind: [{"id": "8", "name": f"{kind}-8"}]}, {"warning": {"code": "NO_RESULTS_ON_PAGE"}}
        items = {f"zones/{PLACE}-a": here, f"zones/{PLACE}-b": empty}
        found[f"{v1}/aggregated/{kind}"] = [{"kind": f"compute#{kind}AggregatedList", "items": items}]
    return found


def _data() -> dict[str, Pages]:
    ring = f"{_P}/locations/{PLACE}/keyRings/shop"
    key = f"{ring}/cryptoKeys/models"
    bigquery, table = (
        f"/bigquery/bigquery/v2/{_P}/datasets",
        {"projectId": PROJECT, "datasetId": "logs", "tableId": "requests"},
    )
    dataset = {"projectId": PROJECT, "datasetId": "logs"}
    secret = f"{_P}/secrets/payment-key"
    sql = f"/sqladmin/v1/{_P}/instances"
    return {
        "/storage/storage/v1/b": [
            {"kind": "storage#buckets", "items": [{"id": name, "name": name, "updated": _SINCE}]}
            for name in ("shop-models", "shop-backups")
        ],
        "/storage/storage/v1/b/shop-models/iam": [{"kind": "storage#policy", **_POLICY}],
        "/storage/storage/v1/b/shop-backups/iam": [{"kind": "storage#policy", **_POLICY}],
        f"/cloudkms/v1/{_P}/locations": [
            {
                "locations": [
                    {"name": _AT, "locationId": PLACE},
                    {"name": f"{_P}/locations/eur4", "locationId": "eur4"},
                ]
            }
        ],
        f"/cloudkms/v1/{_AT}/keyRings": [_named("keyRings", ring)],
        f"/cloudkms/v1/{_P}/locations/eur4/keyRings": [{}],
        f"/cloudkms/v1/{ring}/cryptoKeys": [_named("cryptoKeys", key)],
        f"/cloudkms/v1/{key}/cryptoKeyVersions": [_named("cryptoKeyVersions", f"{key}/cryptoKeyVersions/1")],
        f"/cloudkms/v1/{key}:getIamPolicy": [_POLICY],
        bigquery: [{"kind": "bigquery#datasetList", "datasets": [{"id": "x:logs", "datasetReference": dataset}]}],
        f"{bigquery}/logs": [{"kind": "bigquery#dataset", "id": "x:logs", "access": [{"role": "OWNER"}]}],
        f"{bigquery}/logs/tables/requests": [{"kind": "bigquery#table", "id": "x:logs.requests", "numRows": "3"}],
        f"{bigquery}/logs/tables/requests/data": [
            {"kind": "bigquery#tableDataList", "totalRows": "3", "rows": [{"f": [{"v": "1"}, {"v": "{}"}]}] * 2},
            {"kind": "bigquery#tableDataList", "totalRows": "3", "rows": [{"f": [{"v": "2"}, {"v": "{}"}]}]},
        ],
        f"{bigquery}/logs/tables": [{"kind": "bigquery#tableList", "tables": [{"tableReference": table}]}],
        f"/secretmanager/v1/{_P}/secrets": [_named("secrets", secret)],
        f"/secretmanager/v1/{secret}/versions": [_named("versions", f"{secret}/versions/3", state="ENABLED")],
        f"/secretmanager/v1/{secret}:getIamPolicy": [_POLICY],
        sql: [{"items": [{"kind": "sql#instance", "name": "orders"}]}],
        f"{sql}/orders/users": [{"kind": "sql#usersList", "items": [{"name": "app"}]}],
        f"{sql}/orders/backupRuns": [{"kind": "sql#backupRunsList"}],
    }


def _serving() -> dict[str, Pages]:
    service = f"{_AT}/services/web"
    return {
        f"/container/v1/{_P}/locations/-/clusters": [_named("clusters", "shop")],
        f"/container/v1/{_P}/locations/-/operations": [_named("operations", "operation-1")],
        f"/run/v1/{_P}/locations": [{"locations": [{"name": _AT, "locationId": PLACE}]}],
        f"/run/v2/{_AT}/services": [_named("services", service)],
        f"/run/v2/{service}/revisions": [_named("revisions", f"{service}/revisions/web-1")],
        f"/run/v2/{service}:getIamPolicy": [_POLICY],
        f"/run/v2/{_AT}/jobs": [_named("jobs", f"{_AT}/jobs/nightly")],
        f"/cloudfunctions/v2/{_P}/locations/-/functions": [_named("functions", f"{_AT}/functions/resize")],
    }


def _workspace() -> dict[str, Pages]:
    kind = "admin#reports#activities"
    found: dict[str, Pages] = {}
    for app in _APPS:
        items = [
            {"id": {"time": "2026-11-21T07:00:00.000Z", "uniqueQualifier": str(n), "applicationName": app}}
            for n in (1, 2)
        ]
        found[f"/admin/admin/reports/v1/activity/users/all/applications/{app}"] = [
            {"kind": kind, "items": items[:1]},
            {"kind": kind, "items": items[1:]},
        ]
    return found
