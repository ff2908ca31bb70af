"""Credentials and clients of one run: who we are in each account, one client a service and region."""

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from botocore.session import Session as BotocoreSession
from botocore.session import get_session
from botocore.utils import parse_timestamp

from evidence_kit import __version__
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target, Unit

if TYPE_CHECKING:
    from botocore.client import BaseClient

# One attempt a call: retries, pacing and their record are the engine's. Timeouts end a hung connection.
_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=64,
    user_agent_extra=f"evidence-kit/{__version__}",
)
DEFAULT_REGION = "us-east-1"
_HOMES = {"aws": DEFAULT_REGION, "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII)  # of S3's listings
_PARTITION = re.compile(r"arn:(aws[a-z-]*):")
# What this module asks on its own; `governance.actions` says which actions that takes. So in every module here.
OPERATIONS = ("sts:GetCallerIdentity",)


class AwsAccess:
    """Sessions, identities and clients, shared by all AWS collectors and all threads of a run."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, boto3.Session] = {}
        self._clients: dict[tuple[str, str, str], AwsWire] = {}
        self._known: dict[str, str] = {}  # a target's id to the caller's ARN
        self._models = get_session()

    def wire(self, target: Target, service: str, region: str, ctx: Context) -> AwsWire:
        """Return the tapped client of `service`, after making sure that the credentials are the target's."""
        region = region or home_region(target)
        self._require_identity(target, ctx)
        with self._lock:
            key = (target.id, service, region)
            if key not in self._clients:
                self._clients[key] = AwsWire(
                    self._client(target, service, region),
                    target=target.id,
                    region=region,
                    paginators=self._paginators(service),
                )
            return self._clients[key]

    def wires(self, unit: Unit, ctx: Context) -> Callable[[str, str], AwsWire]:
        """Return what opens a client by service and region; without a region it is the unit's own."""

        def open_wire(service: str, region: str) -> AwsWire:
            return self.wire(unit.target, service, region or unit.region, ctx)

        return open_wire

    def caller(self, target: Target, ctx: Context) -> str:
        """Return the ARN that STS says we have at `target`."""
        self._require_identity(target, ctx)
        return self._known[target.id]

    def _require_identity(self, target: Target, ctx: Context) -> None:
        """Ask STS who we are, once a target; evidence taken from another account would be mislabelled."""
        with self._lock:
            if target.id in self._known:
                return
            client = self._client(target, "sts", home_region(target))
            wire = AwsWire(client, target=target.id, region=home_region(target), paginators={})
            answer = wire.call(ctx, "GetCallerIdentity", {})
            ctx.record(replace(answer.exchange, caller=str(answer.parsed.get("Arn", ""))))
            account = str(answer.parsed.get("Account"))
            if account != target.id:
                raise AccessError(
                    f"the credentials for {target.label} belong to account {account}",
                    hint="give the target a `role` or `profile` of its own in the inventory",
                )
            self._known[target.id] = str(answer.parsed.get("Arn", ""))

    def _client(self, target: Target, service: str, region: str) -> "BaseClient":
        session = self._session(target)
        try:
            return session.client(service, region_name=region, config=_CONFIG)  # type: ignore[call-overload, no-any-return]
        except (BotoCoreError, ValueError) as error:
            raise AccessError(f"no AWS client for {service} in {region}: {error}") from error

    def _session(self, target: Target) -> boto3.Session:
        with self._lock:
            if target.id not in self._sessions:
                self._sessions[target.id] = boto3.Session(botocore_session=_open_session(target))
            return self._sessions[target.id]

    def _paginators(self, service: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the SDK's paging rules by operation: data that AWS maintains."""
        loader = self._models.get_component("data_loader")
        try:
            found: Mapping[str, Mapping[str, Any]] = loader.load_service_model(service, "paginators-1")["pagination"]
        except BotoCoreError:
            return {}
        return found


def home_region(target: Target) -> str:
    """Return the region for calls that belong to the whole account: each partition has its own."""
    if target.regions:
        return target.regions[0]
    named = _PARTITION.match(target.access.get("role", ""))
    return _HOMES.get(target.access.get("partition") or (named[1] if named else ""), DEFAULT_REGION)


def _open_session(target: Target) -> BotocoreSession:
    """Return a session for `target`; a role is assumed lazily and renewed for as long as the run lasts."""
    try:
        session = _quick(BotocoreSession(profile=target.access.get("profile")))
        source = session.get_credentials()
    except BotoCoreError as error:
        raise AccessError(f"no AWS credentials for {target.label}: {error}") from error
    if source is None:
        raise AccessError(
            "no AWS credentials found",
            hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID, or name a `profile` in the inventory",
        )
    role = target.access.get("role")
    if not role:
        return session
    extra: dict[str, object] = {"RoleSessionName": "evidence-kit"}
    if external_id := target.access.get("externalId"):
        extra["ExternalId"] = external_id
    if policies := target.access.get("sessionPolicies"):
        # A session policy only takes away: the session may do what both the role and these policies allow.
        extra["PolicyArns"] = [{"arn": arn} for arn in policies.split()]
    fetcher = AssumeRoleCredentialFetcher(
        # STS is asked in the target's own partition, and without a default region of the operator's.
        client_creator=partial(session.create_client, region_name=home_region(target)),
        source_credentials=source,
        role_arn=role,
        extra_args=extra,
    )
    assumed = _quick(BotocoreSession())
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001 - no setter takes these
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return assumed


def _quick(session: BotocoreSession) -> BotocoreSession:
    """Have a session read the usual form of a time without trying all others: half of what a listing costs."""
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return session


def _time(value: Any) -> datetime:  # noqa: ANN401 - a text of XML or JSON, a number
    """Return a time as botocore reads it."""
    if isinstance(value, str) and _USUAL.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return parse_timestamp(value)


def caller_account(profile: str | None) -> str:
    """Return the account of the caller's own credentials; AccessError if there are none or they do not work."""
    try:
        session = boto3.Session(profile_name=profile)
        identity = session.client("sts", region_name=session.region_name or DEFAULT_REGION, config=_CONFIG)
        return str(identity.get_caller_identity()["Account"])
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AccessError("no AWS credentials found", hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID") from error
    except ClientError as error:
        raise AccessError(f"AWS refuses the credentials: {error.response['Error'].get('Code')}") from error
    except BotoCoreError as error:
        raise AccessError(f"cannot ask AWS who we are: {error}") from error


def as_access(value: object) -> AwsAccess:
    """Narrow what the registry hands to every mechanism."""
    if not isinstance(value, AwsAccess):
        raise UsageError("an AWS mechanism needs AWS access")
    return value
