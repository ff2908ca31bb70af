"""Whatever stands in a case, a bundle or a journal: its decoders take it or refuse it, and verify gives a verdict."""

import io
import json
from pathlib import Path

import pytest
from fuzz.feeding import JSON_BOMBS, LONG, NORMAL, Decoder, damaged, ids, judge, weighed
from hypothesis import given
from hypothesis import strategies as st
from support.vector_format import bytes_of, examine, load

from evidence_kit.custody import answer, bag, checkpoint, disclosure, dsse, ledger, receipt, request, seal, strict
from evidence_kit.custody import statement as statements
from evidence_kit.custody.cloudtrail.digest import parse_digest
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.log.events import parse_event
from evidence_kit.custody.timestamp import read_reply
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.check import Report
from evidence_kit.playbook.run.questions import read_question

VALID = Path(__file__).parents[1] / "vectors" / "valid"
SOUND = load(VALID / "page-and-object.json")
DISCLOSED = load(VALID / "disclosed-redacted.json")


def _file(vector, ending):
    (found,) = [bytes_of(content) for name, content in vector.files.items() if name.endswith(ending)]
    return found


def _lines(data):
    return tuple(data.rstrip(b"\n").split(b"\n"))


LOG = _lines(_file(SOUND, "custody/log.jsonl"))
SEAL = _file(SOUND, "seal.sigstore.json")
LEDGER = _file(SOUND, "record/exchanges.jsonl")
KEY = PublicKey.from_pem(_file(SOUND, "seal/acquisition.pub"))
PACKAGE = next(bytes_of(held) for name, held in DISCLOSED.files.items() if name.endswith("disclosure.json"))
REPLY = bytes_of(load(VALID / "token.json").files["reply.tsr"])
QUESTION = (
    b'{"apiVersion":"evidence-kit/question.v1","case":"c","run":"r","step":"a","type":"approve","question":"q","guidance":"",'
    b'"role":"","options":[],"multiple":false,"fields":{},"covers":{},"context":{},"deadline":""}'
)

DECODERS = (
    Decoder("strict json", strict.decode, (QUESTION, dsse.parse_line(LOG[0]).payload)),
    Decoder("envelope", dsse.parse_line, LOG),
    Decoder("statement", lambda data: statements.parse(data, expected=statements.CUSTODY_EVENT),
            tuple(dsse.parse_line(line).payload for line in LOG)),
    Decoder("event", lambda data: parse_event(data, 0), LOG[:1]),
    Decoder("ledger", lambda data: list(ledger.read(io.BytesIO(data))), (LEDGER,)),
    Decoder("manifest", lambda data: list(bag.read_manifest(io.BytesIO(data))),
            (_file(SOUND, "/manifest-sha256.txt"), _file(SOUND, "tagmanifest-sha256.txt"))),
    Decoder("seal", lambda data: seal.read(seal.parse(data).payload), (SEAL,)),
    Decoder("checkpoint", checkpoint.parse, (_file(SOUND, "custody/checkpoint"),)),
    Decoder("public key", PublicKey.from_pem, (_file(SOUND, "seal/acquisition.pub"),)),
    Decoder("disclosure", lambda data: disclosure.read(disclosure.parse(data).payload), (PACKAGE,)),
    Decoder("time-stamp", read_reply, (REPLY,)),
    Decoder("question", read_question, (QUESTION,)),
)  # fmt: skip
UNSEEDED = (
    Decoder("answer", answer.read, LOG),
    Decoder("receipt", lambda data: receipt.read(data, KEY), LOG),
    Decoder("request", request.read, LOG),
    Decoder("digest", lambda data: parse_digest(data, signature="", name="d"), (b"\x1f\x8b\x08\x00",)),
)
ALL = (*DECODERS, *UNSEEDED)


@pytest.mark.parametrize(**ids(DECODERS))
def test_every_seed_is_taken(decoder):
    assert [judge(decoder, seed) for seed in decoder.seeds] == [True] * len(decoder.seeds)


@pytest.mark.parametrize(**ids(ALL))
def test_json_made_to_hurt_is_refused_within_bounds(decoder):
    for bomb in JSON_BOMBS.values():
        weighed(decoder, bomb)
        weighed(decoder, b"\x1f\x8b" + bomb[:2_000])


@pytest.mark.parametrize(**ids(ALL))
@given(data=st.data())
@NORMAL
def test_damaged_bytes_are_taken_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))


@pytest.mark.slow
@pytest.mark.parametrize(**ids(ALL))
@given(data=st.data())
@LONG
def test_bytes_damaged_in_thousands_of_ways_are_taken_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))


# -- whole cases ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    return SOUND.unpack(tmp_path_factory.mktemp("fuzz"))


def file_of(root, name):
    """Return the one file of that name: a folder may be called alike, and another name may end so."""
    (path,) = (path for path in root.rglob("*") if path.name == name and path.is_file())
    return path


def verdict(root, name, data):
    """Return what `verify` says of a case in which one file holds other bytes; they are put back."""
    path = file_of(root, name)
    sound = path.read_bytes()
    path.write_bytes(data)
    try:
        decoder = Decoder("verify", lambda _: examine(SOUND, root), ())
        judge(decoder, data)
        return data == sound or examine(SOUND, root).exit() != 0
    except EvidenceKitError:
        return True
    finally:
        path.write_bytes(sound)


NAMES = sorted(name.rpartition("/")[2] for name in SOUND.files if "/data/" not in name)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@NORMAL
def test_a_case_with_one_damaged_file_never_passes(unpacked, name, data):
    assert verdict(unpacked, name, data.draw(damaged((file_of(unpacked, name).read_bytes(),)))), name


@pytest.mark.parametrize("name", NAMES)
def test_a_case_with_one_file_made_to_hurt_gets_a_verdict(unpacked, name):
    for bomb in JSON_BOMBS.values():
        assert verdict(unpacked, name, bomb), name


def test_a_vector_is_judged_as_sound_before_it_is_damaged(unpacked):
    report = examine(SOUND, unpacked)
    assert isinstance(report, Report)
    assert report.exit() == 0
    assert json.loads(SEAL)
