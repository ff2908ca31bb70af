"""CloudTrail records of made-up calls, in the real shape. Addresses, keys and names are documentation samples."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from evidence_kit.model.time import rfc3339

Record = Mapping[str, object]
_NOTHING: Mapping[str, object] = MappingProxyType({})
_SESSION_AGE = timedelta(minutes=37)
SERVICE_HOSTS = {"iam": "iam.amazonaws.com"}  # without a region in the name


@dataclass(frozen=True, slots=True)
class Actor:
    """Who calls, from where, with what program."""

    identity: Mapping[str, object]
    ip: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One API call as CloudTrail tells it, without when and who. `service` is the prefix of the event source.

    `endpoint` is the first part of the host's name, where that differs from the service's.
    """

    service: str
    name: str
    reads: bool = True
    request: Mapping[str, object] | None = None
    response: Mapping[str, object] | None = None
    resources: tuple[Mapping[str, str], ...] = ()
    data: bool = False
    endpoint: str = ""
    extra: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


def user(account: str, name: str, key: str, *, ip: str, agent: str) -> Actor:
    """Return an IAM user with a long-lived key."""
    return Actor(
        {
            "type": "IAMUser",
            "principalId": f"AIDA{_letters(account + name)}",
            "arn": f"arn:aws:iam::{account}:user/{name}",
            "accountId": account,
            "accessKeyId": key,
            "userName": name,
        },
        ip,
        agent,
    )


def session(account: str, role: str, name: str, key: str, *, ip: str, agent: str) -> Actor:
    """Return a session of an assumed role."""
    principal = f"AROA{_letters(account + role)}"
    return Actor(
        {
            "type": "AssumedRole",
            "principalId": f"{principal}:{name}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            "accountId": account,
            "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": principal,
                    "arn": f"arn:aws:iam::{account}:role/{role}",
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"mfaAuthenticated": "false"},
            },
        },
        ip,
        agent,
    )


def service(name: str) -> Actor:
    """Return an AWS service that acts by itself."""
    host = f"{name}.amazonaws.com"
    return Actor({"type": "AWSService", "invokedBy": host}, host, host)


class Scribe:
    """Writes records; the same seed writes the same ids."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  sample data, no secrets

    def uuid(self) -> str:
        """Return the next id."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def write(self, at: datetime, account: str, region: str, actor: Actor, deed: Deed) -> Record:
        """Return the record of `deed`; `at` is cut to the second, as CloudTrail does."""
        host = SERVICE_HOSTS.get(deed.service, f"{deed.endpoint or deed.service}.{region}.amazonaws.com")
        record: dict[str, object] = {
            "eventVersion": "1.10",
            "userIdentity": _aged(actor.identity, at),
            "eventTime": rfc3339(at.replace(microsecond=0)),
            "eventSource": f"{deed.service}.amazonaws.com",
            "eventName": deed.name,
            "awsRegion": region,
            "sourceIPAddress": actor.ip,
            "userAgent": actor.agent,
            "requestParameters": deed.request,
            "responseElements": deed.response,
            "requestID": self.uuid(),
            "eventID": self.uuid(),
            "readOnly": deed.reads,
            "eventType": "AwsApiCall",
            "managementEvent": not deed.data,
            "recipientAccountId": account,
            "eventCategory": "Data" if deed.data else "Management",
            **deed.extra,
        }
        if deed.resources:
            record["resources"] = list(deed.resources)
        if "invokedBy" not in actor.identity:
            record["tlsDetails"] = {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": host,
            }
        return record


def _aged(identity: Mapping[str, object], at: datetime) -> Mapping[str, object]:
    context = identity.get("sessionContext")
    if not isinstance(context, Mapping):
        return identity
    created = rfc3339(at.replace(microsecond=0) - _SESSION_AGE)
    attributes = {**context["attributes"], "creationDate": created}
    return {**identity, "sessionContext": {**context, "attributes": attributes}}


def _letters(text: str) -> str:
    """Return 16 letters that belong to `text`, as AWS's principal ids do to their owners."""
    draw = random.Random(text)  # noqa: S311  an id, not a secret
    return "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
