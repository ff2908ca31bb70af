"""Signatures count by the key that the operator names, over the bytes that are sealed, or not at all."""

import hashlib
import shutil
import subprocess
from base64 import b64encode

import pytest

from evidence_kit.collectors.intake import programs
from evidence_kit.collectors.intake.programs import unarmoured
from evidence_kit.custody import dsse, strict
from evidence_kit.errors import UsageError
from evidence_kit.signers.file import KeySigner, generate

SUMS = "SHA256SUMS"


def needed(program):
    if shutil.which(program) is None:
        pytest.skip(f"`{program}` is not installed")


def do(*command, cwd, **more):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, **more).stdout


@pytest.fixture
def listed(drop):
    """A delivery with a list of its digests."""
    drop.put("a.log", b"a")
    drop.put(SUMS, f"{hashlib.sha256(b'a').hexdigest()}  a.log\n".encode())
    return drop


@pytest.fixture(scope="module")
def gpg(tmp_path_factory):
    """Sign as somebody with `gpg`; also whose public keys there are."""
    needed("gpg")
    needed("gpgv")
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)

    def run(*arguments, stdin=b""):
        command = ("gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *arguments)
        return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout

    for name in ("partner@example.com", "stranger@example.com"):
        run("--quick-gen-key", name, "ed25519", "sign", "never")
    yield run
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.mark.parametrize("armour", [(), ("--armor",)])
def test_an_openpgp_signature_over_the_list_counts(listed, gpg, tmp_path, armour):
    who = ("--local-user", "partner@example.com", *armour)
    listed.put(f"{SUMS}.asc", gpg(*who, "--detach-sign", stdin=(listed.folder / SUMS).read_bytes()))
    (tmp_path / "ring").write_bytes(gpg("--export", *armour, "partner@example.com"))
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.asc"], keyring=tmp_path / "ring")
    assert taken.status == "complete"
    assert "is good: OpenPGP key" in taken.said("signature_verified")[0]
    assert set(taken.artifacts) == {"a.log", SUMS, f"{SUMS}.asc", "proof/ring"}


def test_an_openpgp_signature_over_other_bytes_is_false(listed, gpg, tmp_path):
    listed.put(f"{SUMS}.asc", gpg("--local-user", "partner@example.com", "--detach-sign", stdin=b"other"))
    (tmp_path / "ring").write_bytes(gpg("--export", "partner@example.com"))
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.asc"], keyring=tmp_path / "ring")
    assert taken.status == "integrity_failed"
    assert "it was made over other bytes" in taken.outcome.reason


def test_an_openpgp_signature_by_somebody_else_is_none(listed, gpg, tmp_path):
    body = (listed.folder / SUMS).read_bytes()
    listed.put(f"{SUMS}.asc", gpg("--local-user", "stranger@example.com", "--detach-sign", stdin=body))
    (tmp_path / "ring").write_bytes(gpg("--export", "partner@example.com"))
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.asc"], keyring=tmp_path / "ring")
    assert taken.status == "partial_error"
    assert "a key that the keyring does not hold" in taken.outcome.reason


@pytest.mark.parametrize("body", [b"-----BEGIN PGP SIGNATURE-----\n", b"\x88garbage", b"-----BEGIN PGP \xff"])
def test_rubbish_is_not_taken_for_a_signature(listed, gpg, tmp_path, body):
    listed.put(f"{SUMS}.asc", body)
    (tmp_path / "ring").write_bytes(gpg("--export", "partner@example.com"))
    assert (
        listed.take(signatures=[listed.folder / f"{SUMS}.asc"], keyring=tmp_path / "ring").status == "partial_error"
    )


def test_armour_is_taken_off_as_gpg_does(gpg):
    both = gpg("--export", "--armor", "partner@example.com") + gpg("--export", "--armor", "stranger@example.com")
    plain = gpg("--export", "partner@example.com") + gpg("--export", "stranger@example.com")
    assert unarmoured(both) == plain
    assert unarmoured(plain) == plain


@pytest.fixture(scope="module")
def cms(tmp_path_factory):
    """Sign as somebody with `openssl cms`; where certificates and keys are."""
    needed("openssl")
    folder = tmp_path_factory.mktemp("cms")
    for name in ("partner", "stranger"):
        make = (
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-days",
            "30",
        )
        do(*make, "-keyout", f"{name}.key", "-out", f"{name}.pem", cwd=folder)

    def sign(body, name="partner", form="DER"):
        (folder / "body").write_bytes(body)
        who = ("-signer", f"{name}.pem", "-inkey", f"{name}.key", "-outform", form)
        return do("openssl", "cms", "-sign", "-binary", "-in", "body", *who, cwd=folder)

    sign.folder = folder
    return sign


@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_a_cms_signature_by_the_named_certificate_counts(listed, cms, form):
    listed.put(f"{SUMS}.p7s", cms((listed.folder / SUMS).read_bytes(), form=form))
    said = {"signatures": [listed.folder / f"{SUMS}.p7s"], "signer_certificate": cms.folder / "partner.pem"}
    taken = listed.take(**said)
    assert taken.status == "complete"
    assert "is good: certificate" in taken.said("signature_verified")[0]


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("partner", b"other", "integrity_failed", "it was made over other bytes"),
        ("stranger", None, "partial_error", "it is not by the certificate that was given"),
    ],
)
def test_a_cms_signature_over_other_bytes_or_by_others_does_not(listed, cms, name, body, status, said):
    listed.put(f"{SUMS}.p7s", cms(body or (listed.folder / SUMS).read_bytes(), name))
    given = {"signatures": [listed.folder / f"{SUMS}.p7s"], "signer_certificate": cms.folder / "partner.pem"}
    taken = listed.take(**given)
    assert (taken.status, said in taken.outcome.reason) == (status, True), taken.outcome.reason


