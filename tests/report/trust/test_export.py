"""What other programs make of an exported policy: ssh-keygen, openssl, Sigstore's own verifier."""

import json
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import node
from support.private_ca import CODE_SIGNING, DAY, SIGNS, PrivateCa, digest

from evidence_kit.custody import seal, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.timestamp import TimeAuthority
from evidence_kit.custody.trust import CertificateAuthority, Revocation, Trust, TrustedKey
from evidence_kit.errors import UsageError, VaultError
from evidence_kit.report.trust import export as trustexport
from evidence_kit.signers.file import KeySigner, generate

# The programs ask the wall clock, so the windows lie around it.
NOW = datetime.now(UTC).replace(microsecond=0)
TEXT = b"a note about the case\n"
MODULES = Path(
    os.environ.get("EVIDENCE_KIT_NODE_MODULES", Path(__file__).parents[3] / "examples/verify/node_modules")
)

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
needs_sigstore = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "@sigstore" / "verify").is_dir(),
    reason="node with @sigstore/verify is not installed (EVIDENCE_KIT_NODE_MODULES)",
)


def trusted(key, name="alice@example.com", **more):
    return TrustedKey(key=PublicKey.of(key.public_key()), name=name, roles=frozenset({"collector"}), **more)


def trust(*keys, **more):
    return Trust(keys={one.key.keyid: one for one in keys}, sha256="ab" * 32, **more)


def exported(folder, *keys, **more):
    trustexport.write(trust(*keys, **more), folder)
    return folder


def run(*arguments, data=b"", cwd=None):
    command = [str(argument) for argument in arguments]
    return node.run(command, text=False, input=data, cwd=cwd)


# -- ssh-keygen -----------------------------------------------------------------------------------------------


def ssh_sign(folder, key, *, namespace=trustexport.NAMESPACE):
    """Sign TEXT as a person with an OpenSSH key would; return the signature file."""
    folder.mkdir(exist_ok=True)
    private = folder / "id"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    private.chmod(0o600)
    made = run("ssh-keygen", "-Y", "sign", "-f", private, "-n", namespace, data=TEXT)
    assert made.returncode == 0, made.stderr
    (folder / "note.sig").write_bytes(made.stdout)
    return folder / "note.sig"


def ssh_accepts(folder, signature, *more, name="alice@example.com"):
    lists = ("-r", folder / "revoked_keys") if (folder / "revoked_keys").exists() else ()
    checked = ("-f", folder / "allowed_signers", "-I", name, "-n", trustexport.NAMESPACE, "-s", signature)
    return run("ssh-keygen", "-Y", "verify", *checked, *lists, *more, data=TEXT).returncode == 0


OTHER = ed25519.Ed25519PrivateKey.generate()
SSH_KEYS = [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())]


@needs_ssh
@pytest.mark.parametrize("key", SSH_KEYS, ids=["ed25519", "p256"])
def test_ssh_keygen_accepts_whom_the_policy_trusts_and_nobody_else(tmp_path, key):
    signature = ssh_sign(tmp_path / "alice", key)
    folder = exported(tmp_path / "out", trusted(key), trusted(OTHER, name="bob@example.com"))
    assert ssh_accepts(folder, signature)
    assert not ssh_accepts(folder, signature, name="bob@example.com")
    assert not ssh_accepts(folder, ssh_sign(tmp_path / "bob", OTHER))
    assert not ssh_accepts(folder, ssh_sign(tmp_path / "eve", ed25519.Ed25519PrivateKey.generate()))
    assert not ssh_accepts(folder, ssh_sign(tmp_path / "git", key, namespace="git"))


@needs_ssh
@pytest.mark.parametrize("key", SSH_KEYS, ids=["ed25519", "p256"])
@pytest.mark.parametrize(
    ("window", "good"),
    [
        ({"valid_from": NOW - DAY, "valid_until": NOW + DAY}, True),
        ({"valid_from": NOW + DAY}, False),
        ({"valid_until": NOW - DAY}, False),
        ({"revoked": Revocation(NOW - DAY, "superseded")}, False),
        ({"revoked": Revocation(NOW + DAY, "superseded")}, True),
    ],
)
def test_ssh_keygen_keeps_to_the_window(tmp_path, key, window, good):
    signature = ssh_sign(tmp_path / "alice", key)
    assert ssh_accepts(exported(tmp_path / "out", trusted(key, **window)), signature) is good


