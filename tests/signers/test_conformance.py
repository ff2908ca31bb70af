"""Every way of signing that can run here keeps the same contract."""

import pytest
from support.fake_kms import AZURE_KEY, GCP_KEY, TOKEN

from evidence_kit.signers.checked import Checked
from evidence_kit.signers.file import generate, save
from evidence_kit.signers.registry import open_signer
from evidence_kit.testing import SignerConformance

PHRASE = "correct horse battery staple"


def phrase():
    return PHRASE


def nobody():
    raise AssertionError("this key needs no passphrase")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def pkcs12(folder):
    save(generate("p256"), folder / "key.p12", PHRASE)
    return open_signer(f"file:{folder / 'key.p12'}", passphrase=phrase)


@pytest.fixture(scope="module")
def pkcs8(folder):
    save(generate("ed25519"), folder / "key.pem", PHRASE)
    return open_signer(f"file://{folder / 'key.pem'}", passphrase=phrase)


@pytest.fixture(scope="module")
def mldsa65(folder):
    save(generate("mldsa65"), folder / "key.p8", PHRASE)
    return open_signer(f"file:{folder / 'key.p8'}", passphrase=phrase)


@pytest.fixture
def aws_kms(aws):
    key = aws.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    return open_signer(f"awskms:{key['Arn']}?endpoint={aws.url}", passphrase=nobody)


@pytest.fixture
def gcp_kms(google):
    from google.oauth2.credentials import Credentials

    from evidence_kit.signers.gcp_kms import open_key

    return Checked(open_key(f"gcpkms:{GCP_KEY}?endpoint={google.url}", nobody, credentials=Credentials(TOKEN)))


@pytest.fixture
def azure_kms(vault):
    from azure.core.credentials import AccessToken

    from evidence_kit.signers.azure_kms import open_key

    class Static:
        def get_token(self, *scopes, **more):
            return AccessToken(TOKEN, 1 << 40)

    return Checked(open_key(f"azurekms:{AZURE_KEY}", nobody, credential=Static(), base=vault.url))


@pytest.fixture
def pkcs11_token(token):
    token.make()
    return open_signer(token.uri(), passphrase=lambda: "123456")


BACKENDS = ["pkcs12", "pkcs8", "mldsa65", "aws_kms", "gcp_kms", "azure_kms", "pkcs11_token"]


class TestEveryBackend(SignerConformance):
    @pytest.fixture(params=BACKENDS)
    def signer(self, request):
        return request.getfixturevalue(request.param)
