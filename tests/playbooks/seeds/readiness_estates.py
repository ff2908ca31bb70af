"""An account, a project and a subscription whose logging is as it should be, or as it often is."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.amazon import FOLDER, every_source, hurried, service_of, serving
from support.google import APIS, PROJECT
from support.lab import LATER, Clock
from support.playing import entries, unhurried

from evidence_kit.governance.inventory import Entry
from evidence_kit.model.document import parse_document
from evidence_kit.model.source import SourceSpec
from evidence_kit.sandbox.amazon.fixture import read_estate
from evidence_kit.sandbox.google.estate import project_lists
from evidence_kit.sandbox.google.keyfile import write_key
from evidence_kit.sandbox.google.server import Estate, GoogleServer
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION, Lists
from evidence_kit.sandbox.microsoft.entra import CLIENT, TENANT, Entra
from evidence_kit.sandbox.microsoft.server import Microsoft
from evidence_kit.sandbox.microsoft.subscription import Subscription
from evidence_kit.sandbox.serving import running

ACCOUNT = "111122223333"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all"
ENDPOINT = f"projects/{PROJECT}/locations/europe-west4/endpoints/31"
AI = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/assist/providers/Microsoft.CognitiveServices/accounts/shop-assist"
AWS = (
    *("aws.cloudtrail.selectors", "aws.bedrock.logging", "aws.sagemaker.capture_state"),
    *("aws.config.recorders", "aws.logs.config", "aws.s3.posture"),
)
GCP = ("gcp.logging.config", "gcp.asset.inventory", "gcp.vertex.request_logging")
Reply = dict[str, Any]


@dataclass(frozen=True)
class Estates:
    """What runs."""

    entries: tuple[Entry, ...]
    specs: dict[str, SourceSpec]
    google: GoogleServer


@contextmanager
def running_estates(folder: Path, *, ready: bool) -> Iterator[Estates]:
    """Run all three."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca, key = folder / "ca.pem", folder / "key.json"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    entra = Entra(clock=Clock(LATER))
    microsoft = Microsoft(*_azure(ready=ready), entra=entra, tls=issued.configure_cert)
    aws = read_estate({"replies": list(_aws(ready=ready))})
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(aws, patch),
        running(GoogleServer(_google(ready=ready), context)) as google,
        running(microsoft),
    ):
        write_key(key, url=google.url, project=PROJECT)
        for name, value in {
            "REQUESTS_CA_BUNDLE": str(ca),
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": entra.secret,
        }.items():
            patch.setenv(name, value)
        said = _inventory(google.url, key, microsoft.endpoints(), ready=ready)
        specs = unhurried()
        yield Estates(entries(json.dumps(said)), {**specs, **{name: hurried(specs[name]) for name in AWS}}, google)


def _inventory(google: str, key: Path, endpoints: Any, *, ready: bool) -> dict[str, Any]:
    agreed = {"reference": "DPA-7", "evidence": {"audit_logs": "§ 4"}}
    targets = [
        {"name": "shop", "provider": "aws", "id": ACCOUNT, "regions": ["us-east-1"]},
        {
            "name": "demand",
            "provider": "gcp",
            "id": PROJECT,
            "credentials": str(key),
            "endpoints": {api: f"{google}/{api}" for api in APIS},
        },
        {
            "name": "assistants",
            "provider": "azure",
            "id": "shop-assistants",
            "tenant": TENANT,
            "subscription": SUBSCRIPTION,
            "endpoints": {name.removeprefix("endpoint."): url for name, url in endpoints.items()},
        },
        {"name": "code", "provider": "github", "id": "shop-example", "params": {"org": "shop"}, "agreement": agreed},
        {"name": "mailer", "provider": "mailer", "id": "m-1"} | ({"agreement": agreed} if ready else {}),
    ]
    return {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": targets}


# -- AWS -----------------------------------------------------------------------------------------------------------


def _aws(*, ready: bool) -> Iterator[Reply]:
    for source, replies in {
        "aws.cloudtrail.selectors": _trails(ready=ready),
        "aws.bedrock.logging": [_said("GetModelInvocationLoggingConfiguration", _prompts() if ready else {})],
        "aws.sagemaker.capture_state": _captures(ready=ready),
        "aws.config.recorders": _recorders(ready=ready),
        "aws.logs.config": _from_file("aws.logs.config"),
        "aws.s3.posture": _buckets(ready=ready),
    }.items():
        usual = service_of(every_source()[source])
        yield from ({"service": usual, **reply} for reply in replies)


def _said(operation: str, output: Reply, **when: object) -> Reply:
    return {"operation": operation, "pages": [output], **({"when": when} if when else {})}


def _from_file(source: str) -> list[Reply]:
    name = f"{source}.yaml"
    said: Any = parse_document((FOLDER / name).read_bytes(), name=name).data
    return list(said["replies"])


def _trails(*, ready: bool) -> list[Reply]:
    data = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}] if ready else []
    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": data}]
    return [
        _said("ListTrails", {"Trails": [{"Name": "all", "HomeRegion": "us-east-1", "TrailARN": TRAIL}]}),
        _said("GetTrail", {"Trail": {"Name": "all", "S3BucketName": "shop-logs", "TrailARN": TRAIL}}),
        _said("GetTrailStatus", {"IsLogging": True}),
        _said("GetEventSelectors", {"TrailARN": TRAIL, "EventSelectors": selectors}),
        {"operation": "GetInsightSelectors", "error": {"code": "InsightNotEnabledException", "message": "off"}},
    ]


