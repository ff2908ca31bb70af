"""How botocore asks for the objects of a bucket, so far as they can be asked for alike without it.

The first object of a bucket goes through botocore whole. Address, style of addressing, region, signing, user agent,
trust and timeouts are read off that request and its client. What is not understood to the letter is no way.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.httpchecksum import resolve_response_checksum_algorithms
from botocore.httpsession import URLLib3Session, get_cert_path

from evidence_kit.collectors.trust import Trust
from evidence_kit.model.exchange import Request
from evidence_kit.model.ports import Context

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from evidence_kit.collectors.lines import Lines

MOST = 256  # requests under way at once, for all units of a client

_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of no bytes
_ALGORITHM = "AWS4-HMAC-SHA256"
_ASKED = frozenset({"Bucket", "Key", "ChecksumMode", "VersionId"})
_TOKEN = "x-amz-security-token"  # noqa: S105 - the header's name
_MODE = "x-amz-checksum-mode"
_SIGNED = frozenset({"host", _MODE, "x-amz-content-sha256", "x-amz-date", _TOKEN})
_SENT = _SIGNED | {"authorization", "user-agent", "amz-sdk-invocation-id", "amz-sdk-request"}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]+")  # an access point, which an ARN names, is asked for in other ways
_DOTS = re.compile(r"/\.{1,2}(?:/|$)")  # libcurl would resolve these, and signs no path as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How botocore asked for an object of one bucket."""

    base: str  # everything of the address before the key
    agent: str
    region: str
    trust: Trust

    @property
    def scope(self) -> str:
        """Return what signs, as libcurl wants it."""
        return f"aws:amz:{self.region}:s3"

    def url(self, params: Mapping[str, object]) -> str:
        """Return the address of an object, empty where only botocore can ask for it."""
        version, key = str(params.get("VersionId", "")), str(params["Key"])
        if not set(params) <= _ASKED or _DOTS.search(f"/{key}"):
            return ""
        asked = f"?versionId={quote(version, safe='-_.~')}" if version else ""
        return f"{self.base}{quote(key, safe='/~')}{asked}"

    def headers(self, params: Mapping[str, object], token: str | None) -> tuple[str, ...]:
        """Return the headers to sign beside those that signing adds."""
        mode = (f"{_MODE}: {params['ChecksumMode']}",) if "ChecksumMode" in params else ()
        return (f"x-amz-content-sha256: {_EMPTY}", *mode, *((f"{_TOKEN}: {token}",) if token else ()))


def read_way(client: Any, params: Mapping[str, object], url: str, sent: Mapping[str, object]) -> Way | None:  # noqa: ANN401
    """Return how a signed request asks for its object, or None if there is more to it than can be repeated."""
    where, headers = urlsplit(url), {name.lower(): _text(value) for name, value in sent.items()}
    algorithm, _, fields = headers.get("authorization", "").partition(" ")
    said = dict(part.strip().partition("=")[::2] for part in fields.split(","))
    key_id, *scope = said.get("Credential", "").split("/")
    usual = (
        algorithm == _ALGORITHM
        and len(scope) == 4
        and scope[2:] == ["s3", "aws4_request"]
        and set(said.get("SignedHeaders", "").split(";")) <= _SIGNED
        and set(headers) <= _SENT
        and headers.get("x-amz-content-sha256") == _EMPTY
        and _BUCKET.fullmatch(str(params["Bucket"])) is not None
        and key_id == getattr(credentials_of(client), "access_key", None)
    )
    key, trust = quote(str(params["Key"]), safe="/~"), _trust(client, url) if usual else None
    if trust is None or not where.path.endswith(f"/{key}"):
        return None
    base = f"{where.scheme}://{where.netloc}{where.path.removesuffix(key)}"
    way = Way(base=base, agent=headers.get("user-agent", ""), region=scope[1], trust=trust)
    return way if way.url(params) == url else None


class Ways:
    """What a client's requests taught, and connections to ask alike over; all units of a run share both."""

    def __init__(self, client: "BaseClient", request: Callable[[str, Mapping[str, object]], Request]) -> None:
        self.client: Any = client
        self.request = request
        self._known: dict[str, Way] = {}
        self._guard = threading.Lock()
        self._idle: dict[Trust, list[Lines]] = {}
        self._users = 0

    def learn(self, params: Mapping[str, object], url: str, sent: Mapping[str, object]) -> None:
        """Look at how botocore got an object."""
        bucket = str(params["Bucket"])
        if bucket not in self._known and _lines() is not None and (way := read_way(self.client, params, url, sent)):
            self._known[bucket] = way

    def way(self, bucket: object) -> Way | None:
        """Return how to ask for the objects of a bucket, if that is known."""
        return self._known.get(str(bucket))

    def forget(self, bucket: object) -> None:
        """Ask botocore from now on, until it has shown the way anew."""
        self._known.pop(str(bucket), None)

    def most(self) -> int:
        """Return how many requests one unit may have under way, beside those that others have."""
        return max(1, MOST // max(1, self._users))

    @contextmanager
    def lines(self, trust: "Trust", ctx: Context) -> Iterator["Lines"]:
        """Lend connections to one thread; those with something still under way are not used again."""
        with self._guard:
            self._users += 1
            kept = self._idle.get(trust)
            lines = kept.pop() if kept else None
        lines = lines or _lines()(trust, ctx.now)
        try:
            yield lines
        finally:
            with self._guard:
                self._users -= 1
                if lines.busy:
                    lines.close()
                else:
                    self._idle.setdefault(trust, []).append(lines)

    @cached_property
    def checks(self) -> Mapping[str, Any]:
        """Return which checksums of an answer botocore verifies, as it tells itself."""
        asked: dict[str, Any] = {"context": {}}
        resolve_response_checksum_algorithms(asked, self.model, {"ChecksumMode": "ENABLED"})
        context: Mapping[str, Any] = asked["context"]
        return context

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - botocore's type
        """Return the operation."""
        return self.client.meta.service_model.operation_model("GetObject")


def _lines() -> Any:  # noqa: ANN401 - the class, or None
    try:
        from evidence_kit.collectors.lines import Lines
    except ImportError:  # without libcurl, botocore does all of it
        return None
    return Lines


def credentials_of(client: Any) -> Any:  # noqa: ANN401 - botocore's types
    """Return the credentials of this moment, renewed if it is time; botocore has no public way to a client's."""
    held = client._request_signer._credentials  # noqa: SLF001
    return held.get_frozen_credentials() if held is not None else None


def _trust(client: Any, url: str) -> Trust | None:  # noqa: ANN401 - likewise
    """Return what a client's connections trust; None for a proxy, a client's certificate, or no trust at all."""
    session: Any = client._endpoint.http_session  # noqa: SLF001 - likewise
    config = client.meta.config
    usual = type(session) is URLLib3Session
    if not usual or session._cert_file is not None:  # noqa: SLF001 - likewise
        return None
    if session._proxy_config.proxy_url_for(url) is not None or not session._verify:  # noqa: SLF001 - likewise
        return None
    authorities = str(get_cert_path(session._verify))  # noqa: SLF001 - likewise
    if not Path(authorities).is_file():
        return None
    return Trust(authorities=authorities, connect=config.connect_timeout, read=config.read_timeout)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
