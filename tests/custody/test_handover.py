"""The rules of custody as the log itself enforces them, whoever writes."""

from dataclasses import replace

import pytest
from support.casemaker import NOW, make_case

from evidence_kit.custody import log, statement, strict
from evidence_kit.errors import SignatureError, UsageError
from evidence_kit.signers.file import KeySigner, generate

SUBJECT = statement.Subject("case.json", "0" * 64)
OTHER = KeySigner(generate("p256"))
DISPOSAL = {"disposal": {"scope": "case", "method": "m", "authority": "a"}}


@pytest.fixture
def keeper(tmp_path):
    """The keeper of a case with one sealed acquisition."""
    return make_case(tmp_path / "case", pages=1, names=()).keeper


def append(keeper, kind, fields):
    return keeper.append(kind, at=NOW, subjects=[SUBJECT], fields=fields)


def offer(keyid, name="bob"):
    return {"transfer": {"to": {"name": name, "keyid": keyid}, "purpose": "p"}}


def test_a_case_that_was_disposed_of_cannot_be_offered(keeper):
    append(keeper, log.DISPOSED, DISPOSAL)
    with pytest.raises(UsageError, match="was disposed of"):
        append(keeper, log.OFFERED, offer(OTHER.keyid))


def test_a_case_cannot_be_offered_to_whoever_holds_it(keeper):
    with pytest.raises(UsageError, match="to whoever holds it"):
        append(keeper, log.OFFERED, offer(keeper.signer.keyid))


def test_a_rotation_has_to_name_its_key_by_the_right_id(keeper):
    said = {"name": "n", "keyid": "0" * 64, "publicKey": OTHER.public_key_pem.decode(), "proof": ""}
    with pytest.raises(SignatureError, match="by the wrong id"):
        append(keeper, log.ROTATED, {"newKey": said})


def test_a_rotation_by_somebody_else_leaves_custody_where_it_is(keeper):
    holder, new = keeper.state().custody.holder, KeySigner(generate("p256"))
    theirs = replace(keeper, signer=OTHER)
    proof = new.sign(log.rotation(keeper.state().case, OTHER.keyid, new.keyid))
    said = {
        "name": "n",
        "keyid": new.keyid,
        "publicKey": new.public_key_pem.decode(),
        "proof": strict.to_base64(proof),
    }
    assert append(theirs, log.ROTATED, {"newKey": said}).custody.holder == holder


@pytest.mark.parametrize("acquisition", ["nobody", ""])
def test_what_was_not_sealed_cannot_be_countersigned(keeper, acquisition):
    fields = {"countersignature": {"acquisition": acquisition, "keyid": "0" * 64}}
    with pytest.raises(UsageError, match="what was not sealed"):
        append(keeper, log.COUNTERSIGNED, fields)


@pytest.mark.parametrize("keyid", ["../../outside", "a/b", "", ".."])
def test_a_countersignature_cannot_lead_out_of_its_bag(keeper, keyid):
    (known,) = keeper.state().acquisitions
    fields = {"countersignature": {"acquisition": known, "keyid": keyid}}
    with pytest.raises(UsageError, match="cannot be the id of a key"):
        append(keeper, log.COUNTERSIGNED, fields)


def test_an_acceptance_for_another_log_is_refused(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=())
    state = append(case.keeper, log.OFFERED, offer(OTHER.keyid))
    pending = state.custody.offer
    fields = {
        "transfer": {"offer": {"seq": pending.seq, "leaf": pending.leaf}},
        "received": {"sealState": "intact"},
        **case.keeper.pen("evidence-kit/another"),
    }
    theirs = replace(case.keeper, signer=OTHER)
    with pytest.raises(UsageError, match="for another log"):
        append(theirs, log.ACCEPTED, fields)
