"""Disclosing: what was asked for leaves, nothing else does, and the custody log says so before."""

import base64
import hashlib
import json
import subprocess
import tracemalloc
from dataclasses import replace

import pytest
from support.casemaker import NOW, PagesFromMemory, artifacts, make_case, trust_text
from support.disclosed import OBJECT, PAGES, RULES, Disclosure, disclosure_of, make_disclosure
from support.stamping import case_of_today, stamp, trusting
from support.tampering import flip, overwrite, swap_lines
from support.tsa import Tsa, needs_openssl

from evidence_kit.analysis.rules import parse_rules
from evidence_kit.custody import bag, disclosure, log, seal, statement, strict
from evidence_kit.custody.merkle import Prover
from evidence_kit.custody.trust import parse_trust
from evidence_kit.errors import (
    DigestError,
    EmptyError,
    EvidenceKitError,
    Exit,
    UntrustedError,
    UsageError,
)
from evidence_kit.report.disclosure.disclosing import Handover, Order, disclose
from evidence_kit.signers.file import KeySigner, generate


def events(case):
    lines = (case.root / log.LOG).read_bytes().splitlines()
    payloads = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines]
    return [payload for payload in payloads if payload["predicate"]["type"] == log.DISCLOSED]


def test_what_was_asked_for_is_handed_on_byte_for_byte(tmp_path, case):
    made = disclosure_of(case, tmp_path / "out", artifacts=(OBJECT, "*passwd"))
    kept = artifacts(case)

    given = {path for path in made.root.rglob("artifacts/**/*") if path.is_file()}
    assert len(given) == 2
    for path in given:
        assert path.read_bytes() == kept[str(path.relative_to(made.path("artifacts/BAG")))]
    lines = made.path("attestations/BAG.jsonl").read_bytes().splitlines()
    assert set(lines) < set(case.path(bag.ATTESTATIONS).read_bytes().splitlines())
    assert made.path("seals/BAG/seal/seal.sigstore.json").read_bytes() == case.path(bag.SEAL).read_bytes()


def test_nothing_of_what_was_withheld_is_in_the_package(tmp_path, case):
    made = disclosure_of(case, tmp_path / "out", artifacts=(OBJECT,))
    told = b"".join(path.read_bytes() for path in made.root.rglob("*") if path.is_file())

    for path, body in artifacts(case).items():
        if not path.endswith("two=20words.log"):
            assert body not in told
            assert path.encode() not in told
            assert hashlib.sha256(body).hexdigest().encode() not in told


def test_the_log_says_what_left_and_the_case_still_verifies(tmp_path):
    made = make_disclosure(tmp_path)
    (event,) = events(made.case)
    sha256 = hashlib.sha256((made.root / "disclosure.json").read_bytes()).hexdigest()

    assert event["predicate"]["disclosure"] == {
        "recipient": "The Court", "purpose": "case 7", "authority": "order 12", "artifacts": 4, "redacted": 3,
        "sha256": sha256,
    }  # fmt: skip
    assert event["subject"] == [{"name": "disclosure.json", "digest": {"sha256": sha256}}]
    assert made.case.verify(each_signature=True).exit() is Exit.OK


def test_the_readme_says_what_is_there_and_how_to_check_it(tmp_path):
    made = make_disclosure(tmp_path)
    text = (made.root / "README.txt").read_text()

    assert "The Court" in text
    assert made.case.signer.keyid in text
    assert f"B={made.bag}" in text
    assert "openssl" in text
    assert "artifacts      4, of which redacted: 3" in text


@pytest.mark.parametrize("said", [
    "data/nothing*", "0" * 64, "bags/other/data/x", "", "record/*", "seal/*", "../case/*", "case.json",
])  # fmt: skip
def test_what_no_sealed_bag_holds_cannot_be_disclosed(tmp_path, small_case, said):
    with pytest.raises(EmptyError):
        disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT, said))
    assert not (tmp_path / "out").exists()
    assert events(small_case) == []


def test_an_unsealed_acquisition_cannot_be_disclosed(tmp_path, unsealed_case):
    with pytest.raises(EmptyError, match="sealed") as told:
        disclosure_of(unsealed_case, tmp_path / "out", artifacts=("*",))
    assert "resume" in told.value.hint


def test_a_digest_names_an_artifact(tmp_path, small_case):
    body = artifacts(small_case)
    path = next(iter(body))
    made = disclosure_of(small_case, tmp_path / "out", artifacts=(hashlib.sha256(body[path]).hexdigest(),))

    assert made.path(f"artifacts/BAG/{path}").read_bytes() == body[path]


