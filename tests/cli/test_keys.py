"""`keys add`, `keys certificate`, and what `keys show` says of where a key is."""

import json
import subprocess

import pytest

from evidence_kit.signers.file import generate, save


@pytest.fixture
def held(tmp_path):
    """The URI of a key that is held elsewhere."""
    save(generate("p256"), tmp_path / "elsewhere.p12", "correct horse")
    return f"file:{tmp_path / 'elsewhere.p12'}"


def test_a_key_held_elsewhere_is_registered_and_opens_a_case(run, held) -> None:
    said = json.loads(run("keys", "add", "--name", "alice@example.com", "--uri", held, "--json").out)
    listed = json.loads(run("keys", "show", "--json").out)

    assert [(key["name"], key["keyid"]) for key in listed] == [("alice@example.com", said["keyid"])]
    assert run("init", "case", "--id", "IR-1", "--title", "t", "--yes", "--key", held).code == 0
    assert run("custody", "note", "case", "by URI", "--key", held).code == 0
    assert run("custody", "note", "case", "by name", "--key", "alice@example.com").code == 0


def test_a_uri_that_is_not_registered_signs_nothing(run, held) -> None:
    told = run("init", "case", "--id", "IR-1", "--title", "t", "--yes", "--key", held)

    assert told.code == 2
    assert "keys add" in told.err


def test_an_unknown_scheme_is_a_usage_error_with_a_hint(run) -> None:
    told = run("keys", "add", "--name", "alice@example.com", "--uri", "awskm:alias/ir")

    assert told.code == 2
    assert "did you mean `awskms`" in told.err


def test_an_ml_dsa_key_opens_no_case(run) -> None:
    assert run("keys", "new", "--name", "pq", "--algorithm", "mldsa65").code == 0
    told = run("init", "case", "--id", "IR-1", "--title", "t", "--yes", "--key", "pq")

    assert told.code == 2
    assert "beside another key" in told.err


def test_show_says_where_each_key_is(run, held) -> None:
    run("keys", "new", "--name", "here", "--algorithm", "mldsa65")
    run("keys", "add", "--name", "there", "--uri", held)
    lines = run("keys", "show").out.splitlines()

    assert [line.split()[1:] for line in lines] == [["mldsa65", "file", "here"], ["p256", "file", "there"]]
    listed = json.loads(run("keys", "show", "--json").out)
    assert [key["identity"] for key in listed] == [False, True]


def test_a_certificate_is_kept_with_its_key_only(run, tmp_path) -> None:
    run("keys", "new", "--name", "alice@example.com")
    run("keys", "new", "--name", "bob@example.com")
    home = tmp_path / "home" / "keys"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", "ca.key", "-subj", "/CN=ca", "-out", "ca.pem"]
    issue = ["openssl", "x509", "-new", "-force_pubkey", home / "alice@example.com.pub.pem", "-subj", "/CN=alice"]
    try:
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    subprocess.run(
        [*issue, "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "a.pem"], check=True, capture_output=True, cwd=tmp_path
    )

    assert run("keys", "certificate", "alice@example.com", tmp_path / "a.pem").code == 0
    assert run("keys", "certificate", "bob@example.com", tmp_path / "a.pem").code == 2
    assert run("keys", "certificate", "alice@example.com", tmp_path / "none.pem").code == 2
    assert run("keys", "certificate", "eve", tmp_path / "a.pem").code == 5
    listed = json.loads(run("keys", "show", "--json").out)
    assert [key["certificate"] for key in listed] == [True, False]
