"""The Google Cloud part: what a leaked service-account key did to Vertex AI, beside what the project always does."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.google.estate import project_lists
from evidence_kit.sandbox.google.logs import Entry
from evidence_kit.sandbox.google.server import Estate
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.story import Event, of
from evidence_kit.sources.catalogue import load_catalogue

ACTIVITY = "gcp.logging.admin_activity"
SOURCES = (
    ACTIVITY,
    "gcp.iam.service_accounts",
    "gcp.project.iam_policy",
    "gcp.vertex.endpoints",
    "gcp.vertex.request_logging",
)
_LOG = f"projects/{cast.PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"
_REQUESTS: Mapping[str, Mapping[str, object]] = {
    "vertex_deployed": {"deployedModel": {"model": cast.VERTEX_MODEL, "displayName": "demand-7-hotfix"}},
    "split": {"endpoint": {"trafficSplit": {"5002": 100}}, "updateMask": "trafficSplit"},
}
_ROUTINE = (
    ("run.googleapis.com", "google.cloud.run.v2.Services.UpdateService", "deployer@example.com"),
    ("storage.googleapis.com", "storage.setIamPermissions", "robin@example.com"),
)
_EVERY = timedelta(minutes=70)


def estate(window: Window) -> Estate:
    """Return the project: its log, its state as it now is, and our right to read both."""
    entries = [*(_entry(event, window) for event in of(ACTIVITY)), *_usual(window)]
    known = load_catalogue()
    granted = frozenset(permission for name in SOURCES for permission in known[name].permissions)
    return Estate(
        project=cast.PROJECT,
        entries=sorted(entries, key=lambda entry: str(entry["timestamp"])),
        lists=_lists(window),
        permissions=granted | Estate().permissions,
    )


def _entry(event: Event, window: Window) -> Entry:
    at = event.at(window)
    service = "iam.googleapis.com" if event.name == "key_made" else "aiplatform.googleapis.com"
    payload = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": service,
        "methodName": event.action,
        "resourceName": event.resource,
        "authenticationInfo": {"principalEmail": event.actor, "serviceAccountKeyName": event.credential},
        "requestMetadata": {"callerIp": event.address, "callerSuppliedUserAgent": "google-cloud-sdk gcloud/541.0.0"},
        "request": _REQUESTS.get(event.name, {}),
    }
    return _written(f"hybrid-{event.name}", rfc3339(at), rfc3339(at + timedelta(seconds=2)), payload)


def _usual(window: Window) -> Iterator[Entry]:
    """Yield what people of the project change all day, from inside Google's network."""
    for number in range((window.end - window.start) // _EVERY):
        at = window.start + timedelta(minutes=3) + number * _EVERY
        service, method, who = _ROUTINE[number % len(_ROUTINE)]
        payload = {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": service,
            "methodName": method,
            "resourceName": f"projects/{cast.PROJECT}/web",
            "authenticationInfo": {"principalEmail": who},
            "requestMetadata": {"callerIp": "private"},
        }
        yield _written(f"usual-{number:04d}", rfc3339(at), rfc3339(at + timedelta(seconds=1)), payload)


def _written(name: str, at: str, received: str, payload: Mapping[str, object]) -> Entry:
    return {
        "insertId": name,
        "logName": _LOG,
        "timestamp": at,
        "receiveTimestamp": received,
        "severity": "NOTICE",
        "resource": {"type": "audited_resource", "labels": {"project_id": cast.PROJECT}},
        "protoPayload": payload,
    }


def _lists(window: Window) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the project's lists, with the endpoint as the intruder left it: one model, and no request logged."""
    changed = max(event.at(window) for event in of(ACTIVITY))
    endpoint = {
        "name": cast.ENDPOINT,
        "displayName": "demand",
        "createTime": rfc3339(window.start - timedelta(days=90)),
        "updateTime": rfc3339(changed),
        "trafficSplit": {"5002": 100},
        "deployedModels": [
            {"id": "5001", "model": f"projects/{cast.PROJECT}/locations/{cast.PLACE}/models/9"},
            {"id": "5002", "model": cast.VERTEX_MODEL, "displayName": "demand-7-hotfix"},
        ],
    }
    at = f"/aiplatform/v1/projects/{cast.PROJECT}/locations/{cast.PLACE}/endpoints"
    return {**project_lists(), at: [{"endpoints": [endpoint]}]}
