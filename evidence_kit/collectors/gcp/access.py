"""Credentials and wires of one run: who we are in each project, where its APIs are, what each may see."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from evidence_kit import __version__
from evidence_kit.collectors import peer
from evidence_kit.collectors.gcp.bearer import Bearer, open_credentials
from evidence_kit.collectors.gcp.verdicts import GcpDialect
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

T = TypeVar("T")
_AUTH = "https://www.googleapis.com/auth/"
_READ_ONLY = (f"{_AUTH}cloud-platform.read-only", f"{_AUTH}compute.readonly", f"{_AUTH}devstorage.read_only")
_WHOLE = (f"{_AUTH}cloud-platform",)
# These APIs know no scope that only reads; there, the roles of the account are what bounds it.
_NO_READ_ONLY = frozenset(
    {
        "cloudasset", "cloudbilling", "cloudfunctions", "cloudkms", "container", "iam", "orgpolicy", "run",
        "secretmanager", "securitycenter", "sqladmin",
    }
)  # fmt: skip
_OWN = {"admin": (f"{_AUTH}admin.reports.audit.readonly",)}
_POOL = 64  # connections kept: as many as units run at once


class GcpAccess:
    """Sessions and identities, shared by all Google collectors and all threads of a run."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, requests.Session] = {}
        self._bearers: dict[tuple[str, tuple[str, ...]], Bearer] = {}
        self._once: dict[tuple[str, str], object] = {}

    def wire(self, target: Target, api: str, ctx: Context, operation: str) -> WebWire:  # noqa: ARG002 - the port's
        """Return the wire to one API, after making sure that the target is the project it is called."""
        self.once(target, "project", lambda: self._require_project(target, ctx))
        return self._wire(target, api)

    def root(self, target: Target, api: str) -> str:
        """Return the address of an API; `us-central1-aiplatform` is the place of `aiplatform` in a region."""
        general = api.rpartition("-")[2]
        for name in (api, general):
            if f"endpoint.{name}" in target.access:
                return target.access[f"endpoint.{name}"]
        if not api.replace("-", "").isalnum():
            raise UsageError(f"`{api[:80]!a}` is no API of Google's")
        return f"https://{api}.googleapis.com"

    def values(self, target: Target) -> Mapping[str, str]:
        """Return what call templates may name of a target."""
        return {"project": target.id, "organization": target.access.get("organization", "")}

    def credentials(self, target: Target, api: str) -> "Credentials":
        """Return the credentials as Google's own clients take them."""
        return self._bearer(target, api).credentials

    def once(self, target: Target, what: str, find: Callable[[], T]) -> T:
        """Return what `find` found the first time; a failure is not kept."""
        with self._lock:
            key = (target.id, what)
            if key not in self._once:
                self._once[key] = find()
            return self._once[key]  # type: ignore[return-value]

    def ask(self, target: Target, api: str, ctx: Context, ask: Ask) -> Mapping[str, object]:
        """Ask while planning: the answer goes on record, but is no evidence of its own.

        That Google finds no such thing, or has the API switched off, says nothing of the evidence behind it.
        """
        try:
            answer = self._wire(target, api).call(ctx, ask)
        except Stop as stop:
            status = UnitStatus.DENIED if stop.status.is_whole else stop.status
            raise Stop(status, f"{ask.operation}: {stop.reason}") from stop
        ctx.record(replace(answer.exchange, caller=self._bearer(target, api).caller))
        return answer.parsed

    # -- who we are ------------------------------------------------------------------------------------------

    def _require_project(self, target: Target, ctx: Context) -> str:
        """Ask what the target is, once; evidence taken from another project would be mislabelled."""
        api = "cloudresourcemanager"
        url = f"{self.root(target, api)}/v3/projects/{quote(target.id, safe='')}"
        found = str(self.ask(target, api, ctx, Ask(operation="projects.get", url=url)).get("projectId"))
        if found != target.id:
            raise AccessError(
                f"the project asked for as {target.label} calls itself `{found[:80]}`",
                hint="the inventory's `id` is the project id, not its number or its name",
            )
        return found

    def _wire(self, target: Target, api: str) -> WebWire:
        bearer = self._bearer(target, api)
        quota = ("gcp", target.id, "logging read" if api == "logging" else api)
        return WebWire(
            self._session(target),
            GcpDialect(bearer.renew),
            target=target.id,
            quota=quota,
            authorize=bearer.headers,
        )

    def _bearer(self, target: Target, api: str) -> Bearer:
        scopes = _scopes(api)
        with self._lock:
            key = (target.id, scopes)
            if key not in self._bearers:
                session = self._session(target)
                # Google Workspace knows people and no projects: there, and only there, we act as an administrator.
                subject = target.access.get("subject", "") if api in _OWN else ""
                bearer = Bearer(
                    open_credentials(target, scopes, subject), session, target=target.label, subject=subject
                )
                session.hooks["response"].append(lambda response, **_: bearer.accepted(response))
                self._bearers[key] = bearer
            return self._bearers[key]

    def _session(self, target: Target) -> requests.Session:
        with self._lock:
            if target.id not in self._sessions:
                session = requests.Session()
                adapter = HTTPAdapter(pool_connections=_POOL, pool_maxsize=_POOL)
                peer.watch(adapter.poolmanager)
                session.mount("https://", adapter)
                session.headers["User-Agent"] = f"evidence-kit/{__version__}"
                session.auth = _as_is
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # nobody is remembered
                self._sessions[target.id] = session
            return self._sessions[target.id]


def _scopes(api: str) -> tuple[str, ...]:
    general = api.rpartition("-")[2]
    return _OWN.get(general) or (_WHOLE if general in _NO_READ_ONLY else _READ_ONLY)


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep our own `Authorization`; without this, a `.netrc` would replace it."""
    return request


def as_access(value: object) -> GcpAccess:
    """Narrow what the registry hands to every mechanism."""
    if not isinstance(value, GcpAccess):
        raise UsageError("a Google mechanism needs Google access")
    return value