@needs_ssh
@pytest.mark.parametrize(
    ("offset", "good"), [(-1, False), (0, True), (59, True), (60, False)], ids=["before", "first", "last", "end"]
)
def test_ssh_keygen_sees_the_same_first_and_last_second(tmp_path, offset, good):
    signature = ssh_sign(tmp_path / "alice", SSH_KEYS[0])
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    window = {"valid_from": start, "valid_until": start + timedelta(seconds=60)}
    folder = exported(tmp_path / "out", trusted(SSH_KEYS[0], **window))
    at = (start + timedelta(seconds=offset)).strftime("%Y%m%d%H%M%SZ")
    assert ssh_accepts(folder, signature, f"-Overify-time={at}") is good


@needs_ssh
def test_a_window_from_within_a_second_begins_with_the_next_one(tmp_path):
    signature = ssh_sign(tmp_path / "alice", SSH_KEYS[0])
    folder = exported(
        tmp_path / "out", trusted(SSH_KEYS[0], valid_from=datetime(2026, 3, 1, microsecond=1, tzinfo=UTC))
    )
    assert not ssh_accepts(folder, signature, "-Overify-time=20260301000000Z")
    assert ssh_accepts(folder, signature, "-Overify-time=20260301000001Z")


@needs_ssh
def test_ssh_keygen_refuses_a_compromised_key_by_either_file(tmp_path):
    key, other = SSH_KEYS
    signature = ssh_sign(tmp_path / "alice", key)
    lost = trusted(key, revoked=Revocation(NOW + DAY, "compromised"))
    folder = exported(tmp_path / "out", lost, trusted(other, name="bob@example.com"))
    assert not ssh_accepts(folder, signature)
    careless = exported(tmp_path / "old", trusted(key))
    shutil.copy(folder / "revoked_keys", careless)
    assert not ssh_accepts(careless, signature)
    (careless / "revoked_keys").unlink()
    assert ssh_accepts(careless, signature)


@needs_ssh
@pytest.mark.parametrize("name", ["*", "a*,b", "!x", "two words", "#c", '"q"', "\u00fc", "a\nb", "-n"])
def test_a_name_is_never_a_pattern_an_option_or_a_second_line(tmp_path, name):
    signature = ssh_sign(tmp_path / "alice", SSH_KEYS[0])
    folder = exported(tmp_path / "out", trusted(SSH_KEYS[0], name=name))
    principal = (folder / "allowed_signers").read_text().split(" ", 1)[0]
    assert ssh_accepts(folder, signature, name=principal)
    assert not ssh_accepts(folder, signature, name="somebody")
    assert (folder / "allowed_signers").read_text().count("\n") == 1


# -- openssl --------------------------------------------------------------------------------------------------


@needs_openssl
def test_openssl_verifies_with_an_exported_key(tmp_path):
    signer = KeySigner(generate("p256"))
    (tmp_path / "sig").write_bytes(signer.sign(TEXT))
    key = TrustedKey(key=signer.public, name="alice@example.com", roles=frozenset({"log"}))
    folder = exported(tmp_path / "out", key)
    command = (
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        folder / "alice@example.com.pub.pem",
        "-signature",
        tmp_path / "sig",
    )
    assert run(*command, data=TEXT).stdout == b"Verified OK\n"
    assert run(*command, data=TEXT + b"x").returncode


def staff(root, *more, **fields):
    return CertificateAuthority(
        name="Staff CA",
        certificates=(root.certificate, *(one.certificate for one in more)),
        roles=frozenset({"collector"}),
        identities=("*@ir.example.com",),
        **fields,
    )


