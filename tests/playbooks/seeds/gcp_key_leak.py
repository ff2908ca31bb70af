"""A leaked service account's key: what an intruder did with it, beside what the shop does with the same key."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from playbooks.seeds.gcp_estate import Call

from evidence_kit.sandbox.google.estate import PROJECT

AT = f"projects/{PROJECT}"
THIEF, SECOND, DESK = "203.0.113.66", "198.51.100.9", "192.0.2.10"
GOOGLE = "gcp-compromised-key-response@system.gserviceaccount.com"
LEAKED, MINTED = "5f1d" * 10, "a7c3" * 10
OWNER = "user:mallory@evil.example"
STOLEN = tuple(f"projects/_/buckets/shop-customers/objects/2026-{month:02d}.csv" for month in (8, 9, 10))
DAILY = "projects/_/buckets/shop-exports/objects/daily.csv"
MINER = f"{AT}/zones/europe-west4-a/instances/node-1"


def email(name: str) -> str:
    """Return a service account of the project."""
    return f"{name}@{PROJECT}.iam.gserviceaccount.com"


EXPORTER, DEPLOYER, RUNNER, AGENT = (email(name) for name in ("exporter", "deployer", "model-runner", "backup-agent"))


def key_name(account: str, key: str) -> str:
    """Return a key as the audit log names it."""
    return f"//iam.googleapis.com/{AT}/serviceAccounts/{account}/keys/{key}"


_EXPORT, _MINTED = key_name(EXPORTER, LEAKED), key_name(DEPLOYER, MINTED)


def benign() -> Iterator[Call]:
    """Yield what the shop does: the same key from the desk, other accounts, an administrator."""
    for hour in range(6):
        at = timedelta(hours=hour, minutes=5)
        yield Call(
            at=at,
            method="storage.objects.get",
            who=EXPORTER,
            key=_EXPORT,
            ip=DESK,
            resource=DAILY,
            reads=True,
            service="storage.googleapis.com",
            kind="gcs_bucket",
        )
        yield Call(
            at=at + timedelta(minutes=1),
            method="storage.objects.get",
            who=RUNNER,
            ip="private",
            resource="projects/_/buckets/shop-models/objects/demand.bin",
            reads=True,
            service="storage.googleapis.com",
            kind="gcs_bucket",
        )
    yield Call(
        at=timedelta(hours=2),
        method="SetIamPolicy",
        who="robin@example.com",
        ip=DESK,
        resource=AT,
        service="cloudresourcemanager.googleapis.com",
        more=_delta("roles/viewer", "user:kim@example.com"),
    )
    yield Call(
        at=timedelta(hours=3),
        method="google.iam.admin.v1.CreateServiceAccountKey",
        who="robin@example.com",
        ip=DESK,
        resource=f"{AT}/serviceAccounts/{email('web')}",
        more={"response": {"name": f"{AT}/serviceAccounts/{email('web')}/keys/{'b0b0' * 10}"}},
    )


def theft() -> Iterator[Call]:
    """Yield the intruder's calls: another key, a new owner, machines, and customers' files by an account acted as."""
    minute = timedelta(minutes=1)
    begun = timedelta(hours=1)
    yield Call(at=begun, method="SetIamPolicy", who=EXPORTER, key=_EXPORT, ip=THIEF, resource=AT, failed=True)
    yield Call(
        at=begun + 2 * minute,
        method="google.iam.admin.v1.CreateServiceAccountKey",
        who=EXPORTER,
        key=_EXPORT,
        ip=THIEF,
        resource=f"{AT}/serviceAccounts/{DEPLOYER}",
        more={"response": {"name": f"{AT}/serviceAccounts/{DEPLOYER}/keys/{MINTED}"}},
        labels={"email_id": DEPLOYER},
    )
    own: dict[str, Any] = {"who": DEPLOYER, "key": _MINTED, "ip": SECOND}
    yield Call(
        at=begun + 9 * minute,
        method="google.iam.admin.v1.CreateServiceAccount",
        resource=f"{AT}/serviceAccounts/{AGENT}",
        **own,
    )
    yield Call(
        at=begun + 10 * minute,
        method="SetIamPolicy",
        resource=AT,
        service="cloudresourcemanager.googleapis.com",
        more=_delta("roles/owner", OWNER),
        **own,
    )
    yield Call(
        at=begun + 11 * minute,
        method="google.iam.admin.v1.SetIAMPolicy",
        resource=f"{AT}/serviceAccounts/{RUNNER}",
        more=_delta("roles/iam.serviceAccountTokenCreator", OWNER),
        **own,
    )
    yield Call(
        at=begun + 12 * minute,
        method="v1.compute.instances.insert",
        resource=MINER,
        service="compute.googleapis.com",
        **own,
    )
    yield Call(
        at=begun + 20 * minute,
        method="google.logging.v2.ConfigServiceV2.CreateExclusion",
        resource=f"{AT}/exclusions/quiet",
        service="logging.googleapis.com",
        **own,
    )
    yield Call(
        at=begun + 14 * minute,
        method="GenerateAccessToken",
        resource="projects/-/serviceAccounts/108211",
        labels={"email_id": RUNNER},
        reads=True,
        service="iamcredentials.googleapis.com",
        **own,
    )
    for number, stolen in enumerate(STOLEN):
        yield Call(
            at=begun + (15 + number) * minute,
            method="storage.objects.get",
            who=RUNNER,
            by=(DEPLOYER,),
            ip=SECOND,
            resource=stolen,
            reads=True,
            service="storage.googleapis.com",
            kind="gcs_bucket",
        )
    yield Call(
        at=timedelta(hours=4),
        method="google.iam.admin.v1.DisableServiceAccountKey",
        who=GOOGLE,
        ip="private",
        resource=f"{AT}/serviceAccounts/{EXPORTER}/keys/{LEAKED}",
        labels={"email_id": EXPORTER},
    )


def _delta(role: str, member: str) -> dict[str, Any]:
    added = {"action": "ADD", "role": role, "member": member}
    kept = {"action": "REMOVE", "role": "roles/browser", "member": "user:kim@example.com"}
    return {"serviceData": {"policyDelta": {"bindingDeltas": [added, kept]}}}
