"""One request to a store, with a body that can be sent again: bounded answers, bounded tries, no redirects."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError

from evidence_kit.errors import ProviderError

ATTEMPTS = 4
_BACKOFF = (0.5, 2.0, 5.0)  # seconds
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_TIMEOUT = (10, 60)  # seconds to connect, and to wait for a byte
_MOST = 16 << 20  # a page of a listing; an answer about one object has some kilobytes


class Body(Protocol):
    """Bytes of a known length that can be read again."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where requests go out; `pause` waits between tries."""

    name: str
    session: requests.Session = field(repr=False)
    pause: Callable[[float], None] = time.sleep

    def send(
        self,
        method: str,
        url: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Answer:
        """Send, and again where nobody answers or the store is busy. No error shows the URL, which may sign."""
        problem: Exception | None = None
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(_BACKOFF[attempt - 1])
            if body is not None:
                body.seek(0)
            try:
                answer = self._once(method, url, params, headers, body)
            except (requests.RequestException, HTTPError) as error:
                problem, said = error, type(error).__name__
                continue
            if answer.status not in _BUSY:
                return answer
            problem, said = None, f"status {answer.status}"
        raise ProviderError(
            f"{self.name} failed at `{what}`: {said}", hint=f"tried {ATTEMPTS} times; the same command goes on"
        ) from problem

    def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: Body | None,
    ) -> Answer:
        with self.session.request(
            method,
            url,
            params=params,
            headers={"Accept-Encoding": "identity", **(headers or {})},
            data=body,
            timeout=_TIMEOUT,
            allow_redirects=False,
            stream=True,
            auth=_as_is,
        ) as found:
            text = found.raw.read(_MOST + 1)
            if len(text) > _MOST:
                raise ProviderError(f"{self.name} answered with more than {_MOST:,} bytes")
            return Answer(status=found.status_code, headers=found.headers, body=text)


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request alone; without this a `.netrc` would replace the token."""
    return request
