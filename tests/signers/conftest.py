"""Key services of every kind, each of them real or speaking the real one's language, on loopback."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.fake_kms import FakeGoogle, FakeVault, serving
from support.ministack import ministack

__all__ = ["ministack"]
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "123456"


@pytest.fixture
def aws(ministack, monkeypatch):
    """The session's ministack, found by the SDK's own chain."""
    for name, value in ministack.environ.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return ministack


@pytest.fixture
def google():
    """A Cloud KMS with one P-256 key."""
    pytest.importorskip("google.auth", reason="google-auth is not installed")
    pytest.importorskip("google_crc32c", reason="google-crc32c is not installed")
    with serving(FakeGoogle()) as kms:
        yield kms


@pytest.fixture
def vault():
    """A Key Vault with one P-256 key."""
    pytest.importorskip("azure.identity", reason="azure-identity is not installed")
    with serving(FakeVault()) as kms:
        yield kms


class SoftToken:
    """A SoftHSM2 token of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tokens").mkdir()
        self.conf = folder / "softhsm2.conf"
        self.conf.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.run("softhsm2-util", "--init-token", "--free", "--label", "ir", "--so-pin", "0000", "--pin", PIN)

    def run(self, *command):
        environ = {**os.environ, "SOFTHSM2_CONF": str(self.conf)}
        subprocess.run(command, check=True, capture_output=True, env=environ)

    def make(self, label="alice", key_id="01", kind="EC:prime256v1"):
        tool = ("pkcs11-tool", "--module", str(MODULE), "--token-label", "ir", "--login", "--pin", PIN)
        self.run(*tool, "--keypairgen", "--key-type", kind, "--label", label, "--id", key_id)

    def uri(self, attributes="token=ir;object=alice"):
        return f"pkcs11:{attributes}?module-path={MODULE}"


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A fresh token; the module, loaded once a process, reads its configuration again."""
    library = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    for program in ("softhsm2-util", "pkcs11-tool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not MODULE.exists():
        pytest.skip("SoftHSM2 is not installed")
    made = SoftToken(tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.conf))
    library.lib(str(MODULE)).reinitialize()
    return made
