import json
from dataclasses import replace

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.acquire.case import keeper_of
from evidence_kit.acquire.decisions import (
    approval,
    countersign,
    decide,
    disposal,
    prepare,
    rotate,
    trusted_person,
)
from evidence_kit.acquire.handover import Terms, offer, record, subject_of
from evidence_kit.custody import log, seal
from evidence_kit.errors import EmptyError, Exit, UsageError
from evidence_kit.signers.file import KeySigner, generate

HOLD = {"hold": {"id": "M-7", "reason": "litigation", "authority": "counsel"}}
TWO_TO_DISPOSE = "thresholds:\n  disposal: 2\n"


@pytest.fixture
def cast(tmp_path):
    """Alice has collected and keeps the case; Bob may approve."""
    cast = Cast(tmp_path)
    cast.add("alice")
    cast.add("bob")
    cast.open("alice")
    return cast


def summary(report, name="custody"):
    return next(check.summary for check in report.checks if check.id == name)


def keeper(person):
    return keeper_of(person.vault, person.ring, None)


def acquisition(person):
    (found,) = keeper(person).state().acquisitions
    return found


def dispose(person, scope=log.WHOLE_CASE, at=NOW):
    fields = disposal(keeper(person).state(), scope, method="shredded", authority="policy 4", certificate=b"paper")
    return decide(person.vault, person.ring, None, log.DISPOSED, fields, at=at)


# -- holds and disposal --------------------------------------------------------------------------------------


def test_a_hold_forbids_disposal_until_it_is_released(cast):
    alice = cast["alice"]
    decide(alice.vault, alice.ring, None, log.HELD, HOLD, at=NOW)
    assert "under hold M-7: litigation" in summary(cast.verify("alice"))
    with pytest.raises(UsageError, match="under hold 'M-7'"):
        dispose(alice)
    decide(alice.vault, alice.ring, None, log.RELEASED, HOLD, at=NOW)
    assert dispose(alice)
    assert cast.verify("alice").exit() is Exit.OK


def test_a_hold_stands_once(cast):
    alice = cast["alice"]
    decide(alice.vault, alice.ring, None, log.HELD, HOLD, at=NOW)
    with pytest.raises(UsageError, match="a second time"):
        decide(alice.vault, alice.ring, None, log.HELD, HOLD, at=NOW)


def test_a_hold_that_does_not_stand_cannot_be_released(cast):
    alice = cast["alice"]
    with pytest.raises(UsageError, match="does not stand"):
        decide(alice.vault, alice.ring, None, log.RELEASED, HOLD, at=NOW)


def test_a_bag_that_was_disposed_of_may_be_gone_and_one_that_was_not_may_not(cast):
    alice = cast["alice"]
    name = acquisition(alice)
    data = alice.case / "bags" / name / "data"
    kept = [path for path in sorted(data.rglob("*")) if path.is_file()]
    for path in kept:
        path.unlink()
    assert cast.verify("alice").exit() is Exit.MISSING
    dispose(alice, f"bags/{name}")
    report = cast.verify("alice")
    assert report.exit() is Exit.EMPTY
    assert "was disposed of" in summary(report)


def test_what_is_disposed_of_but_still_there_is_checked(cast):
    alice = cast["alice"]
    dispose(alice)
    victim = next(p for p in sorted(alice.case.glob("bags/*/data/**/*")) if p.is_file())
    victim.chmod(0o644)
    victim.write_bytes(b"other")
    assert cast.verify("alice").exit() is Exit.DIGEST


def test_a_bag_that_is_not_there_cannot_be_disposed_of(cast):
    with pytest.raises(EmptyError, match="there is no"):
        dispose(cast["alice"], "bags/20200101T000000Z-aaaaaa")


# -- several people ------------------------------------------------------------------------------------------


def test_a_disposal_by_one_where_two_are_wanted_is_untrusted(cast):
    dispose(cast["alice"])
    assert cast.verify("alice").exit() is Exit.OK
    report = cast.verify("alice", extra=TWO_TO_DISPOSE)
    assert report.exit() is Exit.UNTRUSTED
    assert "2 people must agree to a disposal, 1 trusted did" in report.defects[0].message


