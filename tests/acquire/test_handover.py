import json
import shutil

import pytest
from support.casemaker import NOW
from support.people import Cast
from support.tampering import flip

from evidence_kit.acquire.case import add_note, keeper_of
from evidence_kit.acquire.handover import Terms, accept, examine, offer, record, reject, withdraw
from evidence_kit.custody import checkpoint, log
from evidence_kit.errors import (
    AccessError,
    ChainError,
    EmptyError,
    Exit,
    SignatureError,
    UntrustedError,
    UsageError,
)

TERMS = Terms(purpose="second examination", medium="disk 42")


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Alice has collected and offers to Bob; both copies lie there. Carol stands by."""
    cast = Cast(tmp_path_factory.mktemp("stage"))
    for name in ("alice", "bob", "carol"):
        cast.add(name)
    alice = cast.open("alice")
    offer(alice.vault, alice.ring, None, to=cast["bob"].person, terms=TERMS, at=NOW)
    cast.carry("alice", "bob")
    return cast


@pytest.fixture
def cast(stage, tmp_path):
    """The stage in a place of its own."""
    shutil.copytree(stage.root, tmp_path / "stage")
    return Cast(
        tmp_path / "stage",
        {
            name: type(person)(
                name=name, home=tmp_path / "stage" / name / "home", case=tmp_path / "stage" / name / "case"
            )
            for name, person in stage.people.items()
        },
    )


def taken(cast, name="bob", **more):
    person = cast[name]
    given = {"trust": cast.trust(), "terms": Terms(purpose="", location="safe 3"), "last": None, "at": NOW} | more
    return accept(person.vault, person.ring, None, **given)


def events(person):
    said = []
    with (person.case / log.LOG).open("rb") as stream:
        log.scan(stream, report=lambda *_: None, seen=said.append)
    return said


# -- a hand-over in good order -------------------------------------------------------------------------------


def test_an_accepted_case_verifies_and_names_its_new_custodian(cast):
    assert taken(cast).seq is not None
    report = cast.verify("bob")
    assert report.exit(require_complete=True) is Exit.OK
    summary = next(check.summary for check in report.checks if check.id == "custody")
    assert "held by bob" in summary
    assert "cosigned by bob" in summary


def test_the_acceptance_names_the_offer_by_its_leaf_and_what_was_found(cast):
    taken(cast)
    offered, accepted = events(cast["bob"])[-2:]
    assert accepted.said.predicate["transfer"] == {"offer": {"seq": offered.seq, "leaf": offered.leaf}}
    received = accepted.said.predicate["received"]
    assert (received["sealState"], received["verdict"], received["location"]) == ("intact", "OK", "safe 3")


def test_an_open_offer_is_told_and_not_complete(cast):
    report = cast.verify("alice")
    assert report.exit() is Exit.OK
    assert report.exit(require_complete=True) is Exit.INCOMPLETE
    assert "bob" in report.pending[0]


def test_after_the_acceptance_only_the_receiver_can_write(cast):
    done = taken(cast)
    alice, bob = cast["alice"], cast["bob"]
    record(alice.vault, alice.ring, None, document=done.receipt, trust=cast.trust(), at=NOW)
    assert (alice.case / log.LOG).read_bytes() == (bob.case / log.LOG).read_bytes()
    assert cast.verify("alice").exit() is Exit.OK
    with pytest.raises(AccessError, match="another log key"):
        add_note(alice.vault, keeper_of(alice.vault, alice.ring, None), "mine?", at=NOW)
    assert add_note(bob.vault, keeper_of(bob.vault, bob.ring, None), "here now", at=NOW) == done.seq + 1
    assert cast.verify("bob").exit() is Exit.OK


def test_the_cosigned_checkpoint_is_kept_when_the_log_grows(cast):
    done = taken(cast)
    bob = cast["bob"]
    add_note(bob.vault, keeper_of(bob.vault, bob.ring, None), "later", at=NOW)
    kept = (bob.case / log.CHECKPOINTS / str(done.seq + 1)).read_bytes()
    assert len(checkpoint.parse(kept)[1]) == 2
    assert "cosigned by bob" in next(c.summary for c in cast.verify("bob").checks if c.id == "custody")


def test_a_case_may_come_back_and_its_first_custodian_writes_again(cast):
    taken(cast)
    bob, alice = cast["bob"], cast["alice"]
    offer(bob.vault, bob.ring, None, to=alice.person, terms=TERMS, at=NOW)
    cast.carry("bob", "alice")
    assert taken(cast, "alice").seq is not None
    add_note(alice.vault, keeper_of(alice.vault, alice.ring, None), "back", at=NOW)
    assert cast.verify("alice").exit(require_complete=True) is Exit.OK


# -- what is refused -----------------------------------------------------------------------------------------


def test_an_acceptance_without_an_offer_is_refused(cast):
    alice = cast["alice"]
    withdraw(alice.vault, alice.ring, None, reason="not now", at=NOW)
    cast.carry("alice", "bob")
    with pytest.raises(EmptyError, match="no hand-over is on offer"):
        taken(cast)


def test_somebody_else_cannot_accept(cast):
    cast.carry("alice", "carol")
    with pytest.raises(UsageError, match="is offered to 'bob'"):
        taken(cast, "carol")


def test_an_altered_case_is_not_accepted_and_nothing_is_written(cast):
    bob = cast["bob"]
    victim = next(path for path in sorted(bob.case.glob("bags/*/data/**/*")) if path.is_file())
    flip(victim, 3)
    before = (bob.case / log.LOG).read_bytes()
    done = taken(cast)
    assert (done.seq, done.report.exit()) == (None, Exit.DIGEST)
    assert (bob.case / log.LOG).read_bytes() == before


def test_a_broken_case_can_be_accepted_as_broken_and_says_so(cast):
    bob = cast["bob"]
    flip(next(path for path in sorted(bob.case.glob("bags/*/data/**/*")) if path.is_file()), 3)
    done = taken(cast, despite="the rest is needed")
    received = events(bob)[done.seq].said.predicate["received"]
    assert (received["sealState"], received["verdict"], received["despite"]) == (
        "broken",
        "DIGEST",
        "the rest is needed",
    )
    summary = next(check.summary for check in cast.verify("bob").checks if check.id == "custody")
    assert "accepted although it did not verify" in summary


def test_a_log_that_was_rolled_back_is_not_accepted_by_who_has_seen_more(cast, tmp_path):
    bob = cast["bob"]
    seen = shutil.copytree(bob.case, tmp_path / "before")
    done = taken(cast)
    # Alice hands the older state over once more, as if Bob had never accepted.
    shutil.rmtree(bob.case)
    shutil.copytree(seen, bob.case)
    again = taken(cast)
    assert done.seq is not None
    assert (again.seq, again.report.exit()) == (None, Exit.CHAIN)
    assert "rolled back" in again.report.defects[0].message


def test_who_is_not_custodian_cannot_offer(cast):
    alice, carol = cast["alice"], cast["carol"]
    withdraw(alice.vault, alice.ring, None, reason="not now", at=NOW)
    shutil.copytree(alice.home / "logs", carol.home / "logs")
    cast.carry("alice", "carol")
    with pytest.raises(UsageError, match="not by the custodian"):
        offer(carol.vault, carol.ring, None, to=cast["bob"].person, terms=TERMS, at=NOW)


def test_a_second_offer_waits_for_the_answer_to_the_first(cast):
    alice = cast["alice"]
    with pytest.raises(UsageError, match="has offered already"):
        offer(alice.vault, alice.ring, None, to=cast["carol"].person, terms=TERMS, at=NOW)


def test_an_untrusted_receiver_shows_in_the_verdict(cast):
    taken(cast)
    bob = cast.people.pop("bob")
    trust = cast.trust()
    cast.people["bob"] = bob
    from evidence_kit.custody.verify.case import Options, verify_case

    report = verify_case(bob.vault, name="case", trust=trust, options=Options())
    assert report.exit() is Exit.UNTRUSTED


# -- a rejection ---------------------------------------------------------------------------------------------


def test_a_rejection_is_signed_by_the_receiver_and_written_by_the_giver(cast):
    alice, bob = cast["alice"], cast["bob"]
    before = (bob.case / log.LOG).read_bytes()
    document, report = reject(bob.vault, bob.ring, None, trust=cast.trust(), reason="no room", last=None, at=NOW)
    assert report.exit() is Exit.OK
    assert (bob.case / log.LOG).read_bytes() == before
    seq = record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    assert events(alice)[seq].envelope.keyid == bob.keyid
    report = cast.verify("alice")
    assert report.exit(require_complete=True) is Exit.OK
    assert "the hand-over was rejected" in next(c.summary for c in report.checks if c.id == "custody")


def test_a_rejection_that_comes_too_late_is_refused(cast):
    alice, bob = cast["alice"], cast["bob"]
    document, _ = reject(bob.vault, bob.ring, None, trust=cast.trust(), reason="no room", last=None, at=NOW)
    withdraw(alice.vault, alice.ring, None, reason="not now", at=NOW)
    with pytest.raises(Exception, match="stands at place") as caught:
        record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    assert caught.value.exit in {Exit.CHAIN, Exit.USAGE}


def test_a_prepared_event_by_a_stranger_is_not_written(cast):
    alice, bob = cast["alice"], cast["bob"]
    document, _ = reject(bob.vault, bob.ring, None, trust=cast.trust(), reason="no room", last=None, at=NOW)
    known = cast.people.pop("bob")
    with pytest.raises(UntrustedError):
        record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)
    cast.people["bob"] = known


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(apiVersion="evidence-kit/other.v1"),
        lambda said: said.pop("event"),
        lambda said: said.update(event=7),
        lambda said: said.update(event="{}"),
        lambda said: said.update(event=said["event"] + " "),
        lambda said: said.update(checkpoint="no note"),
    ],
)
def test_a_damaged_prepared_event_is_refused_and_changes_nothing(cast, change):
    alice, bob = cast["alice"], cast["bob"]
    document, _ = reject(bob.vault, bob.ring, None, trust=cast.trust(), reason="no room", last=None, at=NOW)
    said = json.loads(document)
    change(said)
    before = (alice.case / log.LOG).read_bytes()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each its own error of ours
        record(alice.vault, alice.ring, None, document=json.dumps(said).encode(), trust=cast.trust(), at=NOW)
    assert caught.value.exit in {Exit.USAGE, Exit.SIGNATURE, Exit.CHAIN}
    assert (alice.case / log.LOG).read_bytes() == before


def test_an_event_of_another_kind_cannot_be_smuggled_in(cast):
    alice, bob = cast["alice"], cast["bob"]
    keeper = keeper_of(bob.vault, bob.ring, None, keeps_log=False)
    line = keeper.prepare(log.NOTE, at=NOW, subjects=[keeper_subject(keeper)], fields={"note": "hi"})
    document = json.dumps({"apiVersion": "evidence-kit/prepared-event.v1", "event": line.decode()}).encode()
    with pytest.raises(UsageError, match="not an event that one person prepares"):
        record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)


def test_an_acceptance_without_its_checkpoint_is_not_written(cast):
    alice = cast["alice"]
    said = json.loads(taken(cast).receipt)
    del said["checkpoint"]
    before = (alice.case / log.LOG).read_bytes()
    with pytest.raises(UsageError, match="comes with the checkpoint"):
        record(alice.vault, alice.ring, None, document=json.dumps(said).encode(), trust=cast.trust(), at=NOW)
    assert (alice.case / log.LOG).read_bytes() == before


def test_an_acceptance_with_another_checkpoint_is_not_written(cast):
    alice = cast["alice"]
    said = json.loads(taken(cast).receipt)
    said["checkpoint"] = (alice.case / log.CHECKPOINT).read_text()
    before = (alice.case / log.LOG).read_bytes()
    with pytest.raises((ChainError, SignatureError)):
        record(alice.vault, alice.ring, None, document=json.dumps(said).encode(), trust=cast.trust(), at=NOW)
    assert (alice.case / log.LOG).read_bytes() == before


def keeper_subject(keeper):
    from evidence_kit.acquire.handover import subject_of

    return subject_of(keeper.state())


def test_a_verification_is_written_down_good_or_bad(cast):
    alice = cast["alice"]
    seq, report = examine(alice.vault, alice.ring, None, trust=cast.trust(), last=None, at=NOW)
    assert report.exit() is Exit.OK
    assert events(alice)[seq].said.predicate["verification"]["verdict"] == "OK"
    flip(next(path for path in sorted(alice.case.glob("bags/*/data/**/*")) if path.is_file()), 3)
    seq, report = examine(alice.vault, alice.ring, None, trust=cast.trust(), last=None, at=NOW)
    assert report.exit() is Exit.DIGEST
    assert events(alice)[seq].said.predicate["verification"]["defects"] == 1
