"""Credentials and addresses of one run: who we are in each tenant, and that it is the tenant we say it is."""

import logging
import os
import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import requests
from azure.core.exceptions import AzureError, ClientAuthenticationError
from requests.adapters import HTTPAdapter

from evidence_kit import __version__
from evidence_kit.collectors import peer
from evidence_kit.collectors.azure.blob_wire import BlobSpeaker, BlobWire
from evidence_kit.collectors.azure.clouds import cloud_of
from evidence_kit.collectors.azure.hunting_wire import HuntingSpeaker, HuntingWire
from evidence_kit.collectors.azure.speaker import Speaker, claimed_caller, claims_of
from evidence_kit.collectors.azure.verdicts import token_refused
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.exchange import Exchange, Request, Retryable
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# azure-identity warns of every refusal, with the names in it; the record has what matters.
logging.getLogger("azure").addHandler(logging.NullHandler())
_CONNECTIONS = 64  # one a unit at work
# APIs whose answers or refusals are not read as the others' are.
_SPOKEN: Mapping[str, tuple[type[Speaker], type[WebWire]]] = {
    "storage": (BlobSpeaker, BlobWire),
    "hunting": (HuntingSpeaker, HuntingWire),
}
# What is part of another API: its address, its audience, the question whose tenant it is.
_WITHIN = {"hunting": "graph"}
_FIX = "name `tenant`, `subscription` or `workspace` of the target in the inventory"


