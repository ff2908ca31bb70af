"""Tokens that a provider gives for credentials: asked for once, renewed in time, and kept nowhere but in memory."""

import base64
import json
import secrets as randomness
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from evidence_kit.collectors import peer
from evidence_kit.collectors.partner.auth import Auth, Means, Record, basic, text
from evidence_kit.collectors.partner.paging import count, search
from evidence_kit.collectors.partner.session import as_is
from evidence_kit.collectors.partner.slots import address, filled, path
from evidence_kit.errors import AccessError
from evidence_kit.model.exchange import Exchange, Request, Retryable, Stop
from evidence_kit.model.time import parse_period

_MAX_TOKEN = 1 << 20
_TIMEOUT = (15.0, 60.0)
_EARLY = timedelta(seconds=60)  # a token that is about to end is replaced before a long answer outlives it
_ASSERTION = timedelta(minutes=5)
_JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GIVEN, _TOO_MANY, _SERVER = frozenset({200, 201}), 429, 500
_LONGEST = 10**8  # seconds; what claims to live longer is no number
_SAID = frozenset({"grant_type", "client_id", "scope", "audience"})  # of a token request: what is no secret


Granted = tuple[str, timedelta | None]  # a token, and how long it lives, if that is known


class Tokens(Auth, ABC):
    """What the kinds of tokens share: one token at a time, under a lock."""

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._lock = threading.RLock()
        self._token = ""
        self._ends: datetime | None = None
        self._proven = ""  # the token that the API last took
        self._used = threading.local()

    def headers(self, record: Record) -> Mapping[str, str]:
        """Return the header with the token, and get one first if need be."""
        with self._lock:
            if not self._token or (self._ends is not None and self.means.now() >= self._ends):
                token, lives = self._fetch(record)
                self._token = self.means.secrets.learn(token)
                self._ends = self.means.now() + max(lives - _EARLY, lives / 2) if lives else None
            self._used.token = self._token
            token = self._token
        said = self.means.settings
        return {said.get("header", "Authorization"): f"{said.get('prefix', 'Bearer ')}{token}"}

    def accepted(self) -> None:
        """Remember that the API took this thread's token."""
        token = getattr(self._used, "token", "")
        with self._lock:
            self._proven = token if token == self._token else self._proven

    def renew(self) -> bool:
        """Drop a token that worked before; one that never did would be refused again."""
        token = getattr(self._used, "token", "")
        with self._lock:
            if token != self._token:
                return True
            if not token or token != self._proven:
                return False
            self._token = ""
            return True

    @abstractmethod
    def _fetch(self, record: Record) -> Granted:
        """Ask for a token."""

    def _asked(
        self, request: Mapping[str, Any], record: Record, *, operation: str, found: str, client: str = ""
    ) -> tuple[str, Any]:
        """Ask for a token, `found` by JMESPath in the answer, which is returned too.

        What the answer says of a refusal is its code alone, for the rest may quote us.
        """
        means, label = self.means, self.means.label
        began = Exchange(request=self._shown(request, operation), sent_at=means.now(), received_at=means.now())
        peer.forget()
        try:
            with means.session.request(
                **request, auth=as_is, stream=True, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                body = response.raw.read(_MAX_TOKEN, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:
            record(replace(began, received_at=means.now(), error=type(error).__name__))
            said = f"no token for {label}: {type(error).__name__}: {error}"
            raise Retryable(means.secrets.hide(said)[:300]) from error
        status, parsed = response.status_code, _parsed(body)
        token = _token(found, parsed) if status in _GIVEN else ""
        # Neither the body nor its digest: it holds the token. Whoever is given one has been known as this client.
        shown = replace(began, received_at=means.now(), status=status, peer=peer.seen())
        refused = f"HTTP {status}" if status not in _GIVEN else "no token"
        record(replace(shown, caller=client) if token else replace(shown, error=refused))
        if not token:
            raise self._refused(status, parsed, response.headers.get("retry-after", ""), found)
        return token, parsed

    def _refused(self, status: int, parsed: object, after: str, found: str) -> Retryable | AccessError:
        said = f"no token for {self.means.label}: HTTP {status}"
        if status == _TOO_MANY or status >= _SERVER:
            wait = float(after) if after.isdecimal() else None
            return Retryable(said, throttled=status == _TOO_MANY, after=wait)
        if status in _GIVEN and parsed is not None:
            return AccessError(f"{said}, and the answer gives no `{found}`", hint="check the connector's `auth`")
        code = parsed.get("error") if isinstance(parsed, dict) else None
        code = f": {self.means.secrets.hide(code)[:100]}" if isinstance(code, str) and code else ""
        return AccessError(f"{said}{code}", hint="check the target's `secrets`")

    def _granted(self, form: Mapping[str, str], headers: Mapping[str, str], client: str, record: Record) -> Granted:
        """Ask a token endpoint (RFC 6749, section 5.1)."""
        asked = {"method": "POST", "url": self._token_url(), "data": form, "headers": headers}
        token, parsed = self._asked(asked, record, operation="GetToken", found="access_token", client=client)
        lives = count(parsed.get("expires_in"))
        return token, None if lives is None else timedelta(seconds=min(lives, _LONGEST))

    def _shown(self, request: Mapping[str, Any], operation: str) -> Request:
        """Return a token request as it goes on record: where it went and as whom, and nothing that lets in."""
        where, hidden = urlsplit(request["url"]), self.means.secrets.hide
        said = {name: hidden(str(value)) for name, value in request.get("data", {}).items() if name in _SAID}
        return Request(
            method=request["method"], host=where.netloc, path=hidden(where.path), operation=operation, params=said
        )

    def _token_url(self) -> str:
        url = address(str(self.means.settings["tokenUrl"]), self.means.values)
        return f"{self.means.token_root}{urlsplit(url).path}" if self.means.token_root else url


class ClientCredentials(Tokens):
    """OAuth 2 client credentials (RFC 6749, section 4.4), or a refresh token (section 6)."""

    def _fetch(self, record: Record) -> Granted:
        said, means = self.means.settings, self.means
        client, secret = text(said["clientId"], means.values), means.secrets.get(said["secret"])
        form = {"grant_type": said.get("grant", "client_credentials"), **_optional(said, means)}
        form |= filled(said.get("parameters", {}), means.values)
        if "refresh" in said:
            form["refresh_token"] = means.secrets.get(said["refresh"])
        headers = {"Accept": "application/json", **said.get("headers", {})}
        if said.get("style", "basic") == "basic":
            headers["Authorization"] = basic(client, secret, means.secrets)
        else:
            form |= {"client_id": client, "client_secret": secret}
        return self._granted(form, headers, client, record)


class JwtBearer(Tokens):
    """A signed assertion for a token: RFC 7523, as client authentication or as a grant."""

    def _fetch(self, record: Record) -> Granted:
        said, means = self.means.settings, self.means
        assertion, client = means.secrets.learn(self._assertion()), text(said["clientId"], means.values)
        if said.get("assertion", "client") == "grant":
            form = {"grant_type": _GRANT, "assertion": assertion}
        else:
            form = {
                "grant_type": "client_credentials",
                "client_id": client,
                "client_assertion_type": _JWT,
                "client_assertion": assertion,
            }
        if "scope" in said:
            form["scope"] = text(said["scope"], means.values)
        return self._granted(form, {"Accept": "application/json"}, client, record)

    def _assertion(self) -> str:
        said, means = self.means.settings, self.means
        client, now = text(said["clientId"], means.values), int(means.now().timestamp())
        header = {"alg": said.get("algorithm", "RS256"), "typ": "JWT"}
        if "keyId" in said:
            header["kid"] = text(said["keyId"], means.values)
        claims = {
            "iss": client,
            "sub": text(said.get("subject", client), means.values),
            "aud": text(said["audience"], means.values) if "audience" in said else self._token_url(),
            "iat": now,
            "exp": now + int(_ASSERTION.total_seconds()),
            "jti": randomness.token_hex(16),
            **said.get("claims", {}),
        }
        signed = f"{_part(header)}.{_part(claims)}"
        key = means.secrets.get(said["secret"])
        return f"{signed}.{_b64(_signature(key, header['alg'], signed.encode(), means.label))}"


class LogIn(Tokens):
    """A session: log in once, and use the token that the answer holds."""

    def _fetch(self, record: Record) -> Granted:
        said, means = self.means.settings, self.means
        request = said["request"]
        values = _WithSecrets(means)
        asked = {
            "method": request.get("method", "POST"),
            "url": f"{means.root}{path(request['path'], means.values)}",
            "params": filled(request.get("query", {}), means.values),
            "headers": {"Accept": "application/json", **values.fill(request.get("headers", {}))},
            "json": values.fill(request["body"]) if "body" in request else None,
        }
        token, _ = self._asked(asked, record, operation="LogIn", found=said["token"])
        return token, parse_period(said["expires"]) if "expires" in said else None


class _WithSecrets:
    """Fills `{secret.NAME}` beside the slots of the target; only a log-in may do that."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def fill(self, template: object) -> Any:  # noqa: ANN401 - a body has any shape
        if isinstance(template, Mapping):
            return {key: self.fill(one) for key, one in template.items()}
        if isinstance(template, list):
            return [self.fill(one) for one in template]
        if not isinstance(template, str):
            return template
        before, slot, rest = template.partition("{secret.")
        if not slot:
            return filled(template, self._means.values)
        name, _, after = rest.partition("}")
        return f"{text(before, self._means.values)}{self._means.secrets.get(name)}{self.fill(after)}"


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - what a provider sent
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _token(found: str, parsed: object) -> str:
    """Return the token of an answer, if it can stand in a header: a library that refuses one would quote it."""
    try:
        value = search(found, parsed)
    except Stop:  # an answer of another shape
        return ""
    return value if isinstance(value, str) and value.isascii() and value.isprintable() else ""


def _optional(said: Mapping[str, Any], means: Means) -> dict[str, str]:
    return {name: text(said[name], means.values) for name in ("scope", "audience") if name in said}


def _part(value: Mapping[str, Any]) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(pem: str, algorithm: str, signed: bytes, label: str) -> bytes:
    """Sign an assertion; what a library says about a key may quote it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AccessError(f"the secret of {label} is no private key in PEM without a passphrase") from None
    if algorithm == "RS256" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), SHA256())
    if algorithm == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    raise AccessError(f"the private key of {label} does not fit {algorithm}")