@pytest.mark.parametrize("harm", [
    lambda case: flip(case.path("manifest-sha256.txt"), 3),
    lambda case: flip(case.path("seal/seal.sigstore.json"), 300),
    lambda case: overwrite(case.path("seal/acquisition.pub"), KeySigner(generate("p256")).public_key_pem),
    lambda case: swap_lines(case.path("record/artifacts.intoto.jsonl"), 0, 1),
    lambda case: [overwrite(path, b"other") for path in case.path("data").rglob("two*")],
    lambda case: [path.unlink() for path in case.path("data").rglob("two*")],
    lambda case: flip(case.root / log.LOG, 40),
], ids=["manifest", "seal", "keys", "attestations", "artifact", "artifact gone", "log"])  # fmt: skip
def test_nothing_is_handed_out_of_a_bag_that_does_not_verify(tmp_path, small_case, harm):
    for path in small_case.root.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    harm(small_case)
    before = (small_case.root / log.LOG).read_bytes()

    with pytest.raises(EvidenceKitError) as told:
        disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,))
    assert told.value.exit >= Exit.DIGEST
    assert (small_case.root / log.LOG).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case"]


def test_a_seal_that_the_discloser_does_not_trust_is_not_handed_on(tmp_path, small_case):
    other = parse_trust(trust_text(KeySigner(generate("p256"))), name="trust.yaml")

    with pytest.raises(UntrustedError):
        disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,), trust=other)


def test_a_discloser_whom_the_policy_does_not_know_hands_nothing_on(tmp_path, small_case):
    keeper = replace(small_case.keeper, signer=KeySigner(generate("p256")), actor="Eve")
    order = Order(artifacts=(OBJECT,), to=Handover())

    with pytest.raises(UntrustedError, match="disclosure") as told:
        disclose(small_case.vault, keeper, small_case.trust, tmp_path / "out", order, at=NOW)
    assert "nothing was handed out" in told.value.hint
    assert not (tmp_path / "out").exists()
    assert events(small_case) == []


def test_what_was_changed_is_not_redacted_and_handed_on(tmp_path, small_case):
    (page,) = small_case.path("data").rglob("*.json")
    overwrite(page, page.read_bytes() + b" ")

    with pytest.raises(DigestError):
        disclosure_of(small_case, tmp_path / "out", artifacts=(PAGES,), rules=RULES)


def test_where_several_must_agree_one_alone_cannot_disclose(tmp_path, small_case):
    strict_policy = replace(small_case.trust, thresholds={"disclosure": 2})

    with pytest.raises(UntrustedError, match="2 people"):
        disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,), trust=strict_policy)
    assert events(small_case) == []


def test_an_approval_counts_for_one_disclosure(tmp_path, small_case):
    approver = KeySigner(generate("p256"))
    entry = trust_text(approver, roles=("approver",)).decode().partition("keys:\n")[2]
    text = small_case.trust_text.decode() + entry.replace("Robin Examiner", "Ada Approver")
    policy = replace(parse_trust(text.encode(), name="trust.yaml"), thresholds={"disclosure": 2})
    keeper = replace(small_case.keeper, signer=approver, actor="Ada Approver")
    keeper.append(
        log.APPROVED,
        at=NOW,
        subjects=[statement.Subject("case", "0" * 64)],
        fields={"approval": {"action": "disclosure", "reason": "r"}},
    )

    disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,), trust=policy)
    with pytest.raises(UntrustedError):
        disclosure_of(small_case, tmp_path / "again", artifacts=(OBJECT,), trust=policy)


def test_a_bag_of_which_nothing_is_asked_may_be_broken(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=("one",))
    case.collect(PagesFromMemory(pages=1, names=("two",)))
    path = case.root / case.bags[0] / "manifest-sha256.txt"
    path.chmod(0o644)
    flip(path, 3)

    assert disclosure_of(case, tmp_path / "out", artifacts=("*/two",)).verify().exit() is Exit.OK
    with pytest.raises(DigestError):
        disclosure_of(case, tmp_path / "again", artifacts=("*/one",))


# -- where it goes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["case/out", "case/derived/out", "full", "file", "link"])
def test_a_package_goes_into_a_folder_of_its_own_outside_the_case(tmp_path, small_case, where):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(small_case.root)

    with pytest.raises(UsageError):
        disclosure_of(small_case, tmp_path / where, artifacts=(OBJECT,))
    assert events(small_case) == []


def test_an_empty_folder_is_filled(tmp_path, small_case):
    (tmp_path / "out").mkdir()

    assert disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,)).verify().exit() is Exit.OK


# -- redaction -------------------------------------------------------------------------------------------------------


def test_a_rule_that_matches_nothing_stops_everything_unless_it_may(tmp_path, small_case):
    rules = RULES + b"  - {name: typo, reason: r, pattern: passwrod}\n"

    with pytest.raises(UsageError, match="typo"):
        disclosure_of(small_case, tmp_path / "out", artifacts=(PAGES,), rules=rules)
    assert not (tmp_path / "out").exists()

    order = Order(artifacts=(PAGES,), to=Handover(), rules=parse_rules(rules, name="r"), allow_unmatched=True)
    made = disclose(small_case.vault, small_case.keeper, small_case.trust, tmp_path / "out", order, at=NOW)
    assert made.redacted == 1


