"""Keys, opening a case, notes, the catalogue."""

import json
import stat

import pytest

from evidence_kit.custody.trust import parse_trust


def test_a_new_key_is_encrypted_private_and_trusted(run, tmp_path) -> None:
    told = run("keys", "new", "--name", "alice@example.com", "--json")
    said = json.loads(told.out)
    home = tmp_path / "home"
    stored = home / "keys" / "alice@example.com.p12"

    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in stored.read_bytes()
    trust = parse_trust((home / "trust.yaml").read_bytes(), name="trust.yaml")
    assert trust.keys[said["keyid"]].roles == {"collector", "custodian"}


def test_two_keys_share_one_trust_file_and_show_lists_both(run) -> None:
    run("keys", "new", "--name", "alice@example.com")
    run("keys", "new", "--name", "bob+ir@example.com", "--algorithm", "ed25519")
    listed = json.loads(run("keys", "show", "--json").out)

    assert {key["algorithm"] for key in listed} == {"p256", "ed25519"}
    assert all({"name", "keyid", "publicKey"} <= set(key) for key in listed)


@pytest.mark.parametrize("bad", ["", "../x", "a b", "x\ny", "é", "-x"])
def test_a_key_name_is_plain(run, bad) -> None:
    assert run("keys", "new", f"--name={bad}").code == 2


def test_a_key_is_never_overwritten(run) -> None:
    run("keys", "new", "--name", "alice@example.com")
    told = run("keys", "new", "--name", "alice@example.com")

    assert told.code == 2
    assert "exists already" in told.err


def test_without_a_passphrase_and_a_terminal_no_key_is_opened(run, monkeypatch) -> None:
    run("keys", "new", "--name", "alice@example.com")
    monkeypatch.delenv("EVIDENCE_KIT_PASSPHRASE")

    told = run("init", "case", "--id", "IR-1", "--title", "t", "--yes")

    assert told.code == 5
    assert "EVIDENCE_KIT_PASSPHRASE" in told.err


def test_a_wrong_passphrase_is_access_and_names_the_key(run, opened, monkeypatch) -> None:
    monkeypatch.setenv("EVIDENCE_KIT_PASSPHRASE", "wrong")

    told = run("custody", "note", opened, "x")

    assert told.code == 5
    assert "alice@example.com" in told.err
    assert "wrong" not in told.err


def test_several_keys_have_to_be_chosen_from(run) -> None:
    run("keys", "new", "--name", "a@example.com")
    run("keys", "new", "--name", "b@example.com")

    assert run("init", "case", "--id", "IR-1", "--title", "t", "--yes").code == 2
    assert run("init", "case", "--id", "IR-1", "--title", "t", "--yes", "--key", "b@example.com").code == 0


@pytest.mark.parametrize("bad", ["", "a b", "../x", "x" * 65, "é"])
def test_a_case_id_is_plain(run, bad) -> None:
    run("keys", "new", "--name", "a@example.com")

    assert run("init", "case", "--id", bad, "--title", "t", "--yes").code == 2


def test_a_case_that_exists_is_not_touched(run, opened) -> None:
    before = (opened / "case.json").read_bytes()
    told = run("init", opened, "--id", "IR-2", "--title", "t", "--yes")

    assert told.code == 2
    assert "exists" in told.err
    assert (opened / "case.json").read_bytes() == before


def test_a_note_is_an_event_of_the_log_and_the_case_still_verifies_as_empty(run, opened) -> None:
    assert run("custody", "note", opened, "the phone call of 14:05").code == 0
    events = json.loads(run("custody", "log", opened, "--json").out)

    assert [event["name"] for event in events] == ["case.opened", "note"]
    assert "the phone call of 14:05" in run("custody", "log", opened).out
    assert run("verify", opened).code == 4


def test_an_empty_note_is_refused(run, opened) -> None:
    assert run("custody", "note", opened, "  ").code == 2


def test_sources_are_listed_for_people_and_programs(run) -> None:
    listed = json.loads(run("sources", "list", "--json").out)

    assert {"aws.cloudtrail.lookup", "aws.cloudtrail.s3"} <= {source["name"] for source in listed}
    assert all({"name", "provider", "permissions"} <= set(source) for source in listed)
    assert "cloudtrail:LookupEvents" in run("sources", "show", "aws.cloudtrail.lookup").out


def test_an_unknown_source_gets_the_nearest_name(run) -> None:
    told = run("sources", "show", "aws.cloudtrail.lokup")

    assert told.code == 2
    assert "did you mean `aws.cloudtrail.lookup`" in told.err
