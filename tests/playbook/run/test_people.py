"""People's words: signed by them, bound to what they were asked, and nobody else's."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.deck import TAKE, book, deck, event
from support.playing import outcomes, outputs
from support.tsa import Tsa, needs_openssl

from evidence_kit.acquire.handover import subject_of
from evidence_kit.acquire.stamping import stamp_case
from evidence_kit.custody import answer, log, statement
from evidence_kit.custody.trust import Revocation, Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import EmptyError, Exit, UntrustedError, UsageError
from evidence_kit.playbook.run.answering import open_questions, signed, take_in
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.signers.tsa import Tsa as Client
from evidence_kit.vaults.local import LocalVault

EVENTS = {"111122223333": [event(1, key="K1"), event(2, key="K2")]}
HOLD = (
    TAKE
    + """  - id: keys
    type: query
    needs: [take]
    from: [take]
    sql: SELECT DISTINCT credential FROM take ORDER BY 1
    outputs: {keys: {column: credential}}
  - id: agree
    type: approve
    needs: [keys]
    prompt: Hold the case
    covers: [keep]
    timeout: PT1H
  - id: keep
    type: hold
    action: case
    needs: [agree]
    approval: agree
    matter: M-${{ steps.keys.outputs.keys[0] }}
"""
)
YES = Reply(approved=True, reason="fine")


def test_an_approval_by_somebody_else_is_carried_out_and_on_record(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    ended = table.play(book(HOLD), {})

    assert (ended.outcome, outputs(ended, "agree")["approved_by"]) == ("success", ["boss"])
    (told,) = table.events("playbook.answered")
    assert (told["answer"]["by"]["keyid"], told["answer"]["approved"]) == (table.approver.keyid, True)
    assert [one["hold"]["id"] for one in table.events("hold.placed")] == ["M-K1"]
    assert table.verify().exit() == 0


def test_whoever_runs_it_cannot_approve_what_they_do(tmp_path):
    table = deck(tmp_path, EVENTS, answers={"agree": YES})
    ended = table.play(book(HOLD), {})

    assert (ended.outcome, "keep" in ended.results) == ("waiting", False)
    assert not table.events("hold.placed")


def test_a_playbook_may_say_that_they_can(tmp_path):
    table = deck(tmp_path, EVENTS, answers={"agree": YES})
    ended = table.play(book(HOLD.replace("timeout: PT1H", "not_operator: false")), {})

    assert outputs(ended, "agree")["approved_by"] == ["ex@example.com"]


def test_two_have_to_agree_where_two_are_asked(tmp_path):
    text = book(HOLD.replace("timeout: PT1H", "not_operator: false\n    min: 2"))
    table = deck(tmp_path, EVENTS, answers={"agree": YES})
    assert table.play(text, {}).outcome == "waiting"

    table.approvals = {"agree": YES}
    table._approve(table.runs()[0])
    ended = table.resume()
    assert outputs(ended, "agree")["approved_by"] == ["ex@example.com", "boss"]


def test_one_refusal_ends_it_and_nothing_is_done(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": Reply(approved=False, reason="not now")})
    ended = table.play(book(HOLD), {})

    assert (outcomes(ended)["agree"], outcomes(ended)["keep"]) == ("denied", "skipped")
    assert ended.results["agree"].reason == "boss refused: not now"
    assert not table.events("hold.placed")


def test_nobody_in_time_is_a_no(tmp_path):
    from datetime import timedelta

    table = deck(tmp_path, EVENTS)
    table.play(book(HOLD), {})
    table.now.forward(timedelta(hours=2))
    ended = table.resume()

    assert outcomes(ended) == {"take": "success", "keys": "success", "agree": "timed_out", "keep": "skipped"}


def test_what_was_approved_is_what_is_done_or_nothing_is(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    # The hold is called after a later question's answer, which is another when the step runs.
    changing = '"M-${{ steps.agree.outcome }}"'
    changed = HOLD.replace("M-${{ steps.keys.outputs.keys[0] }}", changing)
    ended = table.play(book(changed), {})

    assert outcomes(ended)["keep"] == "denied"
    assert "is not what is to be done now" in ended.results["keep"].reason
    assert not table.events("hold.placed")


@pytest.fixture
def waiting(tmp_path):
    table = deck(tmp_path, EVENTS)
    table.play(book(HOLD), {})
    run = table.runs()[0]
    (asked,) = open_questions(table.lab.vault, run)

    def give(document=None, reply=None, step="agree"):
        with table.lab.vault.lock(), table.lab.vault.working():
            return take_in(
                table.lab.vault, table.lab.keeper, run, step, reply=reply, document=document, trust=table.trust,
                at=table.lab.now(),
            )  # fmt: skip

    return table, asked, give


def test_an_answer_by_a_key_that_nobody_knows_is_refused(waiting):
    table, asked, give = waiting
    stranger = KeySigner(generate("p256"))
    with pytest.raises(UntrustedError, match="which the trust policy does not know"):
        give(signed(asked, YES, name="boss", signer=stranger, at=table.lab.now()))


@pytest.mark.parametrize("part", ["question", "run", "case", "step"])
def test_an_answer_to_something_else_is_refused(waiting, part):
    table, asked, give = waiting
    said = {**asked.said, part: "other"}
    body = json.dumps(said).encode() if part != "question" else asked.body.replace(b"Hold", b"Drop")
    other = type(asked)(step="other" if part == "step" else asked.step, body=body)
    with pytest.raises(UsageError, match="another"):
        give(signed(other, YES, name="boss", signer=table.approver, at=table.lab.now()))
    assert not table.events("playbook.answered")


def test_an_answer_that_was_changed_after_it_was_signed_is_refused(waiting):
    table, asked, give = waiting
    no = signed(asked, Reply(approved=False), name="boss", signer=table.approver, at=table.lab.now())
    yes = signed(asked, YES, name="boss", signer=KeySigner(generate("p256")), at=table.lab.now())
    forged = {**json.loads(no), "payload": json.loads(yes)["payload"]}
    with pytest.raises(Exception, match=r"did not sign it|not what was signed"):
        give(json.dumps(forged).encode())


def test_an_answer_has_to_answer(waiting):
    _, _, give = waiting
    for reply, said in (
        (Reply(), "given or refused"),
        (Reply(approved=True, fields={"x": 1}), "nobody asked for `x`"),
    ):
        with pytest.raises(UsageError, match=said):
            give(reply=reply)
    with pytest.raises(EmptyError, match="does not ask `keep`"):
        give(reply=YES, step="keep")


def test_a_case_with_an_answer_that_was_swapped_does_not_verify(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    ended = table.play(book(HOLD), {})
    path = table.lab.root / "custody" / "runs" / ended.run / "answers" / "agree.1.json"
    said = answer.read(path.read_bytes())
    path.chmod(0o644)
    path.write_bytes(answer.sign(said, table.approver).replace(b'"payload"', b'"payload" '))

    assert [one.subject for one in table.verify().defects][:1] == [str(path.relative_to(table.lab.root))]


@pytest.mark.slow
def test_of_a_case_by_strangers_the_signers_are_the_defect_and_not_their_files(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    table.play(book(HOLD), {})

    report = verify_case(LocalVault(table.lab.root), name="case", trust=Trust(keys={}), options=Options())
    assert report.exit() is Exit.UNTRUSTED
    assert "agree.1.json" in {one.subject.rpartition("/")[2] for one in report.defects}


@needs_openssl
def test_an_answer_that_was_stamped_before_its_key_was_stolen_stands(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    table.play(book(HOLD), {})
    now = datetime.now(UTC)

    def defects(*, stolen, authorities=()):
        key = replace(table.trust.keys[table.approver.keyid], revoked=Revocation(stolen, "compromised"))
        keys = {**table.trust.keys, key.key.keyid: key}
        trust = Trust(keys=keys, time_authorities=authorities)
        report = verify_case(LocalVault(table.lab.root), name="case", trust=trust, options=Options())
        return [one.subject.rpartition("/")[2] for one in report.defects]

    with Tsa(tmp_path / "tsa").serving() as tsa:
        vault = LocalVault(table.lab.root)
        with vault.lock(), vault.working():
            client = Client(tsa.url, timeout=30)
            stamp_case(vault, table.lab.keeper, [client], table.trust, lambda: datetime.now(UTC), os.urandom)
    later = now + timedelta(hours=1)
    assert defects(stolen=later, authorities=(tsa.authority,)) == []
    assert defects(stolen=now - timedelta(hours=1), authorities=(tsa.authority,)) == ["agree.1.json"]
    assert defects(stolen=later) == ["agree.1.json"]


def test_an_event_that_tells_an_answer_otherwise_than_it_was_given_does_not_verify(tmp_path):
    table = deck(tmp_path, EVENTS, approvals={"agree": Reply(approved=False, reason="not now")})
    table.play(book(HOLD), {})
    (told,) = table.events("playbook.answered")
    path = f"custody/runs/{told['answer']['run']}/answers/agree.1.json"
    digest = hashlib.sha256((table.lab.root / path).read_bytes()).hexdigest()
    keeper = table.lab.keeper
    with LocalVault(table.lab.root).lock():
        subjects = [statement.Subject(path, digest), subject_of(keeper.state())]
        said = {**told["answer"], "approved": True}
        keeper.append(log.PLAY_ANSWERED, at=table.lab.now(), subjects=subjects, fields={"answer": said})

    assert [(one.subject, one.message) for one in table.verify().defects] == [
        (path, "is not the answer that the custody log puts on record")
    ]


def test_an_approver_whose_time_is_over_approves_nothing(tmp_path):
    table = deck(tmp_path, EVENTS)
    over = replace(table.trust.keys[table.approver.keyid], valid_until=table.lab.now() - timedelta(hours=1))
    table.more = {"trust": Trust(keys={**table.trust.keys, table.approver.keyid: over})}
    assert table.play(book(HOLD), {}).outcome == "waiting"
    table.approvals = {"agree": YES}
    table._approve(table.runs()[0])
    assert table.resume().outcome == "waiting"


def test_an_answer_after_the_time_is_not_taken(waiting):
    table, asked, give = waiting
    table.lab.now.forward(timedelta(hours=2))
    with pytest.raises(UsageError, match="it could be answered until"):
        give(signed(asked, YES, name="boss", signer=table.approver, at=table.lab.now()))
    table.approvals = {}
    assert outcomes(table.resume())["agree"] == "timed_out"


def test_fields_that_were_signed_elsewhere_have_their_types(tmp_path):
    steps = """  - {id: ask, type: decide, question: Which, options: [{value: a}], fields: {count: {type: int}}}
  - {id: many, type: query, needs: [ask], when: steps.ask.outputs.count > 3, sql: SELECT 1 AS n}
