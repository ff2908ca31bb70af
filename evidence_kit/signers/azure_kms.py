"""`azurekms:` keys: Key Vault or Managed HSM signs a SHA-256 digest over REST; the version is pinned by the URI."""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import AzureError, ClientAuthenticationError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, ProviderError, SignatureError, UsageError
from evidence_kit.signers.checked import RemoteKey, accepted
from evidence_kit.signers.rest import KeyService, text_of
from evidence_kit.signers.uri import decoded, endpoint, parse_uri

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SERVICE = "Key Vault"
VERSION = "7.4"
# A token goes to these domains only, and each has its own audience.
_CLOUDS = (
    "vault.azure.net",
    "managedhsm.azure.net",
    "vault.azure.cn",
    "managedhsm.azure.cn",
    "vault.usgovcloudapi.net",
    "managedhsm.usgovcloudapi.net",
)
_PATH = re.compile(r"/keys/([A-Za-z0-9-]{1,127})/([0-9a-f]{32})")
_HOST = re.compile(r"[a-z0-9-]{3,24}")
_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "P-256K": ec.SECP256K1()}


def open_key(
    uri: str,
    _passphrase: Callable[[], str],
    *,
    credential: "TokenCredential | None" = None,
    base: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> RemoteKey:
    """Open `azurekms:https://VAULT.vault.azure.net/keys/NAME/VERSION`; `base` stands in for the vault's address."""
    url = decoded(parse_uri(uri).body)
    vault, path, cloud = _split(url)
    tokens = credential or _default()
    service = KeyService(
        name=SERVICE,
        base=endpoint(base or vault),
        session=requests.Session(),
        headers=lambda: {"Authorization": f"Bearer {_token(tokens, cloud)}"},
        pause=pause,
        needs="the permissions keys/get and keys/sign are needed (role Key Vault Crypto User)",
    )
    public = _public(service, path, url)
    return RemoteKey(public, lambda payload: _sign(service, path, url, payload))


def _split(url: str) -> tuple[str, str, str]:
    """Return the vault's address, the path of the key and the cloud's domain."""
    parts = urlsplit(url)
    name, _, cloud = parts.netloc.partition(".")
    is_vault = parts.scheme == "https" and _HOST.fullmatch(name) and cloud in _CLOUDS
    if not is_vault or parts.query or not _PATH.fullmatch(parts.path):
        raise UsageError(
            f"`{url[:120]}` names no version of a Key Vault key",
            hint="https://VAULT.vault.azure.net/keys/NAME/VERSION; the version is mandatory: it pins the key",
        )
    return f"https://{parts.netloc}", parts.path, cloud


def _default() -> "TokenCredential":
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _token(credential: "TokenCredential", cloud: str) -> str:
    try:
        return credential.get_token(f"https://{cloud}/.default").token
    except ClientAuthenticationError as error:
        raise AccessError(
            "no Azure credentials that work", hint="`az login`, or set AZURE_CLIENT_ID and its kin"
        ) from error
    except AzureError as error:
        raise ProviderError(
            "Microsoft's token service cannot be reached", hint="nothing was signed; try again"
        ) from error


def _public(service: KeyService, path: str, url: str) -> PublicKey:
    answer = service.get(f"{path}?api-version={VERSION}", url)
    _require_about(text_of(answer, "key", "kid", service=SERVICE), path)
    attributes = answer.get("attributes")
    if isinstance(attributes, Mapping) and attributes.get("enabled") is False:
        raise AccessError(f"key `{url}` is disabled", hint="enable it, or use another key")
    kind = text_of(answer, "key", "kty", service=SERVICE)
    if kind not in {"EC", "EC-HSM"}:
        raise UsageError(f"`{url}` is a key of type {kind[:20]}", hint="make an EC key on the curve P-256")
    curve = _CURVES.get(text_of(answer, "key", "crv", service=SERVICE))
    x, y = (_base64url(text_of(answer, "key", part, service=SERVICE)) for part in ("x", "y"))
    if curve is None:
        raise UsageError(f"`{url}` is on an unknown curve", hint="make an EC key on the curve P-256")
    try:
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve)
        return accepted(numbers.public_key(), where=f"`{url}`")
    except ValueError as error:
        raise ProviderError(f"{SERVICE} sent a point that is not on the curve") from error


def _sign(service: KeyService, path: str, url: str, payload: bytes) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(payload).digest()).decode().rstrip("=")
    answer = service.post(f"{path}/sign?api-version={VERSION}", {"alg": "ES256", "value": digest}, url)
    _require_about(text_of(answer, "kid", service=SERVICE), path)
    raw = _base64url(text_of(answer, "value", service=SERVICE))
    if len(raw) != 64:
        raise SignatureError(f"{SERVICE} returned {len(raw)} bytes where a P-256 signature has 64")
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def _require_about(kid: str, path: str) -> None:
    if urlsplit(kid).path != path:
        raise ProviderError(f"{SERVICE} answered for another key or version", hint="nothing was kept")


def _base64url(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProviderError(f"{SERVICE} answered with what is no base64url") from error
