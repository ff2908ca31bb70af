"""Which TLS certificate a provider's server showed: the SHA-256 of it, for each exchange.

Connections are pooled and shared between threads, so each notes its certificate when it is made, and tells it to the
thread that uses it.
"""

import hashlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import PoolManager

_here = threading.local()


def watch(manager: "PoolManager") -> None:
    """Let every connection that `manager` makes from now on tell its server's certificate, if it is a TLS one."""
    pools = {scheme: _watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
    manager.pool_classes_by_scheme = pools


def _watched(pool: Any) -> Any:  # noqa: ANN401 - whichever classes this manager uses
    connection: Any = pool.ConnectionCls

    class Watched(connection):  # type: ignore[misc] # likewise
        """A connection that knows whom it is connected to."""

        peer = ""

        def connect(self) -> None:
            """Connect, and note the certificate."""
            super().connect()
            shown = getattr(self.sock, "getpeercert", None)
            certificate = shown(binary_form=True) if shown else None
            self.peer = hashlib.sha256(certificate).hexdigest() if certificate else ""

        def request(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - urllib3's own
            """Send, and tell this thread over which connection."""
            super().request(*arguments, **named)
            _here.peer, _here.sent = self.peer, True

    return type("WatchedPool", (pool,), {"ConnectionCls": Watched})


def forget() -> None:
    """Start an exchange: what an earlier one saw does not count."""
    _here.peer, _here.sent = "", False


def sent() -> bool:
    """Say whether this thread's exchange went over a connection at all, and was not answered in its place."""
    return bool(getattr(_here, "sent", False))


def seen() -> str:
    """Return the SHA-256 of the certificate of this thread's exchange; empty without TLS."""
    return str(getattr(_here, "peer", ""))
