"""What was taken out of the shop's bucket of exports, beside what is read from it every day; and who noticed."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.backend import Bucket
from evidence_kit.sandbox.chapter import Answers
from evidence_kit.sandbox.estate import ClientOf
from evidence_kit.sandbox.guardduty import Detector, Finding
from evidence_kit.sandbox.incident import DATA, HOME, LEAKED_KEY, LOOT_BUCKET, SHOP, Act
from evidence_kit.sandbox.noise import SDK, object_read
from evidence_kit.sandbox.records import Deed, session, user
from evidence_kit.sandbox.wire import Call, Params, Refusal

EXPORTS, QUIET = f"customer-exports-{SHOP}", f"price-lists-{SHOP}"
LOGS = f"access-logs-{SHOP}"
DROP, DROP_OWNER = "drop-7f21", "999988887777"
KEY = "AKIAEXAMPLEREPORTBT1"
THIEF, BROWSER, LINKED = "198.51.100.77", "192.0.2.66", "192.0.2.99"
WORKER = "10.20.4.30"
STOLEN = tuple(f"orders/2026-{month:02d}.csv" for month in range(4, 10))
BYTES = 5_000_000  # of each stolen object
COPIED, OPENED, ORDINARY = "orders/2026-10.csv", "orders/2026-11.csv", "lists/today.csv"
AT = timedelta(hours=17, minutes=20)  # of the theft, from the start of the incident
FINDINGS: Mapping[str, tuple[str, str, str]] = {  # id: type, service, API
    "f-key": ("UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", "iam.amazonaws.com", "ListUsers"),
    "f-bucket": ("Exfiltration:S3/AnomalousBehavior", "s3.amazonaws.com", "GetObject"),
    "f-model": ("Impact:IAMUser/AnomalousBehavior", "bedrock.amazonaws.com", "InvokeModel"),
    "f-ransom": ("Impact:S3/AnomalousBehavior.Delete", "s3.amazonaws.com", "DeleteObject"),
    "f-probe": ("Recon:EC2/PortProbeUnprotectedPort", "", ""),
}
_THIEF = user(SHOP, "report-bot", KEY, ip=THIEF, agent="aws-cli/2.27.50")
_NIGHTLY = session(SHOP, "inventory-sync", "exports", "ASIAEXAMPLEEXPORTSNX", ip=WORKER, agent=SDK)
_OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{EXPORTS}/*"}
    ],
}


def acts() -> Iterator[Act]:
    """Yield the theft, and the ordinary reads around it."""
    minute = timedelta(minutes=1)
    for n, key in enumerate(STOLEN):
        yield AT + n * minute, SHOP, HOME, _THIEF, object_read(SHOP, EXPORTS, key, size=BYTES)
    yield AT + 8 * minute, SHOP, HOME, _THIEF, _copied()
    policy = {"bucketName": EXPORTS, "bucketPolicy": _OPEN, "policy": ""}
    yield AT + 9 * minute, SHOP, HOME, _THIEF, Deed(service="s3", name="PutBucketPolicy", reads=False, request=policy)
    block = {"x-amz-account-id": SHOP, "Host": f"{SHOP}.s3-control.{HOME}.amazonaws.com"}
    public = Deed(service="s3", name="DeleteAccountPublicAccessBlock", reads=False, request=block)
    yield AT + 10 * minute, SHOP, HOME, _THIEF, public
    for n in range(2):
        yield AT + (3 + n) * minute, SHOP, HOME, _NIGHTLY, object_read(SHOP, EXPORTS, ORDINARY, size=900)
        yield AT + (5 + n) * minute, SHOP, HOME, _NIGHTLY, object_read(SHOP, QUIET, ORDINARY, size=700)


def settle(client: ClientOf, window: Window) -> None:
    """Leave both buckets, with access logs of the one, and a policy that lets in everybody."""
    exports, quiet, logs = Bucket(SHOP, EXPORTS), Bucket(SHOP, QUIET), Bucket(SHOP, LOGS)
    for key in (*STOLEN, COPIED, OPENED):
        exports.put(key, b"order,name\n", {}, modified=window.start)
    for bucket in (exports, quiet):
        bucket.put(ORDINARY, b"sku,price\n", {}, modified=window.start)
    Bucket(DATA, LOOT_BUCKET)
    s3 = client("s3", SHOP, HOME)
    s3.put_bucket_policy(Bucket=EXPORTS, Policy=json.dumps(_OPEN))
    _log_access(s3)
    at = window.start + AT + timedelta(minutes=30)
    lines = "".join(_line(window, *said) for said in _visits())
    logs.put(f"exports/{at:%Y-%m-%d-%H-%M-%S}-8F1C22A0B1D3E4F5", lines.encode(), {}, modified=at)


def _log_access(s3: Any) -> None:
    """Switch the log on; S3's service may write to where it goes."""
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    grants = [{"Grantee": group, "Permission": permission} for permission in ("WRITE", "READ_ACP")]
    owner = s3.get_bucket_acl(Bucket=LOGS)["Owner"]
    s3.put_bucket_acl(Bucket=LOGS, AccessControlPolicy={"Grants": grants, "Owner": owner})
    to = {"TargetBucket": LOGS, "TargetPrefix": "exports/"}
    s3.put_bucket_logging(Bucket=EXPORTS, BucketLoggingStatus={"LoggingEnabled": to})


