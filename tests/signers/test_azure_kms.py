"""Key Vault: raw signatures become DER, the version is pinned, and every fault has its own words."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.fake_kms import AZURE_KEY, TOKEN, VAULT, azure_error

from evidence_kit.errors import AccessError, ProviderError, SignatureError, UsageError
from evidence_kit.signers.checked import Checked


def nobody():
    raise AssertionError("no passphrase is needed")


class Login:
    """A login whose token, or failure, the test chooses."""

    def __init__(self, token=TOKEN, failure=None):
        self.token, self.failure, self.scopes = token, failure, []

    def get_token(self, *scopes, **more):
        from azure.core.credentials import AccessToken

        self.scopes += scopes
        if self.failure:
            raise self.failure
        return AccessToken(self.token, 1 << 40)


@pytest.fixture
def opened(vault):
    from evidence_kit.signers.azure_kms import open_key

    def call(url=AZURE_KEY, login=None):
        return Checked(
            open_key(f"azurekms:{url}", nobody, credential=login or Login(), base=vault.url, pause=call.waited.append)
        )

    call.waited = []
    return call


@pytest.mark.parametrize(
    "url",
    [
        f"{VAULT}/keys/alice",
        f"{VAULT}/secrets/alice/{'0' * 32}",
        AZURE_KEY.replace("https", "http"),
        AZURE_KEY.replace("vault.azure.net", "vault.azure.net.example.com"),
        AZURE_KEY.replace("vault.azure.net", "example.com"),
        AZURE_KEY.replace("https://", "https://eve@"),
        AZURE_KEY.replace("vault.azure.net", "vault.azure.net:444"),
        f"{AZURE_KEY}/..",
        f"{AZURE_KEY}%3Fx",
        "alice",
    ],
)
def test_a_token_goes_to_a_pinned_version_in_a_vault_and_nowhere_else(vault, opened, url):
    login = Login()
    with pytest.raises(UsageError, match="names no version") as raised:
        opened(url, login)

    assert "mandatory" in raised.value.hint
    assert (login.scopes, vault.seen) == ([], [])


@pytest.mark.parametrize(
    "cloud", ["vault.azure.net", "managedhsm.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"]
)
def test_the_token_is_for_the_vaults_own_cloud(opened, cloud):
    login = Login()
    opened(AZURE_KEY.replace("vault.azure.net", cloud), login)

    assert set(login.scopes) == {f"https://{cloud}/.default"}


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ("name", ProviderError, "another key or version"),
        ("disabled", AccessError, "is disabled"),
        ("rsa", UsageError, "of type RSA"),
        ("point", ProviderError, "not on the curve"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused_when_it_is_opened(vault, opened, wrong, error, said):
    vault.wrong.add(wrong)
    with pytest.raises(error, match=said):
        opened()


def test_a_p384_key_is_refused_when_it_is_opened(vault, opened):
    vault.key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(UsageError, match="secp384r1"):
        opened()


@pytest.mark.parametrize("wrong", ["another key", "other data", "short"])
def test_a_signature_that_is_not_the_keys_is_never_handed_out(vault, opened, wrong):
    signer = opened()
    vault.wrong.add(wrong)
    with pytest.raises(SignatureError):
        signer.sign(b"x")


def test_a_signature_by_another_version_is_dropped(vault, opened):
    signer = opened()
    vault.wrong.add("name")
    with pytest.raises(ProviderError, match="another key or version"):
        signer.sign(b"x")


def test_throttling_is_waited_out(vault, opened):
    vault.queued.append(azure_error(429, "Throttled", "slow down"))

    signer = opened()
    signer.public.verify(b"x", signer.sign(b"x"))
    assert len(opened.waited) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (azure_error(403, "Forbidden", "Caller is not authorized", "ForbiddenByRbac"), AccessError, "denies the use"),
        (azure_error(403, "Forbidden", "Operation sign is not allowed", "KeyDisabled"), AccessError, "disabled"),
        (azure_error(404, "KeyNotFound", "was not found"), AccessError, "has no key"),
        (azure_error(401, "Unauthorized", "AKV10000"), AccessError, "denies"),
        (azure_error(400, "BadParameter", "no sign"), UsageError, "cannot sign"),
        ((200, {"key": "x"}), ProviderError, "without `key.kid`"),
        (
            (200, {"key": {"kid": AZURE_KEY, "kty": "EC", "crv": "P-256", "x": "*", "y": "AA"}}),
            ProviderError,
            "base64url",
        ),
        (
            (200, {"key": {"kid": AZURE_KEY, "kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}}),
            UsageError,
            "unknown curve",
        ),
    ],
)
def test_every_refusal_says_what_it_is(vault, opened, answer, error, said):
    vault.queued.append(answer)
    with pytest.raises(error, match=said) as raised:
        opened()

    assert TOKEN not in f"{raised.value.message}{raised.value.hint}"


def test_a_login_that_fails_is_access_and_an_unreachable_one_the_providers_fault(opened):
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

    with pytest.raises(AccessError, match="no Azure credentials"):
        opened(login=Login(failure=ClientAuthenticationError("no")))
    with pytest.raises(ProviderError, match="token service"):
        opened(login=Login(failure=ServiceRequestError("no")))
