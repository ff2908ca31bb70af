import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import checkpoint, strict
from evidence_kit.custody.checkpoint import Checkpoint, Witness
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import ChainError, SignatureError
from evidence_kit.signers.file import KeySigner, generate

ORIGIN = "evidence-kit.dev/case/1"
SIGNER = KeySigner(generate("ed25519"))
HEAD = Checkpoint(ORIGIN, 42, bytes(range(32)))
NOTE = checkpoint.sign(HEAD, SIGNER)
ROOT = base64.b64encode(b"0" * 32).decode()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x7E), min_size=1, max_size=40),
    st.integers(0, 10**18),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_reads_back_as_it_was_signed(origin, size, root):
    head = Checkpoint(origin, size, root)
    assert checkpoint.verify(checkpoint.sign(head, SIGNER), origin=origin, key=SIGNER.public).head == head


def test_every_flipped_byte_is_caught():
    for position in range(len(NOTE)):
        for bit in range(8):
            damaged = bytearray(NOTE)
            damaged[position] ^= 1 << bit
            with pytest.raises((ChainError, SignatureError)):
                checkpoint.verify(bytes(damaged), origin=ORIGIN, key=SIGNER.public)


@given(st.integers(0, len(NOTE)), st.binary(min_size=1, max_size=6))
def test_every_inserted_byte_is_caught(position, extra):
    damaged = NOTE[:position] + extra + NOTE[position:]
    with pytest.raises((ChainError, SignatureError)):
        checkpoint.verify(damaged, origin=ORIGIN, key=SIGNER.public)


def test_every_truncation_is_caught():
    for size in range(len(NOTE)):
        with pytest.raises((ChainError, SignatureError)):
            checkpoint.verify(NOTE[:size], origin=ORIGIN, key=SIGNER.public)


def test_the_note_is_the_one_that_c2sp_describes():
    text, _, signature = NOTE.decode().partition("\n\n")
    assert text == f"{ORIGIN}\n42\n{base64.b64encode(HEAD.root).decode()}"
    dash, name, blob = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)
    raw = base64.b64decode(blob)
    key = SIGNER.public.raw_ed25519()
    assert raw[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + key).digest()[:4]
    SIGNER.public.verify(text.encode() + b"\n", raw[4:])


def test_the_verifier_key_holds_name_hash_and_key():
    name, key_hash, key = checkpoint.vkey(ORIGIN, SIGNER.public).split("+", 2)
    assert name == ORIGIN
    assert bytes.fromhex(key_hash) == checkpoint.key_hash(ORIGIN, SIGNER.public)
    assert base64.b64decode(key) == b"\x01" + SIGNER.public.raw_ed25519()


def test_a_checkpoint_of_another_log_is_refused():
    with pytest.raises(ChainError, match="belongs to"):
        checkpoint.verify(NOTE, origin="other", key=SIGNER.public)


def test_a_checkpoint_by_another_key_is_refused():
    with pytest.raises(SignatureError, match="nobody vouches for"):
        checkpoint.verify(NOTE, origin=ORIGIN, key=KeySigner(generate("ed25519")).public)


def test_a_second_signature_by_a_stranger_is_refused():
    extra = "\u2014 witness AAAAAAAA\n".encode()
    with pytest.raises(SignatureError, match="witness"):
        checkpoint.verify(NOTE + extra, origin=ORIGIN, key=SIGNER.public)


def test_a_note_that_is_not_signed_at_all_is_refused():
    with pytest.raises(ChainError, match="not a signed note"):
        checkpoint.verify(HEAD.text() + b"\n", origin=ORIGIN, key=SIGNER.public)


def note(origin=ORIGIN, size="1", root=ROOT, tail="\u2014 a AAAA\n"):
    return f"{origin}\n{size}\n{root}\n\n{tail}".encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not a signed note"),
        (b"\xff\n\n\n", "not UTF-8"),
        (note() + b"\xff\n", "not UTF-8"),
        (note(origin="a\nb"), "not a signed note"),
        (note(tail=""), "not a signed note"),
        (note(tail="\u2014 a AAAA"), "not a signed note"),
        (note(size="01"), "not a number"),
        (note(size="-1"), "not a number"),
        (note(size="\u0661"), "not a number"),
        (note(size="\u00b2"), "not a number"),
        (note(size="9" * 5000), "not a number"),
        (note(size=""), "not a signed note"),
        (note(root="AAAA"), "not a SHA-256"),
        (note(root="%"), "cannot be read"),
        (note(tail="- a AAAA\n"), "malformed signature line"),
        (note(tail="\u2014 AAAA\n"), "malformed signature line"),
        (note(tail="\u2014  AAAA\n"), "malformed signature line"),
        (note(tail="\u2014 a %\n"), "cannot be read"),
        (b"x" * (checkpoint.MAX_CHECKPOINT + 1), "is not one"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text, said):
    with pytest.raises(ChainError, match=said):
        checkpoint.parse(text)