def _prompts() -> Reply:
    kinds = ("text", "image", "embedding", "video", "audio")
    config = {"s3Config": {"bucketName": "shop-prompts"}, **{f"{kind}DataDeliveryEnabled": True for kind in kinds}}
    return {"loggingConfig": config}


def _captures(*, ready: bool) -> list[Reply]:
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/fraud"
    at = {"CreationTime": "2026-11-18T09:00:00Z", "LastModifiedTime": "2026-11-18T09:00:00Z"}
    modes = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    capture = {"EnableCapture": ready, "CaptureStatus": "Started", "CurrentSamplingPercentage": 100}
    place = {"DestinationS3Uri": "s3://shop-captures", "KmsKeyId": ""}
    asked = {"EnableCapture": ready, "InitialSamplingPercentage": 100, "CaptureOptions": modes, **place}
    live = {
        "EndpointName": "fraud",
        "EndpointArn": arn,
        "EndpointConfigName": "fraud-7",
        "EndpointStatus": "InService",
    }
    config = {
        "EndpointConfigName": "fraud-7",
        "EndpointConfigArn": arn.replace("endpoint/", "endpoint-config/"),
        "CreationTime": at["CreationTime"],
        "ProductionVariants": [],
        "DataCaptureConfig": asked,
    }
    return [
        _said("ListEndpoints", {"Endpoints": [{name: live[name] for name in live if "Config" not in name} | at]}),
        _said("DescribeEndpoint", {**at, **live, "DataCaptureConfig": {**capture, **place}}),
        _said("DescribeEndpointConfig", config),
    ]


def _recorders(*, ready: bool) -> list[Reply]:
    status = {"name": "default", "recording": ready, "lastStatus": "Success"}
    changed = _said("DescribeConfigurationRecorderStatus", {"ConfigurationRecordersStatus": [status]})
    return [
        changed if one["operation"] == changed["operation"] else one for one in _from_file("aws.config.recorders")
    ]


def _buckets(*, ready: bool) -> list[Reply]:
    """Return two buckets, one of them locked if `ready`."""
    lock = {
        "operation": "GetObjectLockConfiguration",
        "error": {"code": "ObjectLockConfigurationNotFoundError", "message": "no", "status": 404},
    }
    found = _from_file("aws.s3.posture")
    return found if ready else [lock if one["operation"] == lock["operation"] else one for one in found]


# -- Google and Microsoft ------------------------------------------------------------------------------------------


def _google(*, ready: bool) -> Estate:
    at = f"projects/{PROJECT}/locations/global/buckets"
    days = 400 if ready else 30
    reads = {"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}
    project = {
        "name": f"//cloudresourcemanager.googleapis.com/projects/{PROJECT}",
        "iamPolicy": {"bindings": [], **({"auditConfigs": [reads]} if ready else {})},
    }
    table = {
        "enabled": True,
        "samplingRate": 1,
        "bigqueryDestination": {"outputUri": f"bq://{PROJECT}.logs.requests"},
    }
    endpoint = {"name": ENDPOINT, **({"predictRequestResponseLoggingConfig": table} if ready else {})}
    lists = {
        **project_lists(),
        f"/logging/v2/projects/{PROJECT}/locations/-/buckets": [
            {"buckets": [{"name": f"{at}/_Default", "retentionDays": days}]}
        ],
        f"/cloudasset/v1/projects/{PROJECT}/assets": [{"readTime": "2026-11-21T12:00:00Z", "assets": [project]}],
        f"/aiplatform/v1/{ENDPOINT.rpartition('/')[0]}": [{"endpoints": [endpoint]}],
    }
    granted = {permission for name in GCP for permission in unhurried()[name].permissions}
    return Estate(project=PROJECT, lists=lists, permissions=Estate().permissions | granted)


def _azure(*, ready: bool) -> tuple[Any, ...]:
    under, settings = f"/subscriptions/{SUBSCRIPTION}/providers", "providers/Microsoft.Insights/diagnosticSettings"
    log = {"logs": [{"category": "RequestResponse", "enabled": ready}]}
    lists = {
        f"{under}/Microsoft.Insights/diagnosticSettings": [],
        f"{under}/Microsoft.KeyVault/vaults": [],
        f"{under}/Microsoft.MachineLearningServices/workspaces": [],
        f"{under}/Microsoft.CognitiveServices/accounts": [{"id": AI, "kind": "OpenAI"}],
        f"{AI}/{settings}": [{"id": f"{AI}/{settings}/to-soc", "properties": log}],
    }
    actions = tuple(unhurried()["azure.diagnostic_settings"].permissions)
    return Lists(api="arm", link="nextLink", lists=lists), Subscription(actions=actions)