def test_what_is_no_certificate_checks_nothing(listed, cms, tmp_path):
    listed.put(f"{SUMS}.p7s", cms(b"x"))
    (tmp_path / "c.pem").write_bytes(b"no")
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.p7s"], signer_certificate=tmp_path / "c.pem")
    assert "what was given as the signer's certificate is none" in taken.outcome.reason


@pytest.mark.parametrize(
    ("body", "option"), [(b"\x30\x80", "--signer-certificate"), (b"-----BEGIN PGP S", "--keyring")]
)
def test_without_the_signers_key_nothing_is_checked_and_that_is_said(listed, body, option):
    listed.put(f"{SUMS}.sig", body)
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.sig"])
    assert taken.status == "partial_error"
    assert option in taken.outcome.reason


def test_a_program_that_is_not_there_is_named(listed, monkeypatch, tmp_path):
    monkeypatch.setattr(programs.shutil, "which", lambda _: None)
    (tmp_path / "ring").write_bytes(b"x")
    listed.put(f"{SUMS}.asc", b"-----BEGIN PGP S")
    taken = listed.take(signatures=[listed.folder / f"{SUMS}.asc"], keyring=tmp_path / "ring")
    assert taken.status == "partial_error"
    assert "`gpgv` is not installed here" in taken.outcome.reason


# -- statements ------------------------------------------------------------------------------------------------------


def envelope(signer, *subjects, kind="https://in-toto.io/Statement/v1"):
    said = {
        "_type": kind,
        "subject": [{"name": name, "digest": digest} for name, digest in subjects],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    return dsse.sign(strict.encode(said), signer)


def bundled(inner):
    return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": inner}


@pytest.fixture
def signer(tmp_path):
    made = KeySigner(generate("p256"))
    (tmp_path / "key.pem").write_bytes(made.public_key_pem)
    return made


@pytest.mark.parametrize("wrap", [dict, bundled])
def test_a_signed_statement_is_a_list(drop, signer, tmp_path, wrap):
    drop.put("a.log", b"a")
    drop.put("b.log", b"b")
    one = ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()})
    two = ("b.log", {"sha512": hashlib.sha512(b"b").hexdigest(), "gitCommit": "x"})
    drop.put("stmt.json", strict.encode(wrap(envelope(signer, one, two))))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status == "complete"
    assert taken.said("proof_checked") == ["`stmt.json`: 2 of 2 digests match (sha256, sha512)"]


def test_a_signed_statement_about_other_bytes_fails(drop, signer, tmp_path):
    drop.put("a.log", b"other")
    drop.put("stmt.json", strict.encode(envelope(signer, ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()}))))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status == "integrity_failed"


def test_a_statement_by_another_key_says_nothing_of_the_files(drop, signer, tmp_path):
    drop.put("a.log", b"a")
    said = envelope(KeySigner(generate("p256")), ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()}))
    drop.put("stmt.json", strict.encode(said))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status == "partial_error"
    assert "no signature in it is by key" in taken.outcome.reason
    assert not taken.said("proof_checked")


