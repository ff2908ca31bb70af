"""The trust policy from the command line."""

import hashlib
import json

import pytest
from support.private_ca import PrivateCa

from evidence_kit.custody.trust import parse_trust
from evidence_kit.signers.file import KeySigner, generate

ALICE, BOB = (KeySigner(generate("p256")) for _ in range(2))
CA, TSA = PrivateCa.root("ca"), PrivateCa.root("tsa")


@pytest.fixture
def files(tmp_path):
    """PEM files that somebody handed over."""
    made = {"alice": ALICE.public_key_pem, "bob": BOB.public_key_pem, "ca": CA.pem, "tsa": TSA.pem, "crl": CA.crl()}
    for name, data in made.items():
        (tmp_path / f"{name}.pem").write_bytes(data)
    return tmp_path


@pytest.fixture
def policy(run, files):
    """A policy with one key."""
    assert run("trust", "init", "t.yaml").code == 0
    told = run("trust", "add", "t.yaml", "--name", "Alice", "--role", "collector", "--key", "alice.pem")
    assert (told.code, told.out) == (0, "")
    return files / "t.yaml"


def read(path):
    return parse_trust(path.read_bytes(), name="t.yaml")


def test_a_new_policy_trusts_nobody_and_says_what_to_do(run, files):
    told = run("trust", "init", "t.yaml")
    assert (told.code, told.out) == (0, "t.yaml\n")
    assert "trust add" in told.err
    shown = run("trust", "show", "t.yaml")
    assert shown.code == 2
    assert "trusts no key" in shown.err
    assert run("trust", "init", "t.yaml").code == 2


def test_a_policy_can_start_with_a_key(run, files):
    assert run("trust", "init", "t.yaml", "--key", "alice.pem", "--name", "Alice", "--role", "log").code == 0
    assert read(files / "t.yaml").keys[ALICE.keyid].roles == {"log"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--key", "ca.pem", "--name", "A", "--role", "log"), "not a PEM public key"),
        (("--key", "alice.pem", "--name", "A", "--role", "king"), "unknown role `king`"),
        (("--key", "alice.pem", "--name", "A"), "`--role` is missing"),
        (("--key", "alice.pem", "--role", "log"), "`--name` is missing"),
        (("--key", "none.pem", "--name", "A", "--role", "log"), "cannot read"),
    ],
)
def test_a_policy_that_cannot_start_leaves_no_file(run, files, options, said):
    told = run("trust", "init", "t.yaml", *options)
    assert told.code == 2
    assert said in told.err
    assert not (files / "t.yaml").exists()


def test_a_description_without_a_key_is_not_ignored(run, files):
    assert run("trust", "init", "t.yaml", "--name", "Alice").code == 2
    assert not (files / "t.yaml").exists()


def test_without_a_file_it_is_the_users_own_policy(run, files, tmp_path):
    run("keys", "new", "--name", "me@example.com")
    assert run("trust", "add", "--name", "Bob", "--role", "approver", "--key", "bob.pem").code == 0
    own = read(tmp_path / "home" / "trust.yaml")
    assert [key.name for key in own.keys.values()] == ["me@example.com", "Bob"]
    assert run("trust", "revoke", "Bob", "--reason", "superseded").code == 0
    assert "superseded" in run("trust", "show").out


def test_a_new_key_of_ones_own_finds_its_place_among_other_sections(run, files, tmp_path):
    run("keys", "new", "--name", "me@example.com")
    assert run("trust", "add", "--tsa-certificate", "tsa.pem", "--name", "clock").code == 0
    assert run("keys", "new", "--name", "me2@example.com").code == 0
    own = read(tmp_path / "home" / "trust.yaml")
    assert [key.name for key in own.keys.values()] == ["me@example.com", "me2@example.com"]


def test_ones_own_key_is_added_by_name(run, policy):
    run("keys", "new", "--name", "me@example.com")
    assert run("trust", "add", policy, "--role", "log", "--from-keyring", "me@example.com").code == 0
    assert [key.name for key in read(policy).keys.values()] == ["Alice", "me@example.com"]


