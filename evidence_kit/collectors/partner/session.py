"""The HTTP session of a partner: its CA, no cookies, no redirects, and no address that is not public."""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from evidence_kit import __version__
from evidence_kit.collectors import peer
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus

if TYPE_CHECKING:
    from urllib3 import PoolManager

_POOL = 64  # as many units as a run has at once


class PartnerSession(requests.Session):
    """A session for one target."""

    def __init__(self, *, ca: str, private: bool, hide: Callable[[str], str]) -> None:
        super().__init__()
        adapter = HTTPAdapter(pool_connections=_POOL, pool_maxsize=_POOL)
        if not private:
            guard(adapter.poolmanager)
        peer.watch(adapter.poolmanager)
        self.adapters.clear()
        self.mount("https://", adapter)  # and nothing for `http://`: there is no way out without TLS
        self.headers["User-Agent"] = f"evidence-kit/{__version__}"
        self.auth = as_is
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # nobody is remembered
        self._ca = ca
        self._hide = hide
        self.hooks["response"].append(self._veiled)

    def merge_environment_settings(
        self,
        url: Any,  # noqa: ANN401 - requests' own signature
        proxies: Any,  # noqa: ANN401
        stream: Any,  # noqa: ANN401
        verify: Any,  # noqa: ANN401
        cert: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Let the inventory's CA go before the environment's."""
        merged = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**merged, "verify": self._ca} if self._ca else merged

    def _veiled(self, response: requests.Response, **_: object) -> None:
        """Take secrets that a server echoes out of headers; a body is evidence and stays."""
        for name, value in list(response.headers.items()):
            if (shown := self._hide(value)) != value:
                response.headers[name] = shown


def open_session(access: Mapping[str, str], hide: Callable[[str], str]) -> PartnerSession:
    """Return a new session for a target, as its inventory entry says."""
    try:
        return PartnerSession(ca=access.get("ca", ""), private=access.get("allowPrivate", "") == "true", hide=hide)
    except OSError as error:
        raise UsageError(f"the CA file `{access.get('ca', '')}` cannot be used") from error


def as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing; without this, a `.netrc` would."""
    return request


def guard(manager: "PoolManager") -> None:
    """Let no connection of `manager` reach an address that is not public, whatever its name resolves to."""
    pool: Any = manager.pool_classes_by_scheme["https"]
    connection: Any = pool.ConnectionCls

    class Guarded(connection):  # type: ignore[misc] # whichever class this manager uses
        """A connection that looks where it leads before it says anything."""

        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            address = str(made.getpeername()[0]).partition("%")[0]
            if not ipaddress.ip_address(address).is_global:
                made.close()
                raise Stop(
                    UnitStatus.OUT_OF_SCOPE,
                    f"`{self.host}` leads to a private address; `allowPrivate: true` in the inventory allows it",
                )
            return made

    guarded = type("GuardedPool", (pool,), {"ConnectionCls": Guarded})
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": guarded}
