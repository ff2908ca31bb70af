import shutil

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.acquire.handover import Terms, accept, offer
from evidence_kit.custody import checkpoint, log
from evidence_kit.custody.verify.custodians import is_size
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    """Alice has collected and handed over; Bob has accepted, so a cosigned checkpoint is kept."""
    cast = Cast(tmp_path_factory.mktemp("accepted"))
    for name in ("alice", "bob"):
        cast.add(name)
    alice = cast.open("alice")
    offer(alice.vault, alice.ring, None, to=cast["bob"].person, terms=Terms(purpose="p"), at=NOW)
    bob = cast.carry("alice", "bob")
    done = accept(bob.vault, bob.ring, None, trust=cast.trust(), terms=Terms(purpose=""), last=None, at=NOW)
    assert done.seq is not None
    return cast


@pytest.fixture
def cast(accepted):
    bob = accepted["bob"]
    shutil.copytree(bob.case, bob.case.with_name("kept"))
    yield accepted
    shutil.rmtree(bob.case)
    bob.case.with_name("kept").rename(bob.case)


@pytest.fixture
def kept(cast):
    (only,) = (cast["bob"].case / log.CHECKPOINTS).iterdir()
    return only


def verdict(cast):
    return cast.verify("bob").exit()


def test_a_kept_checkpoint_with_its_cosignature_passes(cast, kept):
    assert verdict(cast) is Exit.OK
    assert len(checkpoint.parse(kept.read_bytes())[1]) == 2


def test_every_flipped_byte_of_a_kept_checkpoint_is_caught(cast, kept):
    good = kept.read_bytes()
    for position in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[position] ^= 1
        kept.write_bytes(bytes(damaged))
        assert verdict(cast) in {Exit.SIGNATURE, Exit.CHAIN}, position


def test_a_cosignature_by_somebody_whom_no_event_announces_is_refused(cast, kept):
    stranger = KeySigner(generate("ed25519"))
    kept.write_bytes(checkpoint.cosign(kept.read_bytes(), name="mallory", signer=stranger, at=NOW))
    assert verdict(cast) is Exit.SIGNATURE


def test_a_cosignature_in_the_name_of_an_announced_witness_by_another_key_is_refused(cast, kept):
    text = b"\n".join(kept.read_bytes().split(b"\n")[:5]) + b"\n"
    kept.write_bytes(checkpoint.cosign(text, name="bob", signer=KeySigner(generate("ed25519")), at=NOW))
    assert verdict(cast) is Exit.SIGNATURE


def test_a_kept_checkpoint_under_another_size_is_refused(cast, kept):
    kept.rename(kept.with_name("2"))
    assert verdict(cast) is Exit.SIGNATURE  # it bears the key of a later custodian


def test_a_checkpoint_kept_under_a_later_size_is_refused(cast, kept):
    kept.rename(kept.with_name("6"))
    assert verdict(cast) is Exit.CHAIN


def test_a_kept_checkpoint_of_another_history_is_refused(cast, kept):
    head = checkpoint.parse(kept.read_bytes())[0]
    bob = cast["bob"]
    serial = next((bob.home / "logs").glob("*.p12")).name.removesuffix(".p12")
    forged = checkpoint.Checkpoint(head.origin, head.size, b"\x07" * 32)
    kept.write_bytes(checkpoint.sign(forged, bob.ring.open_log_key(serial)))
    assert verdict(cast) is Exit.CHAIN


def test_a_kept_checkpoint_of_another_origin_is_refused(cast, kept):
    head = checkpoint.parse(kept.read_bytes())[0]
    bob = cast["bob"]
    serial = next((bob.home / "logs").glob("*.p12")).name.removesuffix(".p12")
    forged = checkpoint.Checkpoint("evidence-kit/other", head.size, head.root)
    kept.write_bytes(checkpoint.sign(forged, bob.ring.open_log_key(serial)))
    assert verdict(cast) is Exit.CHAIN


@pytest.mark.parametrize("name", ["x", "007", "-1", "1e3", "\u0661"])
def test_a_stray_file_among_the_kept_checkpoints_is_unexpected(cast, kept, name):
    kept.with_name(name).write_bytes(b"")
    assert verdict(cast) is Exit.UNEXPECTED


def test_a_huge_checkpoint_is_refused_without_being_read_whole(cast, kept):
    with kept.open("r+b") as out:
        out.truncate(1 << 30)
    assert verdict(cast) is Exit.CHAIN


def test_the_first_custodian_s_log_key_counts_no_more_after_the_acceptance(cast):
    alice, bob = cast["alice"], cast["bob"]
    serial = next((alice.home / "logs").glob("*.p12")).name.removesuffix(".p12")
    where = bob.case / log.CHECKPOINT
    head = checkpoint.parse(where.read_bytes())[0]
    where.write_bytes(checkpoint.sign(head, alice.ring.open_log_key(serial)))
    assert verdict(cast) is Exit.SIGNATURE


@pytest.mark.parametrize(
    ("name", "good"), [("0", True), ("12", True), ("", False), ("9" * 40, False), ("1.0", False)]
)
def test_a_size_is_a_plain_number(name, good):
    assert is_size(name) is good