"""
    fields = {"count": "5"}
    table = deck(tmp_path, EVENTS, approvals={"ask": Reply(choices=("a",), fields=fields)})
    ended = table.play(book(steps), {})
    assert (outputs(ended, "ask")["count"], outcomes(ended)["many"]) == (5, "success")


def test_a_slip_of_the_pen_leaves_the_question_open(tmp_path):
    steps = """  - {id: ask, type: decide, question: Which, options: [{value: a}]}
  - {id: bring, type: manual, instructions: Bring it, intake: true}
"""
    table = deck(tmp_path, EVENTS, answers={"ask": Reply(choices=("b",)), "bring": Reply(reason="done")})
    ended = table.play(book(steps), {})
    assert ended.outcome == "waiting"
    assert [left.rpartition(": ")[2] for left in ended.waiting] == [
        "`b` is none of the options",
        "step `bring` asks for files",
    ]
    assert not table.events("playbook.answered")


def test_a_decision_takes_only_what_it_offers_and_fields_in_their_types(tmp_path):
    steps = """  - {id: choose, type: decide, question: Which, options: [{value: a}, {value: b}],
     fields: {since: {type: timestamp, required: true}, count: {type: int}}}
"""
    table = deck(tmp_path, EVENTS)
    table.play(book(steps), {})
    run = table.runs()[0]
    good = {"since": "2026-11-20T01:00:00+01:00", "count": "3"}
    bad = [
        (Reply(choices=("c",), fields=good), "none of the options"),
        (Reply(choices=("a", "b"), fields=good), "choose one"),
        (Reply(choices=("a",)), "`since` has to be answered too"),
        (Reply(choices=("a",), fields={**good, "since": "yesterday"}), "not of type `timestamp`"),
        (Reply(choices=("a",), fields={**good, "count": "3.5"}), "not of type `int`"),
    ]
    for reply, said in bad:
        with pytest.raises(UsageError, match=said), table.lab.vault.lock(), table.lab.vault.working():
            take_in(
                table.lab.vault, table.lab.keeper, run, "choose", reply=reply, document=None, trust=None,
                at=table.lab.now(),
            )  # fmt: skip
    table.answers = {"choose": Reply(choices=("a",), fields=good)}
    ended = table.resume()
    told = outputs(ended, "choose")
    assert (told["choice"], told["since"], told["count"]) == ("a", "2026-11-20T00:00:00Z", 3)


def test_an_approval_does_not_ask_about_what_will_not_be_done(tmp_path):
    idle = HOLD.replace("    action: case\n", "    action: case\n    when: size(steps.keys.outputs.keys) > 99\n")
    idle = idle.replace("M-${{ steps.keys.outputs.keys[0] }}", "M-${{ steps.keys.outputs.keys[7] }}")
    table = deck(tmp_path, EVENTS, approvals={"agree": YES})
    ended = table.play(book(idle), {})

    assert (outcomes(ended)["agree"], outcomes(ended)["keep"]) == ("success", "skipped")
    assert not table.events("hold.placed")