def test_an_approval_by_another_person_is_the_second_signature(cast):
    alice, bob = cast["alice"], cast["bob"]
    cast.carry("alice", "bob")
    document = prepare(bob.vault, bob.ring, None, log.APPROVED, approval("disposal", "agreed"), at=NOW)
    record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    dispose(alice)
    assert cast.verify("alice", extra=TWO_TO_DISPOSE).exit() is Exit.OK


def test_ones_own_approval_does_not_count_twice(cast):
    alice = cast["alice"]
    decide(alice.vault, alice.ring, None, log.APPROVED, approval("disposal", "me too"), at=NOW)
    dispose(alice)
    assert cast.verify("alice", extra=TWO_TO_DISPOSE).exit() is Exit.UNTRUSTED


def test_an_approval_counts_for_one_action_only(cast):
    alice, bob = cast["alice"], cast["bob"]
    cast.carry("alice", "bob")
    document = prepare(bob.vault, bob.ring, None, log.APPROVED, approval("disposal", "agreed"), at=NOW)
    record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    dispose(alice, f"bags/{acquisition(alice)}")
    dispose(alice)
    assert cast.verify("alice", extra=TWO_TO_DISPOSE).exit() is Exit.UNTRUSTED


def test_an_approval_of_something_else_does_not_count(cast):
    alice, bob = cast["alice"], cast["bob"]
    cast.carry("alice", "bob")
    document = prepare(bob.vault, bob.ring, None, log.APPROVED, approval("release", "agreed"), at=NOW)
    record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    dispose(alice)
    assert cast.verify("alice", extra=TWO_TO_DISPOSE).exit() is Exit.UNTRUSTED


def test_an_action_that_needs_no_approval_is_said(cast):
    with pytest.raises(UsageError, match="needs no approval"):
        approval("lunch", "hungry")


def test_an_offer_needs_as_many_people_as_the_policy_says(cast):
    alice, bob = cast["alice"], cast["bob"]
    offer(alice.vault, alice.ring, None, to=bob.person, terms=Terms(purpose="p"), at=NOW)
    assert cast.verify("alice", extra="thresholds:\n  transfer: 2\n").exit() is Exit.UNTRUSTED


# -- countersignatures ---------------------------------------------------------------------------------------


def countersigned(cast, signer):
    alice = cast["alice"]
    return countersign(alice.vault, keeper(alice), acquisition(alice), signer, at=NOW)


def test_a_countersignature_makes_two_people_behind_a_seal(cast):
    two = "thresholds:\n  seal: 2\n"
    assert cast.verify("alice", extra=two).exit() is Exit.UNTRUSTED
    countersigned(cast, cast["bob"].ring.open(None)[1])
    report = cast.verify("alice", extra=two)
    assert report.exit() is Exit.OK
    assert "countersigned by bob (p256)" in summary(report, "seal")


def test_a_second_key_of_the_same_person_is_not_a_second_person(cast):
    alice = cast["alice"]
    alice.ring.create("alice-pq", algorithm="mldsa65", at=NOW)
    signer = alice.ring.open("alice-pq", identity=False)[1]
    path = countersigned(cast, signer)
    entry = (
        f"  - name: alice\n    roles: [collector]\n    publicKey: |\n{indented(alice.ring.public_pem('alice-pq'))}"
    )
    report = cast.verify("alice", extra=entry)
    assert report.exit() is Exit.OK
    assert "countersigned by alice (mldsa65)" in summary(report, "seal")
    assert cast.verify("alice", extra=f"{entry}thresholds:\n  seal: 2\n").exit() is Exit.UNTRUSTED
    assert (alice.case / path).stat().st_size < 16_000


def test_a_countersignature_by_a_stranger_is_said_and_does_not_count(cast):
    countersigned(cast, KeySigner(generate("p256")))
    report = cast.verify("alice")
    assert report.exit() is Exit.OK
    assert any("not in the trust policy" in text for text in report.unasked)


def test_a_key_signs_a_seal_once(cast):
    bob = cast["bob"].ring.open(None)[1]
    countersigned(cast, bob)
    with pytest.raises(UsageError, match="has signed this seal already"):
        countersigned(cast, bob)


