"""`pkcs11:` keys (RFC 7512): a token or HSM signs the SHA-256 digest; the PIN is asked for, never in the URI."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag
from pkcs11 import exceptions as fault

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, EvidenceKitError, ProviderError, SignatureError, UsageError
from evidence_kit.signers.checked import RemoteKey, accepted
from evidence_kit.signers.uri import decoded, pairs, parse_uri

if TYPE_CHECKING:
    from pkcs11 import Session, Token

Key = Any  # an object of the token; the library gives it its abilities when it is found

_ATTRIBUTES = frozenset({"token", "serial", "object", "id", "type"})
_P256 = bytes.fromhex("06082a8648ce3d030107")  # the object identifier of prime256v1 in DER
_POINT = b"\x04\x41\x04"  # an octet string of 65 bytes that begins with 04: an uncompressed point
_PIN_FAULTS = (fault.PinIncorrect, fault.PinInvalid, fault.PinLenRange)
_PIN_STATES = (fault.PinLocked, fault.PinExpired, fault.UserPinNotInitialized)
_DEVICE_FAULTS = (fault.DeviceRemoved, fault.TokenNotPresent, fault.DeviceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a URI says about module, token and object."""

    module: str
    token: str | None
    serial: str | None
    label: str | None
    id: bytes | None

    def template(self, kind: ObjectClass) -> dict[Attribute, Any]:
        """Return what objects to search for."""
        said = {Attribute.CLASS: kind, Attribute.LABEL: self.label, Attribute.ID: self.id}
        return {name: value for name, value in said.items() if value is not None}


def open_key(uri: str, passphrase: Callable[[], str]) -> RemoteKey:
    """Open `pkcs11:token=T;object=LABEL[;id=%01]?module-path=/…/module.so`; the passphrase is the user's PIN."""
    wanted = _read(uri)
    try:
        session = _session(_token(wanted), passphrase)
        key = _one(session, wanted, ObjectClass.PRIVATE_KEY)
        public = _public(_one(session, wanted, ObjectClass.PUBLIC_KEY))
    except fault.PKCS11Error as error:
        raise _translated(error) from error
    lock = threading.Lock()  # a session carries out one operation at a time
    return RemoteKey(public, lambda payload: _sign(key, lock, payload))


def _read(uri: str) -> _Wanted:
    path, _, query = uri.partition(":")[2].partition("?")
    if any(part.partition("=")[0] in {"pin-value", "pin-source"} for part in (*path.split(";"), *query.split("&"))):
        raise UsageError(
            "a key URI holds no PIN", hint="leave it out: it is asked for, or taken from EVIDENCE_KIT_PASSPHRASE"
        )
    said = parse_uri(uri, options=("module-path",))
    parts = pairs(said.body, ";")
    if unknown := parts.keys() - _ATTRIBUTES:
        raise UsageError(f"`pkcs11:` attribute `{min(unknown)[:40]}` is not known", hint="token, serial, object, id")
    if parts.get("type", "private") != "private" or not parts.keys() & {"object", "id"}:
        raise UsageError("the key URI names no private key", hint="add `;object=LABEL` or `;id=%01`")
    module = said.options.get("module-path", "")
    if not Path(module).is_absolute():
        raise UsageError(
            "which PKCS#11 module?", hint="add `?module-path=/usr/lib/softhsm/libsofthsm2.so`, or your HSM's"
        )
    return _Wanted(
        module=module,
        token=_text(parts, "token"),
        serial=_text(parts, "serial"),
        label=_text(parts, "object"),
        id=unquote_to_bytes(parts["id"]) if "id" in parts else None,
    )


def _text(parts: Mapping[str, str], name: str) -> str | None:
    return decoded(parts[name]) if name in parts else None


def _token(wanted: _Wanted) -> "Token":
    try:
        module = pkcs11.lib(wanted.module)
    except (RuntimeError, OSError) as error:  # what the loader says; PKCS11Error is a RuntimeError too
        raise AccessError(
            f"the PKCS#11 module `{wanted.module}` cannot be loaded", hint="check `module-path`"
        ) from error
    serial = wanted.serial.encode() if wanted.serial else None
    ready = TokenFlag.TOKEN_INITIALIZED  # SoftHSM always has an empty one to spare
    found = list(module.get_tokens(token_label=wanted.token, token_serial=serial, token_flags=ready))
    if len(found) != 1:
        said = "no token fits" if not found else f"{len(found)} tokens fit"
        raise AccessError(f"{said} the key URI", hint="`pkcs11-tool --list-slots` shows labels and serial numbers")
    return found[0]


def _session(token: "Token", passphrase: Callable[[], str]) -> "Session":
    try:
        return token.open(user_pin=passphrase())
    except fault.UserAlreadyLoggedIn:
        return token.open()  # a token is logged in to once a process; another of its keys is open already


def _one(session: "Session", wanted: _Wanted, kind: ObjectClass) -> "Key":
    what = "private" if kind is ObjectClass.PRIVATE_KEY else "public"
    found = list(session.get_objects(wanted.template(kind)))
    if not found:
        raise AccessError(
            f"the token holds no such {what} key", hint="`pkcs11-tool --login --list-objects` shows what it holds"
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} {what} keys of the token fit the key URI", hint="add the key's `;id=%01`")
    return found[0]


def _public(key: "Key") -> PublicKey:
    if key.key_type is not KeyType.EC:
        raise UsageError(f"the key on the token is of type {key.key_type.name}", hint="make one on the curve P-256")
    if key[Attribute.EC_PARAMS] != _P256:
        raise UsageError("the EC key on the token is on another curve", hint="make one on the curve P-256")
    point = bytes(key[Attribute.EC_POINT])
    try:
        # Some tokens leave out the octet string around the point.
        raw = point[2:] if point.startswith(_POINT) and len(point) == 67 else point
        return accepted(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw), where="the token")
    except ValueError as error:
        raise ProviderError("the token holds a public key that is no point of P-256") from error


def _sign(key: "Key", lock: threading.Lock, payload: bytes) -> bytes:
    digest = hashlib.sha256(payload).digest()
    try:
        with lock:
            raw = bytes(key.sign(digest, mechanism=Mechanism.ECDSA))
    except fault.PKCS11Error as error:
        raise _translated(error) from error
    if len(raw) != 64:
        raise SignatureError(f"the token returned {len(raw)} bytes where a P-256 signature has 64")
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def _translated(error: fault.PKCS11Error) -> EvidenceKitError:
    name = type(error).__name__
    if isinstance(error, _PIN_FAULTS):
        return AccessError(
            "the token refuses the PIN", hint="check EVIDENCE_KIT_PASSPHRASE; a token locks after few tries"
        )
    if isinstance(error, _PIN_STATES):
        return AccessError(f"the token's PIN cannot be used: {name}", hint="its security officer can unlock it")
    if isinstance(error, _DEVICE_FAULTS):
        return ProviderError(f"the token is gone: {name}", hint="nothing was signed; plug it in and try again")
    return ProviderError(f"the token failed: {name}", hint="nothing was signed")
