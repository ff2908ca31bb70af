"""`awskms:` keys: AWS KMS signs the SHA-256 digest; the payload itself never leaves this machine."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, EvidenceKitError, ProviderError, UsageError
from evidence_kit.signers.checked import RemoteKey, accepted_public
from evidence_kit.signers.uri import KeyUri, decoded, endpoint, parse_uri

_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]{1,30}):\d{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,256}")
_NAME = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}|(?:mrk-)?[0-9a-f-]{32,36}")
_CONFIG = Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMS.AccessDeniedException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
_GONE = frozenset({"NotFoundException", "DisabledException", "KMSInvalidStateException"})
_UNFIT = frozenset(
    {"InvalidKeyUsageException", "UnsupportedOperationException", "InvalidArnException", "ValidationException"}
)


class _Kms(Protocol):
    """The two calls of the SDK's client that are used; its class is made at run time."""

    def get_public_key(self, **said: str) -> Mapping[str, Any]: ...

    def sign(self, **said: str | bytes) -> Mapping[str, Any]: ...


def open_key(uri: str, _passphrase: Callable[[], str]) -> RemoteKey:
    """Open `awskms:ARN|alias/NAME|KEY-ID[?region=…&endpoint=…]` with the SDK's own chain of credentials."""
    said = parse_uri(uri, options=("region", "endpoint"))
    key_id = decoded(said.body)
    client = _client(said, _region(said, key_id))
    try:
        answer = client.get_public_key(KeyId=key_id)
        der, resolved = answer["PublicKey"], answer["KeyId"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise _translated(error, key_id) from error
    public = accepted_public(der, where=f"`awskms:{key_id}`")
    _require_fit(public, key_id)
    # The alias may be pointed elsewhere meanwhile; what signs is the key whose public half we hold.
    return RemoteKey(public, lambda payload: _sign(client, resolved, payload))


def _sign(client: _Kms, key_id: str, payload: bytes) -> bytes:
    digest = hashlib.sha256(payload).digest()
    try:
        answer = client.sign(KeyId=key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
        return cast("bytes", answer["Signature"])
    except (BotoCoreError, ClientError, KeyError) as error:
        raise _translated(error, key_id) from error


def _region(said: KeyUri, key_id: str) -> str | None:
    """Return the region that the URI names; None leaves it to the SDK."""
    arn = _ARN.fullmatch(key_id)
    if not arn and not _NAME.fullmatch(key_id):
        raise UsageError(f"`{key_id[:80]}` names no KMS key", hint="an ARN, `alias/NAME` or a key id")
    region = said.options.get("region")
    if arn and region not in {None, arn[1]}:
        raise UsageError(f"the key is in {arn[1]}, `region` says {region}", hint="leave `region` out")
    return arn[1] if arn else region


def _client(said: KeyUri, region: str | None) -> _Kms:
    where = endpoint(said.options["endpoint"]) if "endpoint" in said.options else None
    try:
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise UsageError("which region is the key in?", hint="add `?region=…` to the key URI")
        return cast("_Kms", session.client("kms", endpoint_url=where, config=_CONFIG))
    except (BotoCoreError, ValueError) as error:
        raise AccessError(f"no client for AWS KMS: {error}") from error


def _require_fit(public: PublicKey, key_id: str) -> None:
    """Refuse Ed25519: KMS signs at most 4,096 bytes with it, and a custody event may be longer."""
    if public.algorithm != "p256":
        raise UsageError(
            f"`awskms:{key_id}` is a key for {public.algorithm}, with which KMS signs short messages only",
            hint="make a key of spec ECC_NIST_P256 for SIGN_VERIFY",
        )


def _translated(error: Exception, key_id: str) -> EvidenceKitError:
    """Say what an answer of KMS means for whoever wants to sign."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return AccessError("no AWS credentials found", hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID")
    if not isinstance(error, ClientError):
        return ProviderError(f"AWS KMS failed: {type(error).__name__}", hint="nothing was signed; try again")
    code = error.response["Error"].get("Code", "")
    if code in _DENIED:
        hint = "kms:GetPublicKey and kms:Sign are needed, on the key and for the caller"
        return AccessError(f"AWS KMS denies the use of `{key_id}`: {code}", hint=hint)
    if code in _GONE:
        return AccessError(f"`awskms:{key_id}` is missing or disabled: {code}", hint="check region, name and state")
    if code in _UNFIT:
        hint = "make a key of spec ECC_NIST_P256 for SIGN_VERIFY"
        return UsageError(f"`awskms:{key_id}` cannot sign: {code}", hint=hint)
    return ProviderError(f"AWS KMS failed: {code}", hint="nothing was signed; try again")