@pytest.mark.parametrize("place", ["payload", "sig", "keyid"])
def test_an_altered_countersignature_fails(cast, place):
    path = cast["alice"].case / countersigned(cast, cast["bob"].ring.open(None)[1])
    said = json.loads(path.read_bytes())
    envelope = said["dsseEnvelope"]
    if place == "payload":
        envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
    else:
        signature = envelope["signatures"][0]
        signature[place] = ("A" if signature[place][0] != "A" else "B") + signature[place][1:]
    altered = json.dumps(said, separators=(",", ":")).encode() + b"\n"
    path.chmod(0o644)
    path.write_bytes(altered)
    assert cast.verify("alice").exit() is Exit.DIGEST


def test_a_countersignature_over_something_else_fails_even_if_no_event_names_it(cast):
    alice, bob = cast["alice"], cast["bob"].ring.open(None)[1]
    place = alice.case / "bags" / acquisition(alice) / "seal" / f"{bob.keyid}.sigstore.json"
    place.parent.chmod(0o755)
    place.write_bytes(seal.sign(b"something else", bob))
    assert cast.verify("alice").exit() is Exit.SIGNATURE


def test_a_countersignature_that_the_log_names_cannot_be_taken_away(cast):
    (cast["alice"].case / countersigned(cast, cast["bob"].ring.open(None)[1])).unlink()
    assert cast.verify("alice").exit() is Exit.MISSING


# -- keys ----------------------------------------------------------------------------------------------------


def test_a_rotation_is_signed_by_both_keys_and_custody_follows(cast):
    alice = cast["alice"]
    alice.ring.create("alice-2", algorithm="p256", at=NOW)
    new = alice.ring.open("alice-2")[1]
    rotate(alice.vault, keeper_of(alice.vault, alice.ring, "alice"), "alice-2", new, at=NOW)
    assert keeper_of(alice.vault, alice.ring, "alice").state().custody.holder.keyid == new.keyid
    entry = f"  - name: alice\n    roles: [custodian]\n    publicKey: |\n{indented(new.public_key_pem)}"
    offer(alice.vault, alice.ring, "alice-2", to=cast["bob"].person, terms=Terms(purpose="p"), at=NOW)
    assert cast.verify("alice", extra=entry).exit() is Exit.OK
    assert cast.verify("alice").exit() is Exit.UNTRUSTED


def test_a_rotation_to_a_key_that_did_not_sign_is_refused(cast):
    alice = cast["alice"]
    other, thief = KeySigner(generate("p256")), KeySigner(generate("p256"))

    class Claimed:
        keyid, public_key_pem = other.keyid, other.public_key_pem

        def sign(self, payload):
            return thief.sign(payload)

    with pytest.raises(Exception, match="does not verify") as caught:
        rotate(alice.vault, keeper(alice), "alice-2", Claimed(), at=NOW)
    assert caught.value.exit in {Exit.SIGNATURE, Exit.USAGE}


def test_a_person_is_found_by_name_or_key(cast):
    bob = cast["bob"]
    assert trusted_person(cast.trust(), "bob") == bob.person
    assert trusted_person(cast.trust(), bob.keyid) == bob.person
    with pytest.raises(UsageError, match="knows nobody"):
        trusted_person(cast.trust(), "mallory")


def indented(pem):
    return "".join(f"      {line}\n" for line in pem.decode().splitlines())


def test_an_event_signed_by_a_key_that_only_countersigns_is_refused(cast):
    alice = cast["alice"]
    other = KeySigner(generate("mldsa65"))
    keeper_of_two = replace(keeper(alice), signer=other)
    keeper_of_two.append(log.HELD, at=NOW, subjects=[subject_of(keeper(alice).state())], fields=HOLD)
    entry = f"  - name: alice\n    roles: [collector]\n    publicKey: |\n{indented(other.public_key_pem)}"
    report = cast.verify("alice", extra=entry)
    assert report.exit() is Exit.SIGNATURE
    assert "signs only beside another key" in report.defects[0].message