def test_a_statement_that_was_changed_after_it_was_signed_is_false(drop, signer, tmp_path):
    drop.put("a.log", b"a")
    said = envelope(signer, ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()}))
    other = envelope(signer, ("a.log", {"sha256": hashlib.sha256(b"b").hexdigest()}))
    drop.put("stmt.json", strict.encode({**said, "payload": other["payload"]}))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status == "integrity_failed"
    assert "has signed something else" in taken.outcome.reason


def test_a_foreign_key_id_is_only_a_hint(drop, signer, tmp_path):
    drop.put("a.log", b"a")
    said = envelope(signer, ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()}))
    del said["signatures"][0]["keyid"]
    said["signatures"].insert(0, {"sig": b64encode(b"x").decode(), "keyid": "other"})
    drop.put("stmt.json", strict.encode(said))
    assert drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem").status == "complete"


BAD = [
    b"{", b"{}", b'{"payloadType":"x","payload":"","signatures":[]}', b'{"messageSignature":{}}',
    b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":["x"]}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_an_envelope_that_is_none_proves_nothing(drop, signer, tmp_path, body):
    drop.put("a.log", b"a")
    drop.put("stmt.json", body)
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status in {"partial_error", "integrity_failed"}


SUBJECTS = [("a", {"sha256": "zz"}), ("a", {"gitCommit": "x"})]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_signed_statement_that_cannot_be_read_is_said_to_be_so(drop, signer, tmp_path, subject):
    drop.put("a.log", b"a")
    drop.put("stmt.json", strict.encode(envelope(signer, subject)))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert taken.status == "partial_error"
    assert "its statement cannot be read" in taken.outcome.reason


def test_a_statement_of_another_kind_is_none(drop, signer, tmp_path):
    drop.put("a.log", b"a")
    drop.put("stmt.json", strict.encode(envelope(signer, kind="x")))
    assert "not an in-toto statement" in (
        drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem").outcome.reason
    )


@pytest.mark.parametrize(("pem", "said"), [(None, "--signer-key"), (b"no", "the signer's key is none")])
def test_an_envelope_needs_a_key(drop, signer, tmp_path, pem, said):
    drop.put("a.log", b"a")
    drop.put("stmt.json", strict.encode(envelope(signer)))
    given = {}
    if pem:
        (tmp_path / "key.pem").write_bytes(pem)
        given = {"signer_key": tmp_path / "key.pem"}
    assert said in drop.take(signatures=[drop.folder / "stmt.json"], **given).outcome.reason


def test_nobody_can_tell_what_a_signature_signs(drop):
    drop.put("a.log")
    drop.put("b.log")
    drop.put("x.sig", b"\x88")
    with pytest.raises(UsageError, match=r"which file does `x\.sig` sign"):
        drop.take(signatures=[drop.folder / "x.sig"])


@pytest.fixture
def twins(drop):
    """Two files of one name, in two folders."""
    for folder in "xy":
        drop.put(f"{folder}/a.log", folder.encode())
    return drop


def test_a_signature_is_about_the_file_beside_it(twins, cms):
    twins.put("y/a.log.p7s", cms(b"y"))
    given = {"signatures": [twins.folder / "y" / "a.log.p7s"], "signer_certificate": cms.folder / "partner.pem"}
    taken = twins.take(**given)
    assert taken.said("signature_verified")[0].startswith("the signature `y/a.log.p7s` over `y/a.log` is good")


def test_a_signature_that_lies_apart_is_about_none_of_several(twins, tmp_path):
    (tmp_path / "a.log.p7s").write_bytes(b"\x30\x80")
    with pytest.raises(UsageError, match="may sign any of 2 files"):
        twins.take(signatures=[tmp_path / "a.log.p7s"])


def test_more_signatures_than_anybody_makes_are_not_checked(drop, signer, tmp_path):
    drop.put("a.log", b"a")
    said = envelope(signer, ("a.log", {"sha256": hashlib.sha256(b"a").hexdigest()}))
    drop.put("stmt.json", strict.encode({**said, "signatures": list(said["signatures"]) * 101}))
    taken = drop.take(signatures=[drop.folder / "stmt.json"], signer_key=tmp_path / "key.pem")
    assert (taken.status, "more than 100 signatures" in taken.outcome.reason) == ("partial_error", True)
