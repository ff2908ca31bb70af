"""Checks who asks, by the connector's own words, and gives the tokens that it asks for."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from evidence_kit.sandbox.partners.asked import Asked

_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_KEYS = ("secret", "userSecret", "refresh", "accessKey", "secretKey", "sessionToken")


def secret_names(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of all secrets that an `auth` refers to."""
    names = [str(auth[key]) for key in _KEYS if key in auth]
    names += [str(one["secret"]) for one in auth.get("more", ())]
    names += [slot.removeprefix("secret.") for slot in _SLOT.findall(json.dumps(auth)) if slot.startswith("secret.")]
    return tuple(dict.fromkeys(names))


def make_secrets(auth: Mapping[str, Any]) -> dict[str, str]:
    """Return a text for every secret that nobody could come upon by chance, or a private key where one is needed."""
    made = {name: f"canary-{name}-7f3a9c51e2d84b06" for name in secret_names(auth)}
    if auth["type"] == "jwt_bearer":
        rsa_wanted = auth.get("algorithm", "RS256") == "RS256"
        key: Any = rsa.generate_private_key(65537, 2048) if rsa_wanted else ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made[auth["secret"]] = pem.decode()
    return made


@dataclass(slots=True)
class Gate:
    """One connector's authentication as its provider would check it."""

    auth: Mapping[str, Any]
    secrets: Mapping[str, str]
    params: Mapping[str, str]
    tokens: list[str] = field(default_factory=list)  # those that were given; the last one is good
    lives: int = 3600

    def token_path(self) -> str:
        """Return the path of the token endpoint, if there is one."""
        return urlsplit(self._text(self.auth["tokenUrl"])).path if "tokenUrl" in self.auth else ""

    def new_token(self) -> str:
        """Return a token that is good from now on, and alone."""
        self.tokens.append(f"token-{len(self.tokens)}-canary-91b0d6e4")
        return self.tokens[-1]

    def grant(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        """Answer at the token endpoint."""
        form = dict(parse_qsl(asked.body.decode()))
        good = self._is_assertion(form, asked) if self.auth["type"] == "jwt_bearer" else self._is_client(form, asked)
        if not good:
            return 401, {"error": "invalid_client", "error_description": f"not with {asked.body.decode()}"}
        return 200, {"access_token": self.new_token(), "token_type": "Bearer", "expires_in": self.lives}

    def is_open(self, asked: Asked) -> bool:
        """Say whether a request carries what it should."""
        kind = str(self.auth["type"])
        if kind in {"oauth2_client_credentials", "jwt_bearer", "session"}:
            header = str(self.auth.get("header", "Authorization")).lower()
            wanted = f"{self.auth.get('prefix', 'Bearer ')}{self.tokens[-1] if self.tokens else 'none'}"
            return asked.headers.get(header) == wanted
        check = {
            "none": lambda _: True,
            "bearer": self._is_bearer,
            "basic": self._is_basic,
            "api_key": self._is_key,
            "sigv4": self._is_sigv4,
            "hmac": self._is_hmac,
        }[kind]
        return bool(check(asked))

    # -- one kind each ---------------------------------------------------------------------------------------------

    def _is_bearer(self, asked: Asked) -> bool:
        wanted = f"{self.auth.get('prefix', 'Bearer ')}{self.secrets[self.auth['secret']]}"
        return asked.headers.get("authorization") == wanted

    def _is_basic(self, asked: Asked) -> bool:
        user = self.secrets[self.auth["userSecret"]] if "userSecret" in self.auth else self._text(self.auth["user"])
        password = self.secrets[self.auth["secret"]] if "secret" in self.auth else ""
        return _basic(asked) == f"{user}:{password}"

    def _is_key(self, asked: Asked) -> bool:
        keys = [self.auth, *self.auth.get("more", ())]
        for one in keys:
            wanted = f"{one.get('prefix', '')}{self.secrets[one['secret']]}"
            in_query = one.get("in") == "query"
            got = asked.query.get(one["name"]) if in_query else asked.headers.get(one["name"].lower())
            if got != wanted:
                return False
        return True

    def _is_client(self, form: Mapping[str, str], asked: Asked) -> bool:
        client, secret = self._text(self.auth["clientId"]), self.secrets[self.auth["secret"]]
        said = (
            _basic(asked)
            if self.auth.get("style", "basic") == "basic"
            else (f"{form.get('client_id')}:{form.get('client_secret')}")
        )
        wanted = {"grant_type": self.auth.get("grant", "client_credentials")}
        wanted |= {name: self._text(self.auth[name]) for name in ("scope", "audience") if name in self.auth}
        wanted |= {name: self._text(value) for name, value in self.auth.get("parameters", {}).items()}
        if "refresh" in self.auth:
            wanted["refresh_token"] = self.secrets[self.auth["refresh"]]
        return said == f"{client}:{secret}" and wanted.items() <= form.items()

    def _is_assertion(self, form: Mapping[str, str], asked: Asked) -> bool:
        as_grant = self.auth.get("assertion", "client") == "grant"
        token = form.get("assertion" if as_grant else "client_assertion", "")
        parts = token.split(".")
        if len(parts) != 3:
            return False
        header, claims = (json.loads(_unb64(part)) for part in parts[:2])
        audience = self._text(self.auth["audience"]) if "audience" in self.auth else f"{asked.base}{asked.path}"
        client = self._text(self.auth["clientId"])
        right = claims["aud"] == audience and claims["iss"] == client and claims["exp"] - claims["iat"] <= 3600
        return right and header["alg"] == self.auth.get("algorithm", "RS256") and self._is_signed(parts)

    def _is_signed(self, parts: list[str]) -> bool:
        private: Any = load_pem_private_key(self.secrets[self.auth["secret"]].encode(), None)
        key, signed, signature = private.public_key(), ".".join(parts[:2]).encode(), _unb64(parts[2])
        try:
            if self.auth.get("algorithm", "RS256") == "RS256":
                key.verify(signature, signed, padding.PKCS1v15(), SHA256())
            else:
                halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
                key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def _is_sigv4(self, asked: Asked) -> bool:
        """Compute the signature again from AWS's own description of it."""
        said = asked.headers.get("authorization", "")
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            said,
        )
        if found is None:
            return False
        access, day, region, service, names, signature = found.groups()
        headers = "".join(f"{name}:{asked.headers.get(name, '').strip()}\n" for name in names.split(";"))
        path, _, query = asked.raw_path.partition("?")
        ordered = "&".join(sorted(query.split("&"))) if query else ""
        digest = hashlib.sha256(asked.body).hexdigest()
        canonical = f"{asked.method}\n{path}\n{ordered}\n{headers}\n{names}\n{digest}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join(
            ("AWS4-HMAC-SHA256", asked.headers["x-amz-date"], f"{day}/{region}/{service}/aws4_request", hashed)
        )
        key = f"AWS4{self.secrets[self.auth['secretKey']]}".encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        wanted = hmac.digest(key, to_sign.encode(), "sha256").hex()
        named = (self.secrets[self.auth["accessKey"]], self._text(self.auth["region"]), self.auth["service"])
        return signature == wanted and (access, region, service) == named

    def _is_hmac(self, asked: Asked) -> bool:
        algorithm = self.auth.get("algorithm", "sha256")
        moment = asked.headers.get(str(self.auth.get("timeHeader", "")).lower(), "")
        path, _, query = asked.raw_path.partition("?")
        parts = {
            "method": asked.method,
            "host": asked.headers["host"],
            "path": path,
            "query": query,
            "body": asked.body.decode(),
            "bodyHash": hashlib.new(algorithm, asked.body).hexdigest(),
            "time": moment,
            "nl": "\n",
        }
        signed = _SLOT.sub(lambda slot: parts[slot[1]], self.auth["template"])
        raw = hmac.digest(self.secrets[self.auth["secret"]].encode(), signed.encode(), algorithm)
        signature = base64.b64encode(raw).decode() if self.auth.get("encoding") == "base64" else raw.hex()
        if "basicUser" in self.auth:
            return _basic(asked) == f"{self._text(self.auth['basicUser'])}:{signature}"
        value = self.auth.get("value", "{signature}").replace("{signature}", signature).replace("{time}", moment)
        return asked.headers.get(self.auth["header"].lower()) == self._text(value)

    def _text(self, template: str) -> str:
        return _SLOT.sub(lambda slot: self.params.get(slot[1], ""), str(template))


def _basic(asked: Asked) -> str:
    kind, _, said = asked.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return ""
    return unquote(base64.b64decode(said).decode())


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
