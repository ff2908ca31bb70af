"""GuardDuty's findings about the incident, some of them archived. Sample data; nothing is detected here."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from evidence_kit.model.time import Window
from evidence_kit.sandbox.guardduty import Detector, Finding

Place = tuple[str, str]
MANY = 64  # more than GetFindings takes at once
FEW = 4
ARCHIVED_EVERY = 7

_TYPES = (
    ("UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", 5.0, "iam.amazonaws.com", "ListUsers"),
    ("Persistence:IAMUser/AnomalousBehavior", 5.0, "iam.amazonaws.com", "CreateAccessKey"),
    ("Stealth:IAMUser/CloudTrailLoggingDisabled", 2.0, "cloudtrail.amazonaws.com", "StopLogging"),
    ("Exfiltration:S3/AnomalousBehavior", 8.0, "s3.amazonaws.com", "GetObject"),
    ("Recon:IAMUser/MaliciousIPCaller.Custom", 5.0, "ec2.amazonaws.com", "DescribeInstances"),
)


def detectors(*, home: Place, others: Sequence[Place], window: Window, seed: int) -> Mapping[Place, Detector]:
    """Return a detector for each place: `home` with more than one batch of findings, the others with a few."""
    draw = random.Random(seed)  # noqa: S311  sample data
    counts = {home: MANY} | dict.fromkeys(others, FEW)
    return {place: _detector(place, count, window, draw) for place, count in counts.items()}


def _detector(place: Place, count: int, window: Window, draw: random.Random) -> Detector:
    name = f"{draw.getrandbits(128):032x}"
    return Detector(
        id=name,
        created_at=_millis(window.start - timedelta(days=400)),
        findings=tuple(_finding(place, name, n, window, draw) for n in range(count)),
        filters=("known-scanner",),
    )


def _finding(place: Place, detector: str, n: int, window: Window, draw: random.Random) -> Finding:
    account, region = place
    name = f"{draw.getrandbits(128):032x}"
    kind, severity, service, api = _TYPES[n % len(_TYPES)]
    span = (window.end - window.start).total_seconds()
    first = window.start + timedelta(seconds=draw.randrange(int(span * 0.8)))
    last = first + timedelta(seconds=draw.randrange(int(span * 0.1)), milliseconds=draw.randrange(1000))
    return {
        "SchemaVersion": "2.0",
        "AccountId": account,
        "Region": region,
        "Partition": "aws",
        "Id": name,
        "Arn": f"arn:aws:guardduty:{region}:{account}:detector/{detector}/finding/{name}",
        "Type": kind,
        "Severity": severity,
        "CreatedAt": _millis(first),
        "UpdatedAt": _millis(last),
        "Title": f"{api} was called from an address on a custom threat list.",
        "Description": f"API {api} was called from 198.51.100.23, which is on a custom threat list.",
        "Resource": {
            "ResourceType": "AccessKey",
            "AccessKeyDetails": {
                "AccessKeyId": "AKIAEXAMPLECIDEPLOY1",
                "PrincipalId": "AIDAEXAMPLECIDEPLOY1",
                "UserName": "ci-deploy",
                "UserType": "IAMUser",
            },
        },
        "Service": _service(detector, service, api, first, last, archived=n % ARCHIVED_EVERY == ARCHIVED_EVERY - 1),
    }


def _service(
    detector: str, service: str, api: str, first: datetime, last: datetime, *, archived: bool
) -> Mapping[str, object]:
    return {
        "ServiceName": "guardduty",
        "DetectorId": detector,
        "Archived": archived,
        "Count": 1 + int((last - first).total_seconds()) % 9,
        "EventFirstSeen": _millis(first),
        "EventLastSeen": _millis(last),
        "ResourceRole": "TARGET",
        "Action": {
            "ActionType": "AWS_API_CALL",
            "AwsApiCallAction": {
                "Api": api,
                "ServiceName": service,
                "CallerType": "Remote IP",
                "RemoteIpDetails": {"IpAddressV4": "198.51.100.23"},
            },
        },
    }


def _millis(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
