"""RFC 3161 time-stamps: what is asked, what is answered, and whether a trusted authority said so."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, cast

from cryptography import x509

from evidence_kit.errors import EvidenceKitError, SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_REPLY = 64 << 10  # a token with its chain takes one to eight kilobytes
SHA256, SHA512 = "sha256", "sha512"
_OIDS: Mapping[str, str] = {
    "2.16.840.1.101.3.4.2.1": SHA256,
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": SHA512,
}
# DER of the AlgorithmIdentifiers, absent parameters spelled as NULL, which every authority reads.
_IDENTIFIERS: Mapping[str, bytes] = {
    SHA256: bytes.fromhex("300d06096086480165030402010500"),
    SHA512: bytes.fromhex("300d06096086480165030402030500"),
}
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_CERT_REQ = b"\x01\x01\xff"
_GRANTED = 0
_BY_HAND = "check it with `openssl ts -verify`"
_UNKNOWN_CHAIN = ("certificate verify error", "signer certificate not found")
_BROKEN_CHAIN = "signature failure"  # a certificate that its issuer did not sign as it stands


# What is stamped: bytes, or for large files what returns their digest under an algorithm's name.
Data = bytes | Callable[[str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAuthority:
    """A time-stamping authority that the caller trusts: its certificates, its policies, and when it counts."""

    name: str
    certificates: tuple[x509.Certificate, ...]
    policies: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a verified token says: that the stamped bytes existed at `gen_time`, give or take `accuracy`."""

    authority: str
    gen_time: datetime
    serial: int
    policy: str
    accuracy: timedelta = timedelta()

    @property
    def latest(self) -> datetime:
        """Return the time by which the bytes existed even if the authority's clock was as wrong as it may be."""
        return self.gen_time + self.accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a granted reply claims; nothing of it is verified but that it can be read."""

    response: "TimeStampResponse"
    algorithm: str
    imprint: bytes
    gen_time: datetime
    serial: int
    policy: str
    accuracy: timedelta
    nonce: int | None


class Refused(SignatureError):  # noqa: N818 - the authority's answer, not a mistake of ours
    """The authority read the request and would not stamp it."""


class _Verifier(Protocol):
    def verify(self, timestamp_response: "TimeStampResponse", hashed_message: bytes) -> bool:
        """Return True, or raise; it never returns False."""
        ...


def request(data: Data, *, nonce: int, algorithm: str = SHA256) -> bytes:
    """Return the DER TimeStampReq for `data`: only its digest and a positive `nonce` leave this machine."""
    digest = _der(_OCTETS, _digest(data, algorithm))
    imprint = _der(_SEQUENCE, _IDENTIFIERS[algorithm] + digest)
    number = nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")
    return _der(_SEQUENCE, _der(_INTEGER, b"\x01") + imprint + _der(_INTEGER, number) + _CERT_REQ)


def _digest(data: Data, algorithm: str) -> bytes:
    return hashlib.new(algorithm, data).digest() if isinstance(data, bytes) else data(algorithm)


def _der(tag: int, content: bytes) -> bytes:
    """Return one DER element; none of ours reaches the 128 bytes at which lengths get longer."""
    return bytes([tag, len(content)]) + content


def read_reply(raw: bytes) -> Reply:
    """Read a granted TimeStampResp strictly; SignatureError says what else it is, Refused what the authority said."""
    from rfc3161_client import decode_timestamp_response

    if len(raw) > MAX_REPLY:
        raise SignatureError(f"a reply of more than {MAX_REPLY:,} bytes is no time-stamp")
    if raw[:1] != b"\x30":
        page = b"<html" in raw[:1024].lower() or b"<!doctype" in raw[:1024].lower()
        raise SignatureError(f"the reply is {'an HTML page' if page else 'not DER'}, not a time-stamp")
    try:
        return _read(decode_timestamp_response(raw))
    except SignatureError:
        raise
    except Exception as error:  # whatever a parser of foreign bytes raises means the same here
        raise _unreadable(error) from error


def _read(response: "TimeStampResponse") -> Reply:
    if response.status != _GRANTED:
        why = ", ".join(response.status_string)[:200]
        raise Refused(f"the authority refused with status {response.status}{f': {why!a}' if why else ''}")
    said = response.tst_info
    algorithm = _OIDS.get(said.message_imprint.hash_algorithm.dotted_string)
    if algorithm is None:
        raise SignatureError("the time-stamp uses a hash algorithm other than SHA-256, SHA-384 and SHA-512")
    return Reply(
        response=response,
        algorithm=algorithm,
        imprint=bytes(said.message_imprint.message),
        gen_time=said.gen_time.astimezone(UTC),
        serial=said.serial_number,
        policy=said.policy.dotted_string,
        accuracy=_accuracy(response),
        nonce=cast("int | None", said.nonce),
    )


def _accuracy(response: "TimeStampResponse") -> timedelta:
    said = response.tst_info.accuracy
    if said is None:
        return timedelta()
    return timedelta(seconds=said.seconds or 0, milliseconds=said.millis or 0, microseconds=said.micros or 0)


def _unreadable(error: Exception) -> SignatureError:
    if "InvalidSetOrdering" in str(error):
        return SignatureError(f"the reply is not strict DER, its certificates are unsorted; {_BY_HAND}")
    return SignatureError(f"the reply is not a time-stamp in strict DER ({str(error)[:120]!a}); {_BY_HAND}")


def require_answers(reply: Reply, data: Data, *, nonce: int | None = None) -> None:
    """Raise SignatureError unless `reply` is about `data` and, where it is known, carries the request's nonce."""
    if reply.imprint != _digest(data, reply.algorithm):
        raise SignatureError("the time-stamp is about other data")
    if nonce is not None and reply.nonce != nonce:
        raise SignatureError("the time-stamp answers another request: its nonce is not the one that was sent")