def test_authorities_are_added(run, policy):
    add = ("trust", "add", policy, "--name")
    assert run(*add, "clock", "--tsa-certificate", "tsa.pem", "--policy", "1.2.3").code == 0
    staff = ("--ca-certificate", "ca.pem", "--role", "collector", "--identity", "*@x.org", "--crl", "crl.pem")
    assert run(*add, "staff", *staff).code == 0
    found = read(policy)
    assert [authority.name for authority in found.time_authorities] == ["clock"]
    assert len(found.certificate_authorities[0].crls) == 1
    shown = run("trust", "show", policy).out
    assert "*@x.org" in shown
    assert "1.2.3" in shown
    assert "1, newest of 2026-04-11" in shown
    said = json.loads(run("trust", "show", policy, "--json").out)
    assert said["certificateAuthorities"][0]["certificates"][0]["subject"] == "CN=ca,O=Example IR"
    assert said["timeAuthorities"][0]["policies"] == ["1.2.3"]


def test_what_is_not_checked_is_shown(run, policy):
    staff = ("--ca-certificate", "ca.pem", "--role", "collector", "--identity", "*@x.org")
    assert run("trust", "add", policy, "--name", "staff", *staff).code == 0
    assert "none: revocation is not checked" in run("trust", "show", policy).out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "trust what?"),
        (("--key", "bob.pem", "--tsa-certificate", "tsa.pem", "--name", "x"), "trust what?"),
        (("--key", "bob.pem", "--role", "log"), "`--name` is missing"),
        (("--key", "bob.pem", "--name", "Bob"), "`--role` is missing"),
        (("--key", "bob.pem", "--name", "Bob", "--role", "colector"), "did you mean `collector`?"),
        (("--key", "none.pem", "--name", "Bob", "--role", "log"), "cannot read `none.pem`"),
        (("--key", "bob.pem", "--from-keyring", "b", "--name", "x", "--role", "log"), "which key?"),
        (("--key", "bob.pem", "--name", "x", "--role", "log", "--valid-from", "2026"), "2026"),
        (("--key", "bob.pem", "--name", "x", "--role", "log", "--policy", "1.2"), "`--policy` does not go with"),
        (("--tsa-certificate", "tsa.pem", "--name", "x", "--role", "log"), "`--role` does not go with"),
        (("--tsa-certificate", "tsa.pem", "--name", "x", "--valid-until", "1d"), "`--valid-until` does not go with"),
        (("--ca-certificate", "ca.pem", "--name", "x", "--role", "log"), "`--identity` is missing"),
        (("--key", "alice.pem", "--name", "Again", "--role", "log"), "is listed twice"),
    ],
)
def test_an_unclear_addition_changes_nothing(run, policy, options, said):
    before = policy.read_bytes()
    told = run("trust", "add", policy, *options)
    assert told.code == 2
    assert said in told.err
    assert policy.read_bytes() == before


def test_a_private_key_is_never_taken_for_a_public_one(run, policy, files):
    (files / "private.pem").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    told = run("trust", "add", policy, "--name", "x", "--role", "log", "--key", "private.pem")
    assert told.code == 2
    assert "c2VjcmV0" not in told.err + told.out


def test_a_key_is_revoked_and_replaced(run, policy):
    assert run("trust", "rotate", policy, "Alice", "--key", "bob.pem", "--at", "2026-03-01T00:00:00Z").code == 0
    assert run("trust", "revoke", policy, BOB.keyid[:12], "--reason", "compromised", "--at", "1h").code == 0
    old, new = read(policy).keys.values()
    assert (old.revoked.reason, new.name, new.revoked.reason) == ("superseded", "Alice", "compromised")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Alice", "--reason", "lost"), "unknown reason `lost`"),
        (("Alice", "--reason", "compromised", "--at", "2999-01-01T00:00:00Z"), "not compromised in the future"),
        (("Mallory", "--reason", "superseded"), "is called `Mallory`"),
        (("Alice", "more", "--reason", "superseded"), "too many arguments"),
    ],
)
def test_an_unclear_revocation_changes_nothing(run, policy, arguments, said):
    before = policy.read_bytes()
    told = run("trust", "revoke", policy, *arguments)
    assert told.code == 2
    assert said in told.err
    assert policy.read_bytes() == before


