"""AWS KMS, against ministack; what it cannot be made to say comes from a script on loopback."""

import json
from base64 import b64encode
from http.server import BaseHTTPRequestHandler

import boto3
import pytest

from evidence_kit.errors import AccessError, ProviderError, SignatureError, UsageError
from evidence_kit.sandbox.serving import LoopbackServer, running
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.signers.registry import open_signer

ARN = "arn:aws:kms:eu-central-1:000000000000:key/00000000-0000-0000-0000-000000000000"


def nobody():
    raise AssertionError("no passphrase is needed")


def opened(aws, key):
    return open_signer(f"awskms:{key}?endpoint={aws.url}&region=eu-central-1", passphrase=nobody)


@pytest.fixture
def kms(aws):
    return aws.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]


def test_an_alias_a_key_id_and_an_arn_open_the_same_key(aws, kms, key):
    kms.create_alias(AliasName="alias/same", TargetKeyId=key["KeyId"])
    names = ("alias/same", key["KeyId"], key["Arn"])

    assert len({opened(aws, name).keyid for name in names}) == 1


def test_an_alias_that_moves_meanwhile_does_not_change_who_signs(aws, kms, key):
    kms.create_alias(AliasName="alias/moving", TargetKeyId=key["KeyId"])
    signer = opened(aws, "alias/moving")
    other = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.update_alias(AliasName="alias/moving", TargetKeyId=other["KeyId"])

    signer.public.verify(b"x", signer.sign(b"x"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("ECC_NIST_P384", "EC key on secp384r1"),
        ("ECC_SECG_P256K1", "EC key on secp256k1"),
        ("RSA_2048", "RSA key of 2048 bits"),
        ("ECC_NIST_EDWARDS25519", "short messages only"),
    ],
)
def test_another_kind_of_key_is_refused_when_it_is_opened(aws, kms, spec, said):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    with pytest.raises(UsageError, match=said):
        opened(aws, key["KeyId"])


def test_a_key_that_encrypts_is_refused(aws, kms):
    with pytest.raises(UsageError, match="cannot sign") as raised:
        opened(aws, kms.create_key()["KeyMetadata"]["KeyId"])

    assert "ECC_NIST_P256" in raised.value.hint


def test_a_missing_key_is_access(aws):
    with pytest.raises(AccessError, match="missing or disabled"):
        opened(aws, "alias/nobody")


def test_a_key_disabled_after_it_was_opened_signs_no_more(aws, kms, key):
    signer = opened(aws, key["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])
    with pytest.raises(AccessError, match="DisabledException"):
        signer.sign(b"x")


@pytest.mark.parametrize("name", ["x", "alias/", "alias/a%20b", "key/1", "arn:aws:s3:::bucket", "../x"])
def test_what_names_no_key_is_refused_before_anything_is_sent(name):
    with pytest.raises(UsageError, match="names no KMS key"):
        open_signer(f"awskms:{name}?region=eu-central-1", passphrase=nobody)


def test_a_region_that_contradicts_the_arn_is_refused():
    with pytest.raises(UsageError, match="`region` says eu-west-1"):
        open_signer(f"awskms:{ARN}?region=eu-west-1", passphrase=nobody)


def test_without_a_region_anywhere_one_is_asked_for(monkeypatch, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="which region"):
        open_signer("awskms:alias/ir", passphrase=nobody)


def test_without_credentials_a_hint_says_where_they_come_from(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(AccessError, match="no AWS credentials"):
        open_signer(f"awskms:{ARN}?endpoint=http://127.0.0.1:1", passphrase=nobody)


@pytest.fixture
def scripted(monkeypatch):
    """A KMS that answers what the test says; its address and the list to fill."""
    answers, asked = [], []

    class Visit(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.headers["X-Amz-Target"])
            self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answers.pop(0) if len(answers) > 1 else answers[0]
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *said):
            pass

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with running(LoopbackServer(Visit)) as server:
        yield f"awskms:{ARN}?endpoint={server.url}", answers, asked


def public_answer(signer):
    der = signer.public_key_pem.decode().split("-----")[2].replace("\n", "")
    return 200, {"KeyId": ARN, "PublicKey": der, "KeySpec": "ECC_NIST_P256"}


def error(code, status=400):
    return status, {"__type": code, "message": "no"}


@pytest.mark.slow
@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_a_denial_is_access_and_names_the_permissions(scripted, code):
    uri, answers, _ = scripted
    answers.append(error(code))
    with pytest.raises(AccessError, match=code) as raised:
        open_signer(uri, passphrase=nobody)

    assert "kms:Sign" in raised.value.hint


def test_throttling_is_waited_out(scripted):
    uri, answers, asked = scripted
    answers += [error("ThrottlingException"), public_answer(KeySigner(generate("p256")))]

    assert open_signer(uri, passphrase=nobody).keyid
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [error("KMSInternalException", 500), (200, {}), (200, b"<html>"), (200, b"")])
def test_what_stays_broken_is_the_providers_fault(scripted, answer):
    uri, answers, asked = scripted
    answers.append(answer)
    with pytest.raises(ProviderError, match="AWS KMS failed"):
        open_signer(uri, passphrase=nobody)

    assert len(asked) <= 4


def test_a_kms_that_cannot_be_reached_is_the_providers_fault(scripted):
    with pytest.raises(ProviderError, match="AWS KMS failed"):
        open_signer(f"awskms:{ARN}?endpoint=http://127.0.0.1:1", passphrase=nobody)


@pytest.mark.parametrize(
    "other", [KeySigner(generate("p256")).sign(b"x"), b"", b"junk"], ids=["another key", "empty", "junk"]
)
def test_a_signature_that_is_not_the_keys_is_never_handed_out(scripted, other):
    uri, answers, _ = scripted
    answers += [
        public_answer(KeySigner(generate("p256"))),
        (200, {"KeyId": ARN, "Signature": b64encode(other).decode()}),
    ]
    signer = open_signer(uri, passphrase=nobody)
    with pytest.raises(SignatureError, match="bad signature"):
        signer.sign(b"x")
