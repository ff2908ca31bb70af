"""Schemes find their code; a plug-in adds one, and may neither take one over nor lie about its key."""

import subprocess
import sys
from importlib import metadata

import pytest

from evidence_kit.errors import PluginError, SignatureError, UsageError
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.signers.registry import BUILTIN, GROUP, open_signer, opener


def nobody():
    raise AssertionError("no passphrase is needed")


class Liar:
    """A plug-in's signer: what it says can be set."""

    def __init__(self):
        self.real = KeySigner(generate("p256"))
        self.keyid, self.public_key_pem = self.real.keyid, self.real.public_key_pem
        self.answer = self.real.sign

    def sign(self, payload):
        return self.answer(payload)


@pytest.fixture
def plugged(monkeypatch):
    """Make entry points appear as if distributions had brought them."""

    def plug(*points):
        found = metadata.EntryPoints(metadata.EntryPoint(name, value, GROUP) for name, value in points)
        monkeypatch.setattr(metadata, "entry_points", lambda **said: found if said == {"group": GROUP} else ())

    return plug


@pytest.fixture
def liar(plugged, monkeypatch):
    """A plug-in for `liar:` whose signer the test may bend."""
    signer = Liar()
    module = type(sys)("plugged_liar")
    module.open_key = lambda *_: signer
    monkeypatch.setitem(sys.modules, "plugged_liar", module)
    plugged(("liar", "plugged_liar:open_key"))
    return signer


def test_every_built_in_scheme_loads():
    for name, need in {"azurekms": "azure.identity", "gcpkms": "google.auth", "pkcs11": "pkcs11"}.items():
        pytest.importorskip(need, reason=f"{need} is not installed")
        assert name in BUILTIN
    for scheme in BUILTIN:
        assert callable(opener(scheme))


def test_an_unknown_scheme_gets_the_nearest_name():
    with pytest.raises(UsageError, match="`awskm:`") as raised:
        open_signer("awskm:alias/ir", passphrase=nobody)

    assert "`awskms`" in raised.value.hint


def test_a_plugin_adds_a_scheme_and_its_signatures_are_checked(liar):
    signer = open_signer("liar:x", passphrase=nobody)

    signer.public.verify(b"x", signer.sign(b"x"))


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"",
        lambda _: b"\0" * 100_000,
        KeySigner(generate("p256")).sign,
        KeySigner(generate("ed25519")).sign,
    ],
    ids=["empty", "endless", "another key", "another kind"],
)
def test_a_bad_signature_is_never_handed_out(liar, answer):
    liar.answer = answer
    signer = open_signer("liar:x", passphrase=nobody)
    with pytest.raises(SignatureError) as raised:
        signer.sign(b"x")

    assert "nothing was kept" in raised.value.hint


def test_a_signature_over_other_data_is_never_handed_out(liar):
    liar.answer = lambda payload: liar.real.sign(payload + b"!")
    with pytest.raises(SignatureError, match="bad signature"):
        open_signer("liar:x", passphrase=nobody).sign(b"x")


def test_a_plugin_that_names_its_key_wrongly_is_refused(liar):
    liar.keyid = "0" * 64
    with pytest.raises(PluginError, match="calls its key"):
        open_signer("liar:x", passphrase=nobody)


def test_a_plugin_without_a_public_key_is_refused(liar):
    liar.public_key_pem = b"none"
    with pytest.raises(UsageError, match="cannot be used"):
        open_signer("liar:x", passphrase=nobody)


@pytest.mark.parametrize("points", [[("file", "x:y")], [("new", "x:y"), ("new", "z:y")]])
def test_a_scheme_claimed_twice_is_an_error(plugged, points):
    plugged(*points)
    with pytest.raises(PluginError, match="more than once") as raised:
        opener(points[0][0])

    assert "x:y" in raised.value.hint


def test_a_plugin_that_cannot_be_loaded_says_so(plugged):
    plugged(("new", "no_such_module_anywhere:y"))
    with pytest.raises(PluginError, match="cannot be loaded"):
        opener("new")


@pytest.mark.parametrize(
    ("scheme", "library", "extra"),
    [("pkcs11", "pkcs11", "pkcs11")],
)
def test_a_missing_library_names_the_extra_that_brings_it(monkeypatch, scheme, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, BUILTIN[scheme].where.partition(":")[0], raising=False)
    with pytest.raises(PluginError, match="not installed") as raised:
        opener(scheme)

    assert f"evidence-kit[{extra}]" in raised.value.hint


def test_verification_loads_no_signer_and_no_sdk(case, tmp_path):
    (tmp_path / "trust.yaml").write_bytes(case.trust_text)
    code = f"""
import sys
from evidence_kit.cli.app import main
assert main(["verify", {str(case.root)!r}, "--trust", {str(tmp_path / "trust.yaml")!r}]) == 0
far = ("evidence_kit.signers", "boto", "google", "azure", "pkcs11", "requests")
loaded = [name for name in sys.modules if name.startswith(far)]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=240)