@needs_openssl
def test_openssl_verifies_a_chain_with_an_exported_authority(tmp_path):
    root = PrivateCa.root()
    issuing = root.below()
    leaf = x509.load_der_x509_certificate(issuing.leaf(ec.generate_private_key(ec.SECP256R1()), more=(SIGNS,)))
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    folder = exported(tmp_path / "out", certificate_authorities=(staff(root, issuing),))
    at = int((leaf.not_valid_before_utc + DAY).timestamp())
    command = ("openssl", "verify", "-attime", at, "-CAfile")
    assert run(*command, folder / "ca-Staff=20CA.pem", tmp_path / "leaf.pem").returncode == 0
    (tmp_path / "other.pem").write_bytes(PrivateCa.root().pem)
    assert run(*command, tmp_path / "other.pem", tmp_path / "leaf.pem").returncode


# -- Sigstore's verifier --------------------------------------------------------------------------------------

VERIFY = """
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const { root, bundle } = JSON.parse(require('fs').readFileSync(0));
const material = toTrustMaterial(TrustedRoot.fromJSON(root));
const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 1 });
const signer = verifier.verify(toSignedEntity(bundleFromJSON(bundle)), { subjectAlternativeName: process.argv[1] });
console.log(signer.identity.subjectAlternativeName);
"""
TSA_CONFIG = """
[tsa]
dir = .
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def stamped(folder, signature, tsa, key):
    """Return an RFC 3161 reply over a signature, made by openssl."""
    folder.mkdir()
    (folder / "tsa.cnf").write_text(TSA_CONFIG)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.pem").write_bytes(tsa.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "sig").write_bytes(signature)
    asked = run("openssl", "ts", "-query", "-data", "sig", "-sha256", "-cert", "-out", "tsq", cwd=folder)
    assert asked.returncode == 0, asked.stderr
    reply = ("openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "tsq", "-out", "tsr")
    made = run(*reply, cwd=folder)
    assert made.returncode == 0, made.stderr
    return (folder / "tsr").read_bytes()


def tsa_leaf(root, key):
    """Return a certificate for time-stamps, whose purpose is critical as RFC 3161 asks."""
    der = root.leaf(key, names=[], more=(SIGNS,), start=NOW - DAY, end=NOW + DAY)
    plain = x509.load_der_x509_certificate(der)
    builder = x509.CertificateBuilder(
        plain.issuer, plain.subject, plain.public_key(), plain.serial_number, NOW - DAY, NOW + DAY
    )
    for extension in plain.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return builder.add_extension(purpose, critical=True).sign(root.key, digest(root.key))


def sigstore(root, bundle, san):
    data = json.dumps({"root": root, "bundle": bundle}).encode()
    return run("node", "-e", VERIFY, san, data=data, cwd=MODULES)


@needs_openssl
@needs_sigstore
@pytest.mark.parametrize("algorithm", ["p256", "ed25519"])
def test_sigstores_verifier_accepts_a_stamped_seal_of_a_private_authority(tmp_path, algorithm):
    root, tsa_root = PrivateCa.root("staff root"), PrivateCa.root("tsa root")
    issuing = root.below("staff issuing")
    private = generate(algorithm)
    signer = KeySigner(private)
    leaf = issuing.leaf(private, more=(SIGNS, CODE_SIGNING), start=NOW - DAY, end=NOW + DAY)
    payload = statement.build(statement.SEAL, [statement.Subject("a", "0" * 64)], {})
    sealed = seal.sign(payload, signer, certificate=leaf)
    bundle, signature = json.loads(sealed), seal.parse_bundle(sealed).envelope.signature
    key = ec.generate_private_key(ec.SECP256R1())
    tsa = tsa_leaf(tsa_root, key)
    reply = stamped(tmp_path / "tsa", signature, tsa, key)
    token = {"signedTimestamp": strict.to_base64(reply)}
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [token]}
    clock = TimeAuthority(name="clock", certificates=(tsa_root.certificate, tsa))
    more = {"certificate_authorities": (staff(root, issuing),), "time_authorities": (clock,)}
    exported_root = json.loads((exported(tmp_path / "out", **more) / "trusted_root.json").read_bytes())

    good = sigstore(exported_root, bundle, "alice@ir.example.com")
    assert good.stdout == b"alice@ir.example.com\n", good.stderr.decode()
    assert b"UNTRUSTED_SIGNER_ERROR" in sigstore(exported_root, bundle, "bob@ir.example.com").stderr
    strange = trustexport.trusted_root(
        trust(certificate_authorities=(staff(PrivateCa.root()),), time_authorities=(clock,))
    )
    assert b"CERTIFICATE_ERROR" in sigstore(strange, bundle, "alice@ir.example.com").stderr
    ended = trustexport.trusted_root(
        trust(certificate_authorities=(staff(root, issuing, valid_until=NOW - DAY),), time_authorities=(clock,))
    )
    assert b"CERTIFICATE_ERROR" in sigstore(ended, bundle, "alice@ir.example.com").stderr


# -- the files ------------------------------------------------------------------------------------------------


def test_a_trusted_root_lists_each_way_to_a_root_leaf_first(tmp_path):
    first, second = PrivateCa.root("same name"), PrivateCa.root("same name")
    issuing = first.below()
    made = trustexport.trusted_root(trust(certificate_authorities=(staff(first, issuing, second),)))
    chains = [
        [
            x509.load_der_x509_certificate(strict.from_base64(one["rawBytes"]))
            for one in entry["certChain"]["certificates"]
        ]
        for entry in made["certificateAuthorities"]
    ]
    assert chains == [[issuing.certificate, first.certificate], [second.certificate]]
    assert made["certificateAuthorities"][0]["subject"] == {"organization": "Example IR", "commonName": "same name"}
    assert set(made["certificateAuthorities"][0]["validFor"]) == {"start"}


def test_a_compromised_key_is_in_no_file_but_the_list_of_the_revoked():
    lost = trusted(SSH_KEYS[0], revoked=Revocation(NOW, "compromised"))
    made = trustexport.files(trust(lost))
    assert set(made) == {"revoked_keys", "README.txt"}
    assert b"compromised; these tools cannot tell" in made["README.txt"]


def test_what_openssh_does_not_know_is_left_out_and_named():
    made = trustexport.files(trust(trusted(mldsa.MLDSA65PrivateKey.generate())))
    assert set(made) == {"alice@example.com.pub.pem", "README.txt"}
    assert b"ML-DSA-65, which OpenSSH does not know" in made["README.txt"]


def test_names_that_would_meet_in_one_file_carry_their_key_ids():
    made = trustexport.files(trust(trusted(SSH_KEYS[0], name="Alice"), trusted(SSH_KEYS[1], name="alice")))
    assert len([name for name in made if re.fullmatch(r"[Aa]lice-[0-9a-f]{12}\.pub\.pem", name)]) == 2


def test_authorities_that_would_meet_in_one_file_are_numbered():
    clocks = tuple(TimeAuthority(name=name, certificates=(PrivateCa.root().certificate,)) for name in ("T", "t"))
    assert {"tsa-T.pem", "tsa-t-1.pem"} <= set(trustexport.files(trust(time_authorities=clocks)))


@pytest.mark.parametrize("name", ["../../etc/passwd", ".hidden", "-rf", "a/b", "\x00", "x" * 500, "..."])
def test_no_name_leaves_the_folder_or_hides_in_it(tmp_path, name):
    exported(tmp_path / "out", trusted(SSH_KEYS[0], name=name))
    (found,) = (tmp_path / "out").glob("*.pub.pem")
    assert not found.name.startswith((".", "-"))
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_the_readme_tells_what_each_file_is_for(tmp_path):
    clock = TimeAuthority(name="t", certificates=(PrivateCa.root().certificate,))
    made = trustexport.files(
        trust(trusted(SSH_KEYS[0]), certificate_authorities=(staff(PrivateCa.root()),), time_authorities=(clock,))
    )
    told = made["README.txt"].decode()
    assert all(f"\n{name}\n    " in told for name in set(made) - {"README.txt"})
    assert f"SHA-256 {'ab' * 32}" in told


def test_a_folder_with_something_in_it_is_not_written_into(tmp_path):
    (tmp_path / "old.pub.pem").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        trustexport.write(trust(trusted(SSH_KEYS[0])), tmp_path)
    with pytest.raises(VaultError, match="cannot write into"):
        trustexport.write(trust(trusted(SSH_KEYS[0])), tmp_path / "old.pub.pem")
