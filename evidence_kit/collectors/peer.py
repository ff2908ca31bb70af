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
    """Let every TLS connection that `manager` makes from now on tell its server's certificate."""
    pool: Any = manager.pool_classes_by_scheme["https"]
    connection: Any = pool.ConnectionCls

    class Watched(connection):  # type: ignore[misc] # whichever class this manager uses
        """A connection that knows whom it is connected to."""

        peer = ""

        def connect(self) -> None:
            """Connect, and note the certificate."""
            super().connect()
            certificate = self.sock.getpeercert(binary_form=True)
            self.peer = hashlib.sha256(certificate).hexdigest() if certificate else ""

        def request(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - urllib3's own
            """Send, and tell this thread over which connection."""
            super().request(*arguments, **named)
            _here.peer = self.peer

    watched = type("WatchedPool", (pool,), {"ConnectionCls": Watched})
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": watched}


def forget() -> None:
    """Start an exchange: what an earlier one saw does not count."""
    _here.peer = ""


def seen() -> str:
    """Return the SHA-256 of the certificate of this thread's exchange; empty without TLS."""
    return str(getattr(_here, "peer", ""))