def test_an_artifact_that_no_rule_touches_is_handed_on_whole(tmp_path, small_case):
    rules = RULES.replace(b'"*.json"', b'"*/list/*"')
    made = disclosure_of(small_case, tmp_path / "out", artifacts=("*",), rules=rules)

    assert len([path for path in made.root.rglob("artifacts/**/*") if path.is_file()]) == 1
    assert len([path for path in made.root.rglob("redacted/**/*") if path.is_file()]) == 1


def test_what_a_rule_takes_out_is_nowhere_in_the_package(tmp_path, small_case):
    rules = RULES.replace(b"field: Events.*.id", b'pattern: \'"id": *"e[0-9]+"\'')
    made = disclosure_of(small_case, tmp_path / "out", artifacts=(PAGES,), rules=rules)

    for path in made.root.rglob("*"):
        assert not path.is_file() or b'"e0"' not in path.read_bytes()


def test_rules_that_match_an_attestation_are_told(tmp_path, small_case):
    rules = parse_rules(RULES.replace(b"field: Events.*.id", b"pattern: '2026-11-18'"), name="r")
    order = Order(artifacts=(PAGES,), to=Handover(), rules=rules)
    made = disclose(small_case.vault, small_case.keeper, small_case.trust, tmp_path / "out", order, at=NOW)

    assert made.told == ("ids",)


def test_the_same_disclosure_twice_gives_the_same_copies(tmp_path, small_case):
    first = disclosure_of(small_case, tmp_path / "one", artifacts=("*",), rules=RULES)
    second = disclosure_of(small_case, tmp_path / "two", artifacts=("*",), rules=RULES)

    assert (first.root / "manifest-sha256.txt").read_bytes() == (second.root / "manifest-sha256.txt").read_bytes()


# -- seals -----------------------------------------------------------------------------------------------------------


def test_countersignatures_and_time_stamps_travel_with_the_seal(tmp_path, small_case):
    second = KeySigner(generate("ed25519"))
    payload = seal.parse(small_case.path(bag.SEAL).read_bytes()).payload
    small_case.path(f"seal/{second.keyid}.sigstore.json").write_bytes(seal.sign(payload, second))
    small_case.path(bag.TIMESTAMPS).mkdir()
    small_case.path(f"{bag.TIMESTAMPS}/tsa.example.org.reply").write_bytes(b"<html>")

    made = disclosure_of(small_case, tmp_path / "out", artifacts=(OBJECT,))
    assert made.path(f"seals/BAG/seal/{second.keyid}.sigstore.json").exists()
    assert not made.path("seals/BAG/seal/timestamps").exists()
    assert not made.path("seals/BAG/seal.stamped.sigstore.json").exists()


@needs_openssl
def test_a_stamped_seal_is_proven_to_its_receiver_and_to_openssl(tmp_path, monkeypatch):
    case = case_of_today(tmp_path / "case", monkeypatch)
    with Tsa(tmp_path / "tsa").serving() as tsa:
        stamp(case, tsa)
    policy = trusting(case, tsa, required=True)
    made = disclosure_of(case, tmp_path / "out", artifacts=(OBJECT,), trust=policy)
    token = made.one("seals/BAG/seal/timestamps/*.tsr")
    bundle = json.loads(made.path("seals/BAG/seal.stamped.sigstore.json").read_bytes())

    assert made.verify().exit() is Exit.OK
    (reply,) = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    assert base64.b64decode(reply["signedTimestamp"]) == token.read_bytes()
    (tmp_path / "sig").write_bytes(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    command = ["openssl", "ts", "-verify", "-data", tmp_path / "sig", "-in", token, "-CAfile", tsa.root_file]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0

    token.unlink()
    made.sign()
    assert made.verify().exit() is Exit.UNTRUSTED


def test_a_token_is_embedded_where_sigstore_tools_look_for_it():
    bundle = strict.encode({"verificationMaterial": {"publicKey": {"hint": "k"}}, "x": 1}) + b"\n"
    value = json.loads(disclosure.stamped(bundle, [b"one", b"two"]))

    replies = value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    assert [base64.b64decode(reply["signedTimestamp"]) for reply in replies] == [b"one", b"two"]
    assert value["verificationMaterial"]["publicKey"] == {"hint": "k"}


# -- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_thousand_artifacts_take_little_memory(tmp_path):
    case = make_case(tmp_path / "case", pages=1000, names=())
    tracemalloc.start()
    made = disclosure_of(case, tmp_path / "out", artifacts=(PAGES,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(made, Disclosure)
    assert len(made.path("proofs/BAG.jsonl").read_bytes().splitlines()) == 1000
    assert peak < 12_000_000


def test_a_proof_for_every_leaf_shares_its_hashes():
    prover = Prover(range(10_000))
    tracemalloc.start()
    for number in range(10_000):
        prover.add(b"%d" % number)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert used < 8_000_000
