"""The journal: what it does not say was not done, and what it says has to be what was signed."""

import json

import pytest
from support.deck import LOOKUP, book, deck
from support.play_child import ANSWERS, EVENTS, STEPS, table_of
from support.playing import outcomes

from evidence_kit.errors import ChainError, UsageError


def journal_of(table):
    return table.lab.root / "custody" / "runs" / table.runs()[0] / "journal.jsonl"


def test_resuming_what_has_ended_repeats_nothing(tmp_path):
    table = table_of(tmp_path)
    ended = table.play(book(STEPS), {})
    before, asked = journal_of(table).read_bytes(), list(table.dealt[LOOKUP].asked)

    again = table.resume(ended.run)
    assert (
        (again.outcome, outcomes(again))
        == (ended.outcome, outcomes(ended))
        == ("success", dict.fromkeys(outcomes(ended), "success"))
    )
    assert (journal_of(table).read_bytes(), table.dealt[LOOKUP].asked) == (before, asked)


@pytest.mark.parametrize("tamper", ["edit", "drop", "swap", "cut", "add", "rechain"])
def test_a_journal_that_is_not_what_was_signed_is_refused_by_the_run_and_by_verify(tmp_path, tamper):
    table = deck(tmp_path, EVENTS, answers=ANSWERS)
    assert table.play(book(STEPS), {}).outcome == "waiting"
    path = journal_of(table)
    path.write_bytes(tampered(path.read_bytes(), tamper))

    with pytest.raises(ChainError):
        table.resume()
    assert table.verify().exit() == 14
    assert not table.events("playbook.resumed")


def tampered(data, how):
    lines = data.splitlines(keepends=True)
    if how == "edit":
        return data.replace(b'"AKIA1"', b'"AKIA9"', 1)
    if how == "drop":
        return b"".join(lines[:3] + lines[4:])
    if how == "swap":
        return b"".join([*lines[:3], lines[4], lines[3], *lines[5:]])
    if how == "cut":
        return b"".join(lines[:4])
    if how == "add":
        return data + lines[-1]
    from evidence_kit.custody.ledger import Chain

    chain, made = Chain(), []
    for line in lines:  # a forger who knows how chains are made, and has no key
        said = json.loads(line)
        kind = said.pop("type")
        said.pop("seq"), said.pop("prev")
        text = json.loads(json.dumps(said).replace("AKIA1", "AKIA9"))
        made.append(chain.line(kind, text) + b"\n")
    return b"".join(made)


def test_a_playbook_that_was_changed_under_a_run_is_refused(tmp_path):
    table = deck(tmp_path, EVENTS, answers=ANSWERS)
    table.play(book(STEPS), {})
    path = journal_of(table).with_name("playbook.yaml")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"matter: M-1", b"matter: M-2"))

    with pytest.raises(ChainError, match="is not the one that was started"):
        table.resume()
    assert table.verify().exit() == 10


def test_an_inventory_without_a_target_of_the_run_is_refused(tmp_path):
    table = deck(tmp_path, EVENTS, answers=ANSWERS)
    table.play(book(STEPS), {})
    table.entries = table.entries[:1]

    with pytest.raises(UsageError, match="no longer lists `444455556666`"):
        table.resume()