def test_a_note_is_read_without_trusting_it():
    head, signatures = checkpoint.parse(note(size="7"))
    assert (head.size, signatures) == (7, (("a", b"\0\0\0"),))


def test_only_ed25519_signs_checkpoints():
    with pytest.raises(SignatureError, match="Ed25519"):
        checkpoint.sign(HEAD, KeySigner(generate("p256")))


def test_a_key_from_pem_names_the_same_signer():
    key = PublicKey.from_pem(SIGNER.public_key_pem)
    assert checkpoint.key_hash(ORIGIN, key) == checkpoint.key_hash(ORIGIN, SIGNER.public)


# -- cosignatures --------------------------------------------------------------------------------------------

WITNESS = KeySigner(generate("ed25519"))
SEEN = Witness("bob@example.org", WITNESS.public)
WHEN = datetime(2026, 11, 21, 22, 0, 1, tzinfo=UTC)
COSIGNED = checkpoint.cosign(NOTE, name=SEEN.name, signer=WITNESS, at=WHEN)


def test_a_cosignature_reads_back_with_its_witness_and_time():
    verified = checkpoint.verify(COSIGNED, origin=ORIGIN, key=SIGNER.public, witnesses=(SEEN,))
    assert [(c.witness, c.at) for c in verified.cosignatures] == [(SEEN, WHEN)]


def test_every_flipped_byte_of_a_cosigned_checkpoint_is_caught():
    for position in range(len(COSIGNED)):
        for bit in range(8):
            damaged = bytearray(COSIGNED)
            damaged[position] ^= 1 << bit
            with pytest.raises((ChainError, SignatureError)):
                checkpoint.verify(bytes(damaged), origin=ORIGIN, key=SIGNER.public, witnesses=(SEEN,))


def test_a_cosignature_alone_does_not_make_a_checkpoint():
    text = NOTE.partition(b"\n\n")[0] + b"\n\n"
    alone = text + COSIGNED[len(NOTE) :]
    with pytest.raises(SignatureError, match="log's own key"):
        checkpoint.verify(alone, origin=ORIGIN, key=SIGNER.public, witnesses=(SEEN,))


def test_of_two_witnesses_that_share_a_name_each_is_tried():
    other = Witness(SEEN.name, KeySigner(generate("ed25519")).public)
    verified = checkpoint.verify(COSIGNED, origin=ORIGIN, key=SIGNER.public, witnesses=(other, SEEN))
    assert verified.cosignatures[0].witness == SEEN


def test_two_keys_that_share_their_four_bytes_are_told_apart(monkeypatch):
    """With every key hash alike, the right key must still be found and a false one refused."""
    monkeypatch.setattr(checkpoint, "key_hash", lambda *_: b"same")
    note = checkpoint.cosign(checkpoint.sign(checkpoint.parse(NOTE)[0], SIGNER), name="bob", signer=WITNESS, at=WHEN)
    witnesses = (Witness("bob", KeySigner(generate("ed25519")).public), Witness("bob", WITNESS.public))
    verified = checkpoint.verify(note, origin=ORIGIN, key=SIGNER.public, witnesses=witnesses)
    assert verified.cosignatures[0].witness == witnesses[1]
    with pytest.raises(SignatureError, match="does not verify"):
        checkpoint.verify(note, origin=ORIGIN, key=SIGNER.public, witnesses=witnesses[:1])


def test_a_cosignature_of_a_time_that_no_clock_shows_is_refused():
    text = checkpoint.parse(NOTE)[0].text()
    when = (1 << 64) - 1
    signature = WITNESS.sign(b"cosignature/v1\ntime %d\n%b" % (when, text))
    blob = checkpoint.key_hash("bob@example.org", WITNESS.public, b"\x04") + when.to_bytes(8, "big") + signature
    line = f"\u2014 bob@example.org {strict.to_base64(blob)}\n".encode()
    with pytest.raises(SignatureError):
        checkpoint.verify(NOTE + line, origin=ORIGIN, key=SIGNER.public, witnesses=(SEEN,))
