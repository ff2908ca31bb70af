"""The time-stamp client: sends the digest of something to an RFC 3161 authority and returns its raw reply."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evidence_kit.custody import names
from evidence_kit.custody.timestamp import MAX_REPLY
from evidence_kit.errors import ProviderError, UsageError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TIMEOUT = 10.0  # seconds; authorities answer within one, and a collection must not hang on one that does not
MAX_LABEL = 150  # leaves room for `.99.reply` in a file name
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_PIECE = 8 << 10


@dataclass(frozen=True, slots=True)
class Tsa:
    """One authority by its address. Plain http is common and fine: a digest goes out, a signature comes back."""

    url: str
    timeout: float = TIMEOUT
    elapsed: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        label(self.url)  # raises if this is no address

    def ask(self, query: bytes) -> bytes:
        """Return what the authority answers to a DER TimeStampReq, at most 64 KB; ProviderError if it does not."""
        import urllib3

        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=self.timeout))
        try:
            with pool.request(
                "POST",
                self.url,
                body=query,
                headers={"Content-Type": _QUERY, "Accept": _REPLY, "Accept-Encoding": "identity"},
                redirect=False,  # the digest goes to whom the operator named, and nobody else
                preload_content=False,
            ) as response:
                body = self._read(response)
                _require_reply(response.status, response.headers.get("Content-Type", ""), len(body))
                return body
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ProviderError(f"no answer: {_reason(error)}") from error
        finally:
            pool.clear()

    def _read(self, response: "BaseHTTPResponse") -> bytes:
        """Read within the bounds; one that sends a byte now and then must not hold us up for ever."""
        until, body = self.elapsed() + self.timeout, b""
        while len(body) <= MAX_REPLY and (piece := response.read1(_PIECE)):
            body += piece
            if self.elapsed() > until:
                raise ProviderError(f"no answer: not finished after {self.timeout:g} seconds")
        return body


def _require_reply(status: int, kind: str, size: int) -> None:
    if 300 <= status < 400:
        raise ProviderError(f"answers with a redirection (HTTP {status}), which is not followed")
    if status != 200:
        raise ProviderError(f"answers HTTP {status}")
    if size > MAX_REPLY:
        raise ProviderError(f"answers with more than {MAX_REPLY:,} bytes, which no time-stamp has")
    if kind.partition(";")[0].strip().lower() != _REPLY:
        raise ProviderError(f"answers with {kind[:60]!a} in place of a time-stamp")


def _reason(error: Exception) -> str:
    """Return what went wrong in a word or two; the library's own text names objects in memory."""
    name = type(error).__name__
    return {
        "ConnectTimeoutError": "timed out",
        "ReadTimeoutError": "timed out",
        "NewConnectionError": "cannot connect",
        "NameResolutionError": "the host name cannot be resolved",
        "SSLError": "its TLS certificate is not accepted",
    }.get(name, name)


def label(url: str) -> str:
    """Return the name under which an authority's tokens are filed, made of host, port and path."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"`{url[:80]}` is not an address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise UsageError(
            "a time authority is an http or https address without query", hint="`--tsa https://HOST/PATH`"
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError("the address of a time authority may not hold credentials: it is written into the case")
    readable = "_".join(part for part in (host, str(port) if port else "", *parts.path.split("/")) if part)
    safe = names.safe_component(readable)
    if len(safe) > MAX_LABEL:
        return f"{safe[: MAX_LABEL - 18]}=-{hashlib.sha256(readable.encode()).hexdigest()[:16]}"
    return safe