def test_a_policy_is_shown_to_programs(run, policy):
    said = json.loads(run("trust", "show", policy, "--json").out)
    assert said["sha256"] == hashlib.sha256(policy.read_bytes()).hexdigest()
    assert [key["keyid"] for key in said["keys"]] == [ALICE.keyid]
    assert said["thresholds"]["disposal"] == 1


def test_a_hidden_character_in_a_name_is_shown(run, policy):
    policy.write_text(policy.read_text().replace('"Alice"', '"A\\u202elice"'))
    assert "\\u202e" in run("trust", "show", policy).out


def test_a_policy_is_exported_for_other_tools(run, policy, files):
    told = run("trust", "export", policy, "-o", "out")
    assert told.code == 0
    assert {path.name for path in (files / "out").iterdir()} == {"allowed_signers", "Alice.pub.pem", "README.txt"}
    assert run("trust", "export", policy, "-o", "out").code == 2


# -- signed and pinned ----------------------------------------------------------------------------------------


@pytest.fixture
def signed(run, policy, files):
    """A policy that its owner has signed; their key id."""
    keyid = json.loads(run("keys", "new", "--name", "me@example.com", "--json").out)["keyid"]
    (files / "me.pem").write_text(run("keys", "show", "me@example.com").out)
    told = run("trust", "sign", policy)
    assert (told.code, told.out) == (0, f"{policy}.sigstore.json\n")
    return keyid


def test_a_signed_policy_is_accepted_by_key_file_and_key_id(run, policy, signed, monkeypatch):
    for signer in ("me.pem", signed):
        monkeypatch.setenv("EVIDENCE_KIT_TRUST_SIGNER", signer)
        assert run("trust", "show", policy).code == 0


def test_a_key_id_is_found_in_the_policy_itself(run, policy, signed, monkeypatch):
    run("trust", "add", policy, "--from-keyring", "me@example.com", "--role", "approver")
    assert run("trust", "sign", policy).code == 0
    monkeypatch.setenv("EVIDENCE_KIT_TRUST_SIGNER", signed)
    monkeypatch.setenv("EVIDENCE_KIT_HOME", "elsewhere")
    assert run("trust", "show", policy).code == 0


def test_a_change_after_the_signature_says_so_and_is_untrusted(run, policy, signed, monkeypatch):
    told = run("trust", "add", policy, "--name", "Bob", "--role", "log", "--key", "bob.pem")
    assert "no longer fits" in told.err
    monkeypatch.setenv("EVIDENCE_KIT_TRUST_SIGNER", "me.pem")
    shown = run("trust", "show", policy)
    assert shown.code == 15
    assert "changed after it was signed" in shown.err


@pytest.mark.parametrize(
    ("signer", "code", "said"),
    [
        ("bob.pem", 15, "is not the policy that key"),
        ("0" * 64, 15, "is not at hand"),
        ("none.pem", 2, "cannot read `none.pem`"),
        ("ca.pem", 2, "not a PEM public key"),
        ("", 2, "cannot read"),
    ],
)
def test_verify_refuses_a_policy_that_the_named_key_did_not_sign(run, small_case, policy, signed, signer, code, said):
    told = run("verify", small_case.root, "--trust", policy, "--trust-signer", signer)
    assert told.code == code
    assert said in told.err


def test_verify_wants_a_signature_where_a_signer_is_named(run, small_case, policy):
    told = run("verify", small_case.root, "--trust", policy, "--trust-signer", "bob.pem")
    assert told.code == 15
    assert "is not signed" in told.err


def test_verify_refuses_a_policy_that_is_not_the_pinned_one(run, small_case, tmp_path):
    policy = tmp_path / "case-trust.yaml"
    policy.write_bytes(small_case.trust_text)
    command = ("verify", small_case.root, "--trust", policy, "--trust-sha256")
    assert run(*command, hashlib.sha256(policy.read_bytes()).hexdigest()).code == 0
    assert run(*command, "0" * 64).code == 15
    assert run(*command, "").code == 2


def test_an_invalid_policy_is_not_signed(run, files):
    run("keys", "new", "--name", "me@example.com")
    run("trust", "init", "t.yaml")
    assert run("trust", "sign", "t.yaml").code == 2
    assert not (files / "t.yaml.sigstore.json").exists()