def _visits() -> Iterator[tuple[int, str, str, str, str, int]]:
    """Yield when, who, from where, what, how they proved it, and how many bytes they got."""
    bot = f"arn:aws:iam::{SHOP}:user/report-bot"
    worker = f"arn:aws:sts::{SHOP}:assumed-role/inventory-sync/exports"
    yield 0, bot, THIEF, STOLEN[0], "AuthHeader", BYTES
    yield 3, worker, WORKER, ORDINARY, "AuthHeader", 900
    yield 12, "-", BROWSER, OPENED, "-", 7_000
    yield 13, bot, LINKED, COPIED, "QueryString", 8_000


def _line(window: Window, minute: int, who: str, address: str, key: str, proof: str, size: int) -> str:
    at = window.start + AT + timedelta(minutes=minute)
    return (
        f"79a5 {EXPORTS} [{at:%d/%b/%Y:%H:%M:%S} +0000] {address} {who} 3E57{minute:02d} REST.GET.OBJECT {key}"
        f' "GET /{key} HTTP/1.1" 200 - {size} {size} 3 2 "-" "curl/8.5" - host= SigV4 TLS_AES_128_GCM_SHA256 {proof}'
        f" {EXPORTS}.s3.amazonaws.com TLSv1.3 - -\n"
    )


def _copied() -> Deed:
    return Deed(
        service="s3",
        name="CopyObject",
        reads=False,
        data=True,
        request={
            "bucketName": DROP,
            "key": COPIED,
            "x-amz-copy-source": f"{EXPORTS}/{COPIED}",
            "Host": f"{DROP}.s3.amazonaws.com",
        },
        resources=(
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{EXPORTS}/{COPIED}"},
            {"accountId": SHOP, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{EXPORTS}"},
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{DROP}/{COPIED}"},
            {"accountId": DROP_OWNER, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{DROP}"},
        ),
        extra={"additionalEventData": {"bytesTransferredOut": 0, "AuthenticationMethod": "AuthHeader"}},
    )


# -- who noticed ----------------------------------------------------------------------------------------------------

MACIE_OFF: set[str] = set()  # regions where it is


def macie(window: Window) -> Answers:
    """Return Macie, which has looked at two of the objects; one of them nobody took."""
    found = {
        "m-1": ("SensitiveData:S3Object/Personal", STOLEN[1]),
        "m-2": ("SensitiveData:S3Object/Financial", ORDINARY),
    }

    def session_of(call: Call, params: Params) -> Mapping[str, object]:
        del params
        if call.region in MACIE_OFF:
            raise Refusal("AccessDeniedException", "Macie is not enabled", 403)
        return {"status": "ENABLED"}

    def findings(call: Call, params: Params) -> Mapping[str, object]:
        del call
        return {"findings": [_finding(window, name, *found[name]) for name in _texts(params["findingIds"])]}

    return {
        ("macie2", "GetMacieSession"): session_of,
        ("macie2", "ListFindingsFilters"): lambda *_: {"findingsFilterListItems": []},
        ("macie2", "ListClassificationJobs"): lambda *_: {"items": []},
        ("macie2", "ListFindings"): lambda *_: {"findingIds": list(found)},
        ("macie2", "GetFindings"): findings,
    }


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _finding(window: Window, name: str, kind: str, key: str) -> dict[str, object]:
    at = window.start + AT
    return {
        "id": name,
        "accountId": SHOP,
        "region": HOME,
        "type": kind,
        "createdAt": at,
        "updatedAt": at,
        "resourcesAffected": {
            "s3Bucket": {"name": EXPORTS, "arn": f"arn:aws:s3:::{EXPORTS}"},
            "s3Object": {"key": key, "path": f"{EXPORTS}/{key}"},
        },
    }


def detector(window: Window) -> Detector:
    """Return GuardDuty with one finding of each kind."""
    seen = {"f-ransom": window.start + timedelta(hours=21)}
    at = window.start + AT
    return Detector(
        id="12abc34d567e8fa901bc2d34e56789f0",
        created_at=rfc3339(window.start - timedelta(days=400)),
        findings=tuple(_alert(name, rfc3339(seen.get(name, at)), *said) for name, said in FINDINGS.items()),
    )


def _alert(name: str, at: str, kind: str, service: str, api: str) -> Finding:
    resource: dict[str, object] = {"ResourceType": "AccessKey", "AccessKeyDetails": {"AccessKeyId": _key_of(name)}}
    if ":S3/" in kind:
        bucket = EXPORTS if name == "f-bucket" else f"ledger-{SHOP}"
        resource = {
            "ResourceType": "S3Bucket",
            "S3BucketDetails": [{"Name": bucket, "Arn": f"arn:aws:s3:::{bucket}"}],
        }
    if not service:
        resource = {"ResourceType": "Instance", "InstanceDetails": {"InstanceId": "i-0abc1234def567890"}}
    call = {"Api": api, "ServiceName": service, "RemoteIpDetails": {"IpAddressV4": THIEF}}
    action = {"ActionType": "AWS_API_CALL", "AwsApiCallAction": call} if service else {"ActionType": "PORT_PROBE"}
    return {
        "SchemaVersion": "2.0",
        "AccountId": SHOP,
        "Region": HOME,
        "Partition": "aws",
        "Id": name,
        "Arn": f"arn:aws:guardduty:{HOME}:{SHOP}:detector/12abc34d567e8fa901bc2d34e56789f0/finding/{name}",
        "Type": kind,
        "Severity": 8.0,
        "CreatedAt": at,
        "UpdatedAt": at,
        "Title": f"{kind} was seen",
        "Description": "Sample data.",
        "Resource": resource,
        "Service": {
            "ServiceName": "guardduty",
            "Archived": False,
            "Count": 1,
            "EventFirstSeen": at,
            "EventLastSeen": at,
            "Action": action,
        },
    }


def _key_of(name: str) -> str:
    return LEAKED_KEY if name in {"f-key", "f-model"} else KEY