class AzureAccess:
    """Credentials, sessions and addresses, shared by all Azure collectors and all threads of a run."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._lock = threading.RLock()
        self._checking: dict[tuple[str, str], threading.RLock] = defaultdict(threading.RLock)
        self._credentials: dict[str, TokenCredential] = {}
        self._sessions: dict[str, requests.Session] = {}
        self._known: set[tuple[str, str]] = set()

    # -- what a target is called, and where its APIs are ----------------------------------------------------

    def values(self, target: Target) -> Mapping[str, str]:
        """Return `tenant`, `subscription` and `workspace` of a target, those that it has.

        Its id stands for the tenant where it names nothing else, and for the subscription beside a tenant.
        """
        named = {name: target.access.get(name, "") for name in ("tenant", "subscription", "workspace")}
        is_guid = _GUID.fullmatch(target.id) is not None
        if not any(named.values()):
            named["tenant"] = target.id
        elif is_guid and not named["subscription"] and target.id not in named.values():
            named["subscription"] = target.id
        elif is_guid and target.id.lower() not in {value.lower() for value in named.values()}:
            raise AccessError(f"the target {target.label} is none of what its inventory entry names", hint=_FIX)
        named["tenant"] = named["tenant"] or self._environ.get("AZURE_TENANT_ID", "")
        return {name: value for name, value in named.items() if value}

    def root(self, target: Target, api: str) -> str:
        """Return the address of one of a cloud's APIs, without a slash at its end."""
        return target.access.get(f"endpoint.{api}") or cloud_of(target.access).find(api)[0]

    def scope(self, target: Target, api: str) -> str:
        """Return what a token for `api` is asked for with; a private address keeps its cloud's audience."""
        return f"{cloud_of(target.access).find(api)[1]}/.default"

    # -- who we are ------------------------------------------------------------------------------------------

    def credential(self, target: Target) -> "TokenCredential":
        """Return the target's credential: a client secret of the environment, or what azure-identity finds."""
        with self._lock:
            if target.id not in self._credentials:
                self._credentials[target.id] = self._open(target)
            return self._credentials[target.id]

    def renew(self, target: Target, refused: "TokenCredential") -> None:
        """Forget a credential whose token was refused, with the tokens that it keeps."""
        with self._lock:
            if self._credentials.get(target.id) is refused:
                del self._credentials[target.id]

    def session(self, target: Target) -> requests.Session:
        """Return the target's connections: no retries, no cookies, no credentials from a netrc file."""
        with self._lock:
            if target.id not in self._sessions:
                session = requests.Session()
                adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=0)
                peer.watch(adapter.poolmanager)
                session.mount("https://", adapter)
                session.headers["User-Agent"] = f"evidence-kit/{__version__}"
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                session.auth = _as_it_is
                self._sessions[target.id] = session
            return self._sessions[target.id]

    def token(self, target: Target, api: str, ctx: Context) -> tuple[str, "TokenCredential"]:
        """Return a token for `api` with the credential that gave it; a refusal is put on record."""
        credential, began = self.credential(target), ctx.now()
        try:
            # Who is a guest elsewhere would otherwise get a token of the tenant that is home to them.
            tenant = self.values(target).get("tenant")
            return credential.get_token(self.scope(target, api), tenant_id=tenant).token, credential
        except (AzureError, ValueError) as error:
            ctx.record(
                Exchange(
                    request=self._token_request(target, api),
                    sent_at=began,
                    received_at=ctx.now(),
                    error=type(error).__name__,
                )
            )
            if isinstance(error, ClientAuthenticationError):
                raise token_refused(error, target.label) from error
            raise Retryable(f"Microsoft's token service: {type(error).__name__}") from error

    def wire(self, target: Target, api: str, ctx: Context, operation: str) -> WebWire:
        """Return the wire to one API, after making sure that the credentials are the target's."""
        self._require_identity(target, _WITHIN.get(api, api), ctx)
        return self._wire(target, api, ctx, operation)

    def _wire(self, target: Target, api: str, ctx: Context, operation: str) -> WebWire:
        speakers, wires = _SPOKEN.get(api, (Speaker, WebWire))
        speaker = speakers(
            token=lambda: self.token(target, _WITHIN.get(api, api), ctx),
            renew=lambda refused: self.renew(target, refused),
        )
        return wires(
            self.session(target),
            speaker,
            target=target.id,
            quota=("azure", target.id, f"{api} {operation}"),
            authorize=speaker.authorize,
        )

    def _open(self, target: Target) -> "TokenCredential":
        from azure.identity import ClientSecretCredential, DefaultAzureCredential

        login = target.access.get("endpoint.login", "")
        # Where the inventory says who hands out tokens, Microsoft's public directory of clouds is not asked.
        options = {
            "authority": login or cloud_of(target.access).login,
            "disable_instance_discovery": bool(login),
            "retry_total": 0,  # waiting is the engine's
        }
        tenant, env = self.values(target).get("tenant", ""), self._environ
        client, secret = target.access.get("clientId") or env.get("AZURE_CLIENT_ID"), env.get("AZURE_CLIENT_SECRET")
        try:
            if client and secret:
                return ClientSecretCredential(tenant, client, secret, **options)
            return DefaultAzureCredential(
                managed_identity_client_id=client, additionally_allowed_tenants=["*"], **options
            )
        except ValueError as error:
            raise AccessError(f"no Azure credentials for {target.label}", hint=_FIX) from error

    def _token_request(self, target: Target, api: str) -> Request:
        login = urlsplit(target.access.get("endpoint.login") or cloud_of(target.access).login)
        tenant = quote(self.values(target).get("tenant", "common"), safe="")
        return Request(
            method="POST",
            host=login.netloc,
            path=f"/{tenant}/oauth2/v2.0/token",
            operation="GetToken",
            params={"scope": self.scope(target, api)},
        )

    # -- that they are the target's --------------------------------------------------------------------------

    def _require_identity(self, target: Target, api: str, ctx: Context) -> None:
        """Ask, once a target, whose credentials these are: what is taken elsewhere would be mislabelled.

        The claims of a token prove nothing to whom did not check its signature, so the provider is asked. The
        activity feed and Log Analytics need no question where the target is part of every path.
        """
        values = self.values(target)
        plane = "graph" if api == "graph" else "arm" if "subscription" in values or api == "arm" else ""
        if plane in {"", *(known for label, known in self._known if label == target.id)} or api == "manage":
            return
        with self._checking[target.id, plane]:
            if (target.id, plane) not in self._known:
                (self._ask_graph if plane == "graph" else self._ask_arm)(target, values, ctx)
                self._known.add((target.id, plane))

    def _ask_graph(self, target: Target, values: Mapping[str, str], ctx: Context) -> None:
        if "tenant" not in values:
            raise UsageError(f"the target {target.label} names no `tenant`", hint=_FIX)
        ask = Ask(
            operation="GetOrganization",
            url=f"{self.root(target, 'graph')}/v1.0/organization",
            params={"$select": "id,verifiedDomains"},
        )
        answer = self._asked(target, "graph", ask, "value", ctx)
        found = [one for one in answer["value"] if isinstance(one, Mapping)]  # type: ignore[attr-defined]
        ids = [str(one.get("id", "")).lower() for one in found]
        domains = [str(domain.get("name")).lower() for one in found for domain in one.get("verifiedDomains", [])]
        _require(values["tenant"].lower() in {*ids, *domains}, target, f"tenant {', '.join(ids) or 'unknown'}")

    def _ask_arm(self, target: Target, values: Mapping[str, str], ctx: Context) -> None:
        root = self.root(target, "arm")
        if "subscription" not in values:
            answer = self._asked(
                target,
                "arm",
                Ask(operation="ListTenants", url=f"{root}/tenants", params={"api-version": "2020-01-01"}),
                "value",
                ctx,
            )
            tenants = {str(one.get("tenantId", "")).lower() for one in answer["value"]}  # type: ignore[attr-defined]
            named = values.get("tenant", "").lower()
            # A guest sees the tenants of others too: here the token's own word is needed beside the provider's.
            issued = claims_of(self.token(target, "arm", ctx)[0]).get("tid", named).lower()
            _require(named in tenants and issued == named, target, f"tenant {issued or sorted(tenants)}")
            return
        where = f"{root}/subscriptions/{quote(values['subscription'], safe='')}"
        ask = Ask(operation="GetSubscription", url=where, params={"api-version": "2020-01-01"})
        answer = self._asked(target, "arm", ask, "subscriptionId", ctx)
        found, tenant = str(answer["subscriptionId"]).lower(), str(answer.get("tenantId", "")).lower()
        _require(found == values["subscription"].lower(), target, f"subscription {found}")
        expected = values.get("tenant", tenant).lower()
        _require(expected == tenant or not _GUID.fullmatch(expected), target, f"tenant {tenant}")

    def _asked(self, target: Target, api: str, ask: Ask, result: str, ctx: Context) -> Mapping[str, object]:
        answer = self._wire(target, api, ctx, ask.operation).call(ctx, ask, result=result)
        caller = claimed_caller(self.token(target, api, ctx)[0])
        ctx.record(replace(answer.exchange, caller=caller))
        return answer.parsed


def _require(fits: bool, target: Target, found: str) -> None:  # noqa: FBT001 - a question's answer
    if not fits:
        raise AccessError(
            f"the credentials for {target.label} belong to {found[:200]}",
            hint="check `tenant` and `subscription` in the inventory against AZURE_TENANT_ID and AZURE_CLIENT_ID",
        )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request alone; that an `auth` is set keeps requests from reading a netrc file."""
    return request


def as_access(value: object) -> AzureAccess:
    """Narrow what the registry hands to every mechanism."""
    if not isinstance(value, AzureAccess):
        raise UsageError("an Azure mechanism needs Azure access")
    return value
