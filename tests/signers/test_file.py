"""Key files: encrypted for long, private to their owner, silent about what they hold."""

import re
import stat
import subprocess

import pytest

from evidence_kit.errors import AccessError, UsageError
from evidence_kit.signers.file import KDF_ROUNDS, KeySigner, acquisition_signer, generate, load, save

PHRASE = "correct horse battery staple"


@pytest.fixture(params=["p256", "ed25519"])
def stored(request, tmp_path):
    path = tmp_path / "keys" / "alice@example.com.p12"
    key = generate(request.param)
    save(key, path, PHRASE)
    return path, KeySigner(key)


def test_a_stored_key_signs_as_before(stored) -> None:
    path, before = stored
    signer = load(path, lambda: PHRASE)

    assert signer.keyid == before.keyid
    before.public.verify(b"payload", signer.sign(b"payload"))


def test_a_key_file_is_its_owners_alone(stored) -> None:
    path, _ = stored

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_openssl_reads_the_file_and_names_its_rounds_and_cipher(stored) -> None:
    path, _ = stored
    command = ["openssl", "pkcs12", "-info", "-in", str(path), "-passin", f"pass:{PHRASE}", "-nocerts", "-nodes"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing")

    assert re.search(rf"PBKDF2, AES-256-CBC, Iteration {KDF_ROUNDS}\b", run.stderr), run.stderr
    assert KDF_ROUNDS >= 600_000


def test_a_wrong_passphrase_is_access_and_repeats_neither(stored) -> None:
    path, _ = stored
    with pytest.raises(AccessError) as raised:
        load(path, lambda: "wrong guess")

    assert "alice@example.com" in raised.value.message
    assert "wrong guess" not in f"{raised.value.message}{raised.value.hint}"


@pytest.mark.parametrize("content", [b"", b"not a key", b"\x30\x82"])
def test_a_file_that_is_no_key_is_access(tmp_path, content) -> None:
    path = tmp_path / "x.p12"
    path.write_bytes(content)

    with pytest.raises(AccessError):
        load(path, lambda: PHRASE)


def test_no_key_file_asks_for_no_passphrase(tmp_path) -> None:
    def asked() -> str:
        raise AssertionError("nobody should be asked")

    with pytest.raises(AccessError, match="there is no key"):
        load(tmp_path / "none.p12", asked)


def test_an_empty_passphrase_and_an_unknown_algorithm_are_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="empty passphrase"):
        save(generate("p256"), tmp_path / "x.p12", "")
    with pytest.raises(UsageError, match="unknown algorithm"):
        generate("rsa")


def test_a_key_is_never_written_over_another(stored) -> None:
    path, _ = stored
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        save(generate("p256"), path, PHRASE)

    assert path.read_bytes() == before


def test_an_acquisition_key_signs_until_it_is_destroyed() -> None:
    signer = acquisition_signer()
    signer.public.verify(b"x", signer.sign(b"x"))
    signer.destroy()

    with pytest.raises(AccessError, match="destroyed"):
        signer.sign(b"x")


def test_a_signer_shows_its_key_id_and_nothing_else() -> None:
    signer = acquisition_signer()

    assert repr(signer) == f"KeySigner({signer.keyid[:12]})"
