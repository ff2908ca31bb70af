"""`gcpkms:` keys: Cloud KMS signs a SHA-256 digest over REST, each way under a CRC-32C as Google asks for."""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import google.auth
import google_crc32c
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, ProviderError, UsageError
from evidence_kit.signers.checked import RemoteKey, accepted_public
from evidence_kit.signers.rest import KeyService, text_of
from evidence_kit.signers.uri import decoded, endpoint, parse_uri

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

ENDPOINT = "https://cloudkms.googleapis.com"
SERVICE = "Cloud KMS"
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_PART = r"[A-Za-z0-9_-]{1,63}"
_NAME = re.compile(
    rf"projects/[a-z0-9.:-]{{1,80}}/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART}/cryptoKeyVersions/[0-9]{{1,9}}"
)


def open_key(
    uri: str,
    _passphrase: Callable[[], str],
    *,
    credentials: "Credentials | None" = None,
    pause: Callable[[float], None] = time.sleep,
) -> RemoteKey:
    """Open `gcpkms:projects/…/cryptoKeyVersions/N[?endpoint=…]`, by default with the machine's own credentials."""
    said = parse_uri(uri, options=("endpoint",))
    name = decoded(said.body)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name[:120]}` names no version of a Cloud KMS key",
            hint="projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V",
        )
    service = KeyService(
        name=SERVICE,
        base=endpoint(said.options.get("endpoint", ENDPOINT)),
        session=AuthorizedSession(credentials or _default()),  # type: ignore[no-untyped-call]
        headers=dict,
        pause=pause,
        needs="the role Cloud KMS CryptoKey Signer/Verifier is needed on the key",
    )
    public = _public(service, name)
    return RemoteKey(public, lambda payload: _sign(service, name, public, payload))


def _default() -> "Credentials":
    try:
        credentials, _ = google.auth.default(scopes=(_SCOPE,))
    except DefaultCredentialsError as error:
        hint = "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        raise AccessError("no Google credentials found", hint=hint) from error
    return credentials


def _public(service: KeyService, name: str) -> PublicKey:
    answer = _asked(lambda: service.get(f"/v1/{name}/publicKey", name))
    pem = text_of(answer, "pem", service=SERVICE).encode()
    _require_about(answer, name)
    _require_sum(answer, "pemCrc32c", pem)
    return accepted_public(pem, where=f"`{name}`")


def _sign(service: KeyService, name: str, public: PublicKey, payload: bytes) -> bytes:
    is_digest = public.algorithm == "p256"
    sent = hashlib.sha256(payload).digest() if is_digest else payload  # Ed25519 hashes on its own
    text = base64.b64encode(sent).decode()
    kind = "digest" if is_digest else "data"
    body = {kind: {"sha256": text} if is_digest else text, f"{kind}Crc32c": str(google_crc32c.value(sent))}
    answer = _asked(lambda: service.post(f"/v1/{name}:asymmetricSign", body, name))
    if answer.get(f"verified{kind.title()}Crc32c") is not True:
        raise ProviderError(
            f"{SERVICE} did not receive the {kind} as it was sent", hint="nothing was kept; try again"
        )
    _require_about(answer, name)
    try:
        signature = base64.b64decode(text_of(answer, "signature", service=SERVICE), validate=True)
    except binascii.Error as error:
        raise ProviderError(f"{SERVICE} answered with a signature that is no base64") from error
    _require_sum(answer, "signatureCrc32c", signature)
    return signature


def _asked(call: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
    """Translate what fetching a token can raise."""
    try:
        return call()
    except TransportError as error:
        raise ProviderError(
            "Google's token service cannot be reached", hint="nothing was signed; try again"
        ) from error
    except RefreshError as error:
        raise AccessError("Google refuses the credentials", hint="log in again") from error
    except GoogleAuthError as error:
        raise AccessError(f"the Google credentials do not work: {type(error).__name__}") from error


def _require_about(answer: Mapping[str, object], name: str) -> None:
    if text_of(answer, "name", service=SERVICE) != name:
        raise ProviderError(f"{SERVICE} answered for another key than `{name}`", hint="nothing was kept")


def _require_sum(answer: Mapping[str, object], field: str, data: bytes) -> None:
    """Compare a CRC-32C; 64-bit integers are strings in Google's JSON."""
    if str(answer.get(field)) != str(google_crc32c.value(data)):
        raise ProviderError(f"`{field}` in the answer of {SERVICE} does not fit", hint="nothing was kept; try again")
