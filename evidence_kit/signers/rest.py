"""JSON over HTTPS to a key service: bounded answers, bounded retries, no redirects, errors in our own words."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests
from urllib3.exceptions import HTTPError

from evidence_kit.custody import strict
from evidence_kit.errors import AccessError, EvidenceKitError, ProviderError, SignatureError, UsageError

ATTEMPTS = 4
TIMEOUT = (10, 20)  # seconds to connect, and to wait for a byte
MAX_ANSWER = 64 << 10  # a signature is 100 bytes, a key description 2 KB
_BACKOFF = (0.5, 2.0, 5.0)  # seconds; a person waits in front of the terminal
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyService:
    """One service that holds keys. `headers` authenticates each request; `pause` waits between attempts."""

    name: str
    base: str
    session: requests.Session = field(repr=False)
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    pause: Callable[[float], None]
    needs: str

    def get(self, path: str, key: str) -> Mapping[str, object]:
        """Ask for a document about `key`."""
        return self._call("GET", path, None, key)

    def post(self, path: str, body: Mapping[str, object], key: str) -> Mapping[str, object]:
        """Send `body` and return the answer about `key`."""
        return self._call("POST", path, json.dumps(body).encode(), key)

    def _call(self, method: str, path: str, body: bytes | None, key: str) -> Mapping[str, object]:
        problem: Exception | None = None
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(_BACKOFF[attempt - 1])
            try:
                status, text = self._send(method, path, body)
            except (requests.RequestException, HTTPError) as error:
                problem, said = error, f"cannot be reached: {type(error).__name__}"
                continue
            if status not in _BUSY:
                return self._read(status, text, key)
            problem, said = None, f"answers {status}"
        hint = f"tried {ATTEMPTS} times, nothing was signed; try again"
        raise ProviderError(f"{self.name} {said}", hint=hint) from problem

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **self.headers()}
        with self.session.request(
            method,
            f"{self.base}{path}",
            data=body,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
            auth=_as_is,
        ) as answer:
            return answer.status_code, answer.raw.read(MAX_ANSWER + 1)

    def _read(self, status: int, text: bytes, key: str) -> Mapping[str, object]:
        try:
            said = strict.decode(text, limit=MAX_ANSWER)
        except SignatureError as error:
            if status in {401, 403}:
                raise self._denied(key, "") from error
            raise ProviderError(f"{self.name} answered {status} with what is no JSON document") from error
        if status == 200:
            return said
        raise self._refusal(status, said, key)

    def _refusal(self, status: int, said: Mapping[str, object], key: str) -> EvidenceKitError:
        """Say what an error answer means; Google and Microsoft both put it below `error`."""
        found = said.get("error")
        detail: Mapping[str, object] = found if isinstance(found, dict) else {}
        message = str(detail.get("message", ""))[:300]
        if _is_disabled(detail):
            return AccessError(f"key `{key}` is disabled or deleted: {message}", hint="enable it, or use another key")
        if status in {401, 403}:
            return self._denied(key, message)
        if status == 404:
            return AccessError(
                f"{self.name} has no key `{key}`", hint="check the name and the version in the key URI"
            )
        if 400 <= status < 500:
            return UsageError(
                f"{self.name} cannot sign with `{key}`: {message}", hint="check kind and purpose of the key"
            )
        return ProviderError(f"{self.name} answered {status}: {message}")

    def _denied(self, key: str, message: str) -> AccessError:
        return AccessError(f"{self.name} denies the use of `{key}`: {message}".rstrip(": "), hint=self.needs)


def _is_disabled(detail: Mapping[str, object]) -> bool:
    """Say whether the key's state is the reason: a precondition to Google, an inner code to Microsoft."""
    inner = detail.get("innererror")
    code = inner.get("code") if isinstance(inner, dict) else None
    return detail.get("status") == "FAILED_PRECONDITION" or code == "KeyDisabled"


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request alone; without this a `.netrc` would replace the token."""
    return request


def text_of(said: Mapping[str, object], *names: str, service: str) -> str:
    """Return the text at `names`, one below the other; ProviderError where the answer has none."""
    value: object = said
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str):
        raise ProviderError(f"{service} answered without `{'.'.join(names)}`")
    return value
