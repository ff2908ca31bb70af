"""A trust policy in the formats of other tools: OpenSSH's allowed signers, Sigstore's trusted root, plain PEM.

Roles, thresholds and the proof of time have no place in these formats; `README.txt` says so.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from evidence_kit.custody import strict
from evidence_kit.custody.names import safe_component
from evidence_kit.custody.trust import Trust, TrustedKey
from evidence_kit.custody.trust.certificates import is_self_signed
from evidence_kit.errors import UsageError, VaultError
from evidence_kit.model.time import rfc3339

NAMESPACE = "evidence-kit"  # of SSH signatures
TRUSTED_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_README = """\
Made from a trust policy of evidence-kit, SHA-256 {sha256}

Whoever uses these files trusts what the policy trusts, but more coarsely: they carry no roles, no thresholds and no
rule about time-stamps. `evidence-kit verify` judges by the policy itself.

{files}
{left_out}"""
_PURPOSES = (
    ("allowed_signers", "ssh-keygen -Y verify -f allowed_signers -I NAME -n evidence-kit -s FILE.sig < FILE"),
    ("revoked_keys", "add `-r revoked_keys` to that command"),
    (
        "trusted_root.json",
        "cosign --trusted-root trusted_root.json, @sigstore/verify, sigstore-go: certificates and time-stamps",
    ),
    (".pub.pem", "openssl dgst -sha256 -verify KEY.pub.pem (P-256), openssl pkeyutl -verify -pubin (Ed25519)"),
    ("tsa-", "openssl ts -verify -CAfile tsa-NAME.pem -attime SECONDS"),
    ("ca-", "openssl verify -CAfile ca-NAME.pem -attime SECONDS LEAF.pem"),
)


def files(trust: Trust) -> dict[str, bytes]:
    """Return what is to be written, by file name."""
    found: dict[str, bytes] = {}
    usable = [trusted for trusted in trust.keys.values() if not _is_compromised(trusted)]
    in_ssh = [trusted for trusted in usable if trusted.key.is_identity]
    lost = [trusted for trusted in trust.keys.values() if _is_compromised(trusted) and trusted.key.is_identity]
    if in_ssh:
        found["allowed_signers"] = "".join(f"{_allowed(trusted)}\n" for trusted in in_ssh).encode()
    if lost:
        found["revoked_keys"] = "".join(f"{_openssh(trusted)}\n" for trusted in lost).encode()
    for stem, trusted in _stems((_plain(trusted.name), trusted.key.keyid, trusted) for trusted in usable):
        found[f"{stem}.pub.pem"] = trusted.key.pem
    authorities = [(f"tsa-{_plain(one.name)}", one.certificates) for one in trust.time_authorities]
    authorities += [(f"ca-{_plain(one.name)}", one.certificates) for one in trust.certificate_authorities]
    for index, (stem, certificates) in enumerate(authorities):
        name = f"{stem}-{index}.pem" if f"{stem}.pem".lower() in map(str.lower, found) else f"{stem}.pem"
        found[name] = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    if trust.time_authorities or trust.certificate_authorities:
        found["trusted_root.json"] = json.dumps(trusted_root(trust), indent=2).encode() + b"\n"
    found["README.txt"] = _readme(trust, found).encode()
    return found


def write(trust: Trust, folder: Path) -> tuple[str, ...]:
    """Write the files into a new or empty folder and return their names."""
    made = files(trust)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(
                f"`{folder}` is not empty", hint="name a new folder: old keys must not stay beside new ones"
            )
        for name, data in made.items():
            with (folder / name).open("xb") as out:
                out.write(data)
    except OSError as error:
        raise VaultError(f"cannot write into `{folder}`: {(error.strerror or '').lower()}") from error
    return tuple(made)


def trusted_root(trust: Trust) -> dict[str, object]:
    """Return Sigstore's TrustedRoot 0.1: each root with what leads to it, leaf first."""
    return {
        "mediaType": TRUSTED_ROOT,
        "tlogs": [],
        "certificateAuthorities": [
            _authority(chain, authority.valid_from, authority.valid_until)
            for authority in trust.certificate_authorities
            for chain in _chains(authority.certificates)
        ],
        "ctlogs": [],
        "timestampAuthorities": [
            _authority(chain, authority.valid_from, authority.valid_until)
            for authority in trust.time_authorities
            for chain in _chains(authority.certificates)
        ],
    }


