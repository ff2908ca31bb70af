"""Cloud KMS: what is sent, what is checked in the answer, and what every fault turns into."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from support.fake_kms import GCP_KEY, TOKEN, google_error

from evidence_kit.errors import AccessError, ProviderError, SignatureError, UsageError
from evidence_kit.signers.checked import Checked


def nobody():
    raise AssertionError("no passphrase is needed")


@pytest.fixture
def opened(google):
    """Open the fake's key; what it would have waited is collected in `waited`."""
    from google.oauth2.credentials import Credentials

    from evidence_kit.signers.gcp_kms import open_key

    def call(name=GCP_KEY, token=TOKEN):
        uri = f"gcpkms:{name}?endpoint={google.url}"
        return Checked(open_key(uri, nobody, credentials=Credentials(token), pause=call.waited.append))

    call.waited = []
    return call


def test_an_ed25519_key_signs_the_data_itself(google, opened):
    google.key = ed25519.Ed25519PrivateKey.generate()
    signer = opened()

    assert signer.public.algorithm == "ed25519"
    signer.public.verify(b"payload", signer.sign(b"payload"))


@pytest.mark.parametrize(
    "name", ["", "x", GCP_KEY.rpartition("/cryptoKeyVersions")[0], GCP_KEY + "/x", f"../{GCP_KEY}", GCP_KEY + "%0a"]
)
def test_what_names_no_version_is_refused(opened, google, name):
    with pytest.raises(UsageError):
        opened(name)

    assert google.seen == []


@pytest.mark.parametrize("wrong", ["pem crc", "name"])
def test_a_public_key_that_arrived_changed_or_is_anothers_is_refused(google, opened, wrong):
    google.wrong.add(wrong)
    with pytest.raises(ProviderError):
        opened()


@pytest.mark.parametrize("wrong", ["digest crc", "signature crc", "name"])
def test_an_answer_that_fails_googles_own_checks_is_dropped(google, opened, wrong):
    signer = opened()
    google.wrong.add(wrong)
    with pytest.raises(ProviderError) as raised:
        signer.sign(b"x")

    assert "nothing was kept" in raised.value.hint


@pytest.mark.parametrize("wrong", ["another key", "other data"])
def test_a_signature_that_is_not_the_keys_is_never_handed_out(google, opened, wrong):
    signer = opened()
    google.wrong.add(wrong)
    with pytest.raises(SignatureError, match="bad signature"):
        signer.sign(b"x")


def test_a_p384_key_is_refused_when_it_is_opened(google, opened):
    google.key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(UsageError, match="secp384r1"):
        opened()


def test_throttling_and_outages_are_waited_out(google, opened):
    signer = opened()
    google.queued += [google_error(429, "RESOURCE_EXHAUSTED", "quota"), google_error(503, "UNAVAILABLE", "later")]

    signer.public.verify(b"x", signer.sign(b"x"))
    assert len(opened.waited) == 2


def test_what_stays_throttled_ends_after_four_attempts(google, opened):
    google.queued += [google_error(429, "RESOURCE_EXHAUSTED", "quota")] * 4
    with pytest.raises(ProviderError, match="answers 429"):
        opened()

    assert len(google.seen) == 4


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (google_error(403, "PERMISSION_DENIED", "Permission 'x' denied"), AccessError, "denies the use"),
        (google_error(403, "PERMISSION_DENIED", "API is disabled"), AccessError, "denies the use"),
        (google_error(404, "NOT_FOUND", "not found"), AccessError, "has no key"),
        (google_error(400, "FAILED_PRECONDITION", "is not enabled"), AccessError, "disabled"),
        (google_error(400, "INVALID_ARGUMENT", "unsupported"), UsageError, "cannot sign"),
        ((302, b""), ProviderError, "no JSON"),
        ((302, {}), ProviderError, "answered 302"),
        ((200, b"<html>"), ProviderError, "no JSON"),
        ((200, b"\xff" * 100_000), ProviderError, "no JSON"),
        ((200, b'{"pem":"a","pem":"b"}'), ProviderError, "no JSON"),
        ((200, b"[]"), ProviderError, "no JSON"),
        ((200, {}), ProviderError, "without `pem`"),
        ((403, b"<html>"), AccessError, "denies"),
        ((418, {"error": "short and stout"}), UsageError, "cannot sign"),
    ],
)
def test_every_refusal_says_what_it_is(google, opened, answer, error, said):
    google.queued.append(answer)
    with pytest.raises(error, match=said) as raised:
        opened()

    assert TOKEN not in f"{raised.value.message}{raised.value.hint}"
    assert len(raised.value.message) < 700


@pytest.mark.parametrize("answer", [{"signature": "!", "name": GCP_KEY, "verifiedDigestCrc32c": True}, {}])
def test_an_answer_without_a_signature_is_the_providers_fault(google, opened, answer):
    signer = opened()
    google.queued.append((200, answer))
    with pytest.raises(ProviderError):
        signer.sign(b"x")


def test_a_public_key_that_is_none_is_refused(google, opened):
    from support.fake_kms import crc32c

    for pem in ("none", "x" * 5000):
        google.queued.append((200, {"pem": pem, "pemCrc32c": str(crc32c(pem.encode())), "name": GCP_KEY}))
        with pytest.raises(UsageError, match="public key"):
            opened()


def test_an_expired_login_is_access(google, opened):
    with pytest.raises(AccessError):
        opened(token=None)


def test_nobody_listening_is_the_providers_fault_after_four_attempts(opened, google):
    from google.oauth2.credentials import Credentials

    from evidence_kit.signers.gcp_kms import open_key

    with pytest.raises(ProviderError, match="cannot be reached"):
        open_key(
            f"gcpkms:{GCP_KEY}?endpoint=http://127.0.0.1:1",
            nobody,
            credentials=Credentials(TOKEN),
            pause=opened.waited.append,
        )

    assert len(opened.waited) == 3


def test_without_credentials_a_hint_says_how_to_log_in(google, monkeypatch, tmp_path):
    from evidence_kit.signers.gcp_kms import open_key

    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(AccessError, match="no Google credentials") as raised:
        open_key(f"gcpkms:{GCP_KEY}?endpoint={google.url}", nobody)

    assert "gcloud auth" in raised.value.hint


def test_a_netrc_replaces_no_token(google, opened, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password eve\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert opened().keyid
