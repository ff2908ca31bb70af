"""Entra's token endpoint, small: client credentials in, tokens with an audience and an end out."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=1)
TENANT = "7f0c7a52-3b0e-4d5c-9c2f-5d1b5f6f0a01"
OTHER_TENANT = "0b9d3c44-8a0f-4f6a-8f55-6f2f3a1e9c02"
CLIENT = "c5f6a1de-21d8-4a3e-9d0b-66c1a0f7b703"


def _secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass(kw_only=True)
class Entra:
    """Who may have tokens, and which tokens are good. Keys and secrets are made anew for every sandbox."""

    clock: Callable[[], datetime]
    tenants: tuple[str, ...] = (TENANT, OTHER_TENANT)
    client: str = CLIENT
    secret: str = field(default_factory=_secret, repr=False)
    issued: list[str] = field(default_factory=list, repr=False)
    revoked: set[str] = field(default_factory=set, repr=False)
    roles: tuple[str, ...] = ()  # application permissions that tokens name; without any they say nothing of them
    refusal: tuple[int, str] | None = None  # instead of every token: a status and an AADSTS number
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def discovery(self, base: str, tenant: str) -> Mapping[str, object]:
        """Return the document that says where tokens are asked for."""
        return {
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "issuer": f"{base}/{tenant}/v2.0",
            "tenant_region_scope": "NA",
        }

    def grant(self, tenant: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        """Return status and answer of the token endpoint."""
        if self.refusal is not None:
            return self.refusal[0], _refused(self.refusal[1])
        if tenant not in self.tenants:
            return 400, _refused("90002")
        if form.get("client_id") != self.client:
            return 400, _refused("700016")
        if not hmac.compare_digest(form.get("client_secret", ""), self.secret):
            return 401, _refused("7000215")
        audience = form.get("scope", "").removesuffix("/.default")
        token = self.token(tenant=tenant, audience=audience)
        lifetime = int(LIFETIME.total_seconds())
        return 200, {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        }

    def token(self, *, tenant: str, audience: str) -> str:
        """Return a token, signed with the sandbox's key."""
        now = int(self.clock().timestamp())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "tid": tenant,
            "appid": self.client,
            "exp": int((self.clock() + LIFETIME).timestamp()),
            "jti": secrets.token_hex(8),
            **({"roles": list(self.roles)} if self.roles else {}),
        }
        head = _part({"alg": "HS256", "typ": "JWT"})
        body = _part(claims)
        token = f"{head}.{body}.{self._mark(f'{head}.{body}')}"
        self.issued.append(token)
        return token

    def revoke(self) -> None:
        """Make every token so far an expired one."""
        self.revoked.update(self.issued)

    def claims(self, header: str, audience: str) -> Mapping[str, str] | str:
        """Return the claims of a good token, or why it is refused."""
        scheme, _, token = header.partition(" ")
        signed, _, mark = token.rpartition(".")
        if scheme != "Bearer" or not hmac.compare_digest(mark, self._mark(signed)):
            return "InvalidAuthenticationToken"
        payload = signed.partition(".")[2]
        claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if token in self.revoked or float(claims["exp"]) < self.clock().timestamp():
            return "ExpiredAuthenticationToken"
        if claims["aud"] != audience:
            return "InvalidAuthenticationTokenAudience"
        return claims

    def _mark(self, text: str) -> str:
        return _plain(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _part(value: object) -> str:
    return _plain(json.dumps(value).encode())


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _refused(number: str) -> Mapping[str, object]:
    return {
        "error": "invalid_client",
        "error_description": f"AADSTS{number}: the sandbox refuses. Trace ID: 0 Correlation ID: 0",
        "error_codes": [int(number)],
    }