def _authority(
    chain: tuple[x509.Certificate, ...], start: datetime | None, end: datetime | None
) -> dict[str, object]:
    root = chain[-1]
    window = {"start": rfc3339(max(start, root.not_valid_before_utc) if start else root.not_valid_before_utc)}
    if end:
        window["end"] = rfc3339(end)
    certificates = [{"rawBytes": strict.to_base64(one.public_bytes(Encoding.DER))} for one in chain]
    return {
        "subject": {
            "organization": _attribute(root, x509.NameOID.ORGANIZATION_NAME),
            "commonName": _attribute(root, x509.NameOID.COMMON_NAME),
        },
        "uri": "",
        "certChain": {"certificates": certificates},
        "validFor": window,
    }


def _chains(certificates: tuple[x509.Certificate, ...]) -> Iterable[tuple[x509.Certificate, ...]]:
    """Yield one chain for each certificate that issued none of the others: from it up to its root."""
    for certificate in certificates:
        if any(_issued(certificate, other) for other in certificates if not is_self_signed(other)):
            continue
        chain = [certificate]
        while not is_self_signed(chain[-1]) and (
            above := [one for one in certificates if one not in chain and _issued(one, chain[-1])]
        ):
            chain.append(above[0])
        yield tuple(chain)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _allowed(trusted: TrustedKey) -> str:
    """Return a line of allowed_signers. ssh-keygen counts the last second of a window in, a policy does not."""
    options = [f'namespaces="{NAMESPACE}"']
    ends = [end for end in (trusted.valid_until, trusted.revoked and trusted.revoked.at) if end]
    if trusted.valid_from:
        options.append(f'valid-after="{_second(trusted.valid_from, up=True)}"')
    if ends:
        options.append(f'valid-before="{_second(min(ends) - timedelta(microseconds=1), up=False)}"')
    return f"{_principal(trusted.name)} {','.join(options)} {_openssh(trusted)}"


def _second(moment: datetime, *, up: bool) -> str:
    if up and moment.microsecond:
        moment += timedelta(seconds=1)
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")


def _openssh(trusted: TrustedKey) -> str:
    key = load_pem_public_key(trusted.key.pem)
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _principal(name: str) -> str:
    """Return a name that no other name becomes, without what is a wildcard, a list or a negation to ssh-keygen."""
    return safe_component(name).replace(",", "=2C")


def _plain(name: str) -> str:
    # A leading dot would hide the file, a leading dash would be an option to whoever writes `*.pem`.
    return safe_component(name).lstrip(".-") or "_"


def _stems(keys: Iterable[tuple[str, str, TrustedKey]]) -> Iterable[tuple[str, TrustedKey]]:
    """Yield a file stem for each key; where names meet, all of them carry their key id."""
    known = list(keys)
    lower = [name.lower() for name, _, _ in known]
    for name, keyid, trusted in known:
        yield (name if lower.count(name.lower()) == 1 else f"{name}-{keyid[:12]}"), trusted


def _is_compromised(trusted: TrustedKey) -> bool:
    return trusted.revoked is not None and trusted.revoked.reason == "compromised"


def _readme(trust: Trust, found: Mapping[str, bytes]) -> str:
    purposes = [(name, said) for name in found for mark, said in _PURPOSES if mark in name]
    left_out = [
        f"{trusted.name}, key {trusted.key.keyid}: {why}"
        for trusted in trust.keys.values()
        if (why := _why_left_out(trusted))
    ]
    heading = "Left out or not in every file:\n" if left_out else ""
    return _README.format(
        sha256=trust.sha256,
        files="".join(f"{name}\n    {said}\n" for name, said in purposes),
        left_out=heading + "".join(f"- {ascii(line)[1:-1]}\n" for line in left_out),
    )


def _why_left_out(trusted: TrustedKey) -> str:
    if _is_compromised(trusted):
        return "compromised; these tools cannot tell what a time-stamp proves to be older"
    return "" if trusted.key.is_identity else "ML-DSA-65, which OpenSSH does not know"
