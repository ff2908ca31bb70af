"""PKCS#8 under a passphrase (RFC 5958, RFC 8018 PBES2): written with scrypt, read only if guessing is expensive."""

import base64
import binascii
import os
import re

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from evidence_kit.errors import UsageError

# OpenSSL opens scrypt keys of up to 32 MB only: N = 2^14 with r = 8 takes 16 MB, and p makes up for it in time.
# OWASP's floor at this N is p = 5.
COST, BLOCK, PARALLEL = 1 << 14, 8, 10
MIN_SCRYPT = COST * BLOCK  # what `openssl pkcs8 -scrypt` writes
MIN_ROUNDS = 600_000  # OWASP's floor for PBKDF2-HMAC-SHA256 (2023)
# A file may not make us work for longer than a person waits, nor take the machine's memory.
MAX_SCRYPT = 1 << 23  # N times r; 1 GB
MAX_PARALLEL = 16
MAX_ROUNDS = 20_000_000
MAX_DER = 16 << 10  # an encrypted ML-DSA-65 key is 200 bytes as a seed, 4,200 expanded
REENCRYPT = "openssl pkcs8 -topk8 -scrypt -in OLD.pem -out NEW.pem"

_PBES2 = x509.ObjectIdentifier("1.2.840.113549.1.5.13")
_PBKDF2 = x509.ObjectIdentifier("1.2.840.113549.1.5.12")
_SCRYPT = x509.ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES256_CBC = x509.ObjectIdentifier("2.16.840.1.101.3.4.1.42")
_AES_CBC = frozenset({_AES256_CBC} | {x509.ObjectIdentifier(f"2.16.840.1.101.3.4.1.{arc}") for arc in (2, 22)})
_HMAC_SHA2 = frozenset(x509.ObjectIdentifier(f"1.2.840.113549.2.{arc}") for arc in (9, 10, 11))
_LABEL = b"ENCRYPTED PRIVATE KEY"
_BLOCK = re.compile(rb"\s*-----BEGIN ([A-Z0-9 ]{1,40})-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----\s*")


@asn1.sequence
class _Algorithm:
    oid: x509.ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class _Encrypted:
    algorithm: _Algorithm
    data: bytes


@asn1.sequence
class _Scheme:
    kdf: _Algorithm
    cipher: _Algorithm


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block: int
    parallel: int
    length: int | None


@asn1.sequence
class _Pbkdf2Parameters:
    salt: bytes
    rounds: int
    length: int | None
    prf: _Algorithm | None


def is_pem(blob: bytes) -> bool:
    """Say whether `blob` is text rather than PKCS#12."""
    return blob.lstrip()[:11] == b"-----BEGIN "


def wrap(key: bytes, passphrase: str) -> bytes:
    """Return the PKCS#8 `key` in DER as PEM, encrypted with AES-256 under scrypt."""
    salt, iv = os.urandom(16), os.urandom(16)
    secret = Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.encode())
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(key) + padder.finalize()) + encryptor.finalize()
    kdf = _ScryptParameters(salt=salt, cost=COST, block=BLOCK, parallel=PARALLEL, length=None)
    scheme = _Scheme(kdf=_algorithm(_SCRYPT, kdf), cipher=_algorithm(_AES256_CBC, iv))
    der = asn1.encode_der(_Encrypted(algorithm=_algorithm(_PBES2, scheme), data=data))
    body = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (_LABEL, lines, _LABEL)


def unwrap(pem: bytes, passphrase: str) -> object:
    """Return the private key in `pem`, after `require_strong`; ValueError if the passphrase is another."""
    return serialization.load_der_private_key(require_strong(pem), passphrase.encode())


def require_strong(pem: bytes) -> bytes:
    """Return the DER in `pem` if its encryption is worth the name; UsageError says what is wrong with it."""
    found = _BLOCK.fullmatch(pem)
    label = found[1] if found else pem.strip()[11:51].partition(b"-----")[0]
    if label != _LABEL:
        said = label.decode("ascii", "replace").lower()
        raise UsageError(f"`{said}` is no encrypted PKCS#8 key", hint=f"encrypt it: `{REENCRYPT}`")
    try:
        der = base64.b64decode(b"".join(found[2].split()) if found else b"", validate=True)
        if not 0 < len(der) <= MAX_DER:
            raise UsageError("the key file is no single encrypted PKCS#8 key", hint=f"write one with `{REENCRYPT}`")
        _require_scheme(asn1.decode_der(_Encrypted, der))
    except (ValueError, binascii.Error) as error:
        raise UsageError(f"the key file cannot be read: {str(error)[:200]}") from error
    return der


def _require_scheme(encrypted: _Encrypted) -> None:
    if encrypted.algorithm.oid != _PBES2:
        raise _weak("the key is encrypted by an outdated scheme")
    scheme = encrypted.algorithm.parameters.parse(_Scheme)
    if scheme.cipher.oid not in _AES_CBC:
        raise _weak("the key is encrypted with something else than AES-CBC")
    if scheme.kdf.oid == _SCRYPT:
        _require_scrypt(scheme.kdf.parameters.parse(_ScryptParameters))
    elif scheme.kdf.oid == _PBKDF2:
        _require_pbkdf2(scheme.kdf.parameters.parse(_Pbkdf2Parameters))
    else:
        raise _weak("the key is encrypted under neither scrypt nor PBKDF2")


def _require_scrypt(said: _ScryptParameters) -> None:
    work = said.cost * said.block
    if work < MIN_SCRYPT or said.block < 1:
        raise _weak(f"the key is encrypted under scrypt with N = {_short(said.cost)}, r = {_short(said.block)}")
    if said.cost & (said.cost - 1):
        raise UsageError("the key file cannot be read: N of scrypt is no power of two")
    if work > MAX_SCRYPT or not 1 <= said.parallel <= MAX_PARALLEL:
        raise UsageError("the key file asks for more memory or time than opening a key may take")


def _require_pbkdf2(said: _Pbkdf2Parameters) -> None:
    if said.prf is None or said.prf.oid not in _HMAC_SHA2:
        raise _weak("the key is encrypted under PBKDF2 without HMAC-SHA-2")
    if said.rounds < MIN_ROUNDS:
        raise _weak(f"the key is encrypted with {_short(said.rounds)} rounds of PBKDF2, fewer than {MIN_ROUNDS:,}")
    if said.rounds > MAX_ROUNDS:
        raise UsageError("the key file asks for more memory or time than opening a key may take")


def _weak(message: str) -> UsageError:
    return UsageError(message, hint=f"encrypt it again: `{REENCRYPT}`, or with `-iter {MIN_ROUNDS}` for `-scrypt`")


def _short(number: int) -> str:
    return f"{number:,}" if 0 <= number < 1 << 64 else "an absurd number"


def _algorithm(oid: x509.ObjectIdentifier, parameters: object) -> _Algorithm:
    return _Algorithm(oid=oid, parameters=asn1.decode_der(asn1.TLV, asn1.encode_der(parameters)))
