"""Secrets by reference: each place is looked up, and neither a secret nor a guess at one is ever repeated."""

import json
import ssl
from http.server import BaseHTTPRequestHandler

import pytest
import trustme
from support.amazon import serving as amazon

from evidence_kit.collectors.partner.secrets import SecretStore
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.sandbox.amazon.fixture import read_estate
from evidence_kit.sandbox.serving import LoopbackServer, running

SECRET = "s3cr3t-canary"


def test_a_secret_of_the_environment():
    assert SecretStore({"TOKEN": SECRET})("secret://env/TOKEN") == SECRET


@pytest.mark.parametrize("reference", ["secret://env/OTHER", "secret://env/EMPTY"])
def test_a_secret_that_is_not_there_is_an_access_error_that_names_the_place(reference):
    with pytest.raises(AccessError, match=reference):
        SecretStore({"TOKEN": SECRET, "EMPTY": ""})(reference)


@pytest.mark.parametrize("said", [SECRET, "secret://", "secret://env", "secret://nowhere/x", f"env/{SECRET}"])
def test_what_is_no_reference_may_be_the_secret_and_is_not_repeated(said):
    with pytest.raises(UsageError) as caught:
        SecretStore({})(said)
    assert SECRET not in caught.value.message + str(caught.value.hint)


def test_a_secret_of_the_keyring(monkeypatch):
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Ring(KeyringBackend):
        priority = 1

        def __init__(self):
            super().__init__()
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        keyring.set_password("acme", "token", SECRET)
        assert SecretStore({})("secret://keyring/acme/token") == SECRET
        with pytest.raises(AccessError, match="no secret at"):
            SecretStore({})("secret://keyring/acme/other")
    finally:
        keyring.set_keyring(before)


def test_a_secret_of_aws_secrets_manager(monkeypatch):
    value = json.dumps({"token": SECRET})
    replies = [
        {"operation": "GetSecretValue", "when": {"SecretId": "acme/api"}, "pages": [{"SecretString": value}]},
        {"operation": "GetSecretValue", "error": {"code": "ResourceNotFoundException", "message": "no"}},
    ]
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with amazon(read_estate({"replies": replies}, default="secretsmanager"), monkeypatch):
        assert SecretStore({})("secret://aws-sm/acme/api#token") == SECRET
        assert SecretStore({})("secret://aws-sm/acme/api") == value
        with pytest.raises(AccessError, match="no field `user`") as caught:
            SecretStore({})("secret://aws-sm/acme/api#user")
        assert SECRET not in caught.value.message
        with pytest.raises(AccessError, match="ResourceNotFoundException"):
            SecretStore({})("secret://aws-sm/other")


class _Vault(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        allowed = self.headers["X-Vault-Token"] == "t"
        answers = {
            "/v1/secret/data/acme": {"data": {"data": {"token": SECRET}, "metadata": {"version": 1}}},
            "/v1/kv/acme": {"data": {"value": SECRET}},
            "/v1/odd": ["not", "an", "answer"],
            "/v1/kv/nothing": {"data": {"value": None}},
        }
        body = json.dumps(answers.get(self.path)).encode()
        self.send_response(200 if allowed and self.path in answers else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def vault(tmp_path):
    """A vault on loopback over TLS, and the environment in which it is found."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = LoopbackServer(_Vault)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server):
        address = server.url.replace("http://", "https://")
        yield {"VAULT_ADDR": address, "VAULT_TOKEN": "t", "VAULT_CACERT": str(tmp_path / "ca.pem")}


def test_a_secret_of_a_vault_of_either_version(vault):
    store = SecretStore(vault)
    assert store("secret://vault/secret/data/acme#token") == SECRET
    assert store("secret://vault/kv/acme") == SECRET


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("secret://vault/secret/data/acme#other", "no field `other`"),
        ("secret://vault/odd", "no field"),
        ("secret://vault/kv/nothing", "no field `value`"),
        ("secret://vault/elsewhere", "HTTP 403"),
    ],
)
def test_what_a_vault_does_not_hand_out_is_said(vault, reference, said):
    with pytest.raises(AccessError, match=said):
        SecretStore(vault)(reference)


def test_a_vault_over_plain_http_is_not_asked(vault):
    plain = vault["VAULT_ADDR"].replace("https://", "http://")
    with pytest.raises(AccessError, match="VAULT_ADDR"):
        SecretStore({**vault, "VAULT_ADDR": plain})("secret://vault/kv/acme")