def verify(raw: bytes, data: Data, authorities: Sequence[TimeAuthority], *, nonce: int | None = None) -> Stamp:
    """Return what `raw` proves about `data`, judged at the token's own time; no clock and no network is asked.

    SignatureError: not a time-stamp, or about something else, or altered. UntrustedError: intact for all that can be
    said, but none of `authorities` vouches for it.
    """
    reply = read_reply(raw)
    require_answers(reply, data, nonce=nonce)
    refusals: list[EvidenceKitError] = []
    for authority in authorities:
        try:
            _require_signed(reply, authority)
            _require_allowed(reply, authority)
        except (SignatureError, UntrustedError) as error:
            refusals.append(error)
            continue
        return Stamp(
            authority=authority.name,
            gen_time=reply.gen_time,
            serial=reply.serial,
            policy=reply.policy,
            accuracy=reply.accuracy,
        )
    raise _foremost(refusals)


def _foremost(refusals: Iterable[EvidenceKitError]) -> EvidenceKitError:
    """Return the refusal that says most: altered, else signed but not allowed, else by nobody we know."""
    least = UntrustedError("no time authority that you trust vouches for it")
    ranked = sorted(
        refusals, key=lambda error: (not isinstance(error, SignatureError), error.message == least.message)
    )
    return ranked[0] if ranked else least


def _require_signed(reply: Reply, authority: TimeAuthority) -> None:
    """Raise unless a time-stamping certificate below one of the authority's roots signed it, valid at that time."""
    try:
        embedded = [x509.load_der_x509_certificate(cert) for cert in reply.response.signed_data.certificates]
        _require_distinct(embedded)
        _try_each(_verifiers(authority, leafless=not embedded), reply)
    except SignatureError:
        raise
    except Exception as error:  # two libraries with a dozen kinds of errors between them
        said = str(error)
        if any(sign in said for sign in _UNKNOWN_CHAIN) and _BROKEN_CHAIN not in said:
            raise _chain(authority, said) from error
        raise SignatureError(f"the time-stamp's signature does not verify ({said[:120]!a})") from error


def _chain(authority: TimeAuthority, said: str) -> UntrustedError:
    for trouble in ("certificate has expired", "certificate is not yet valid"):
        if trouble in said:
            return UntrustedError(f"{authority.name}: {trouble} at the time that the time-stamp states")
    return UntrustedError("no time authority that you trust vouches for it")


def _require_distinct(embedded: Sequence[x509.Certificate]) -> None:
    """Refuse two certificates under one name: which of them signed, two readers could answer differently."""
    called = {(cert.issuer, cert.serial_number) for cert in embedded}
    if len(called) != len(embedded):
        raise SignatureError("the time-stamp carries two certificates of one issuer and serial number")


def _verifiers(authority: TimeAuthority, *, leafless: bool) -> Iterable[_Verifier]:
    """Yield ways to check a token: by the certificate that it carries, else by each that the policy has."""
    from rfc3161_client import VerifierBuilder

    roots = [cert for cert in authority.certificates if _is_authority(cert)] or list(authority.certificates)
    if not leafless:
        yield VerifierBuilder(roots=roots).build()
        return
    for cert in authority.certificates:
        if not _is_authority(cert):
            yield VerifierBuilder(roots=roots, tsa_certificate=cert).build()


def _is_authority(cert: x509.Certificate) -> bool:
    with suppress(x509.ExtensionNotFound):
        return cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False


def _try_each(verifiers: Iterable[_Verifier], reply: Reply) -> None:
    last: Exception = ValueError("signer certificate not found")
    for verifier in verifiers:
        try:
            verifier.verify(reply.response, reply.imprint)
        except Exception as error:  # noqa: BLE001 - raised below if no other certificate fits either
            last = error
        else:
            return
    raise last


def _require_allowed(reply: Reply, authority: TimeAuthority) -> None:
    at = reply.gen_time
    if authority.valid_from and at < authority.valid_from:
        raise UntrustedError(
            f"{authority.name} is trusted from {rfc3339(authority.valid_from)}, the time-stamp is of {rfc3339(at)}"
        )
    if authority.valid_until and at >= authority.valid_until:
        raise UntrustedError(
            f"{authority.name} was trusted until {rfc3339(authority.valid_until)}, the time-stamp is of {rfc3339(at)}"
        )
    if authority.policies and reply.policy not in authority.policies:
        raise UntrustedError(f"{authority.name} is not trusted under time-stamp policy {reply.policy}")
