"""`playbook questions` and what is handed over: files that are none are said to be none, and calls may wait too."""

import json

import pytest
from support.deck import HEAD, INVENTORY, TAKE, book, deck, event

from evidence_kit.errors import Exit

EVENTS = {"111122223333": [event(1)]}
CHILD = HEAD.replace("id: test-book", "id: child-book") + (
    "  - {id: ask, type: decide, question: Which, options: [{value: a}, {value: b}]}\n"
)


@pytest.fixture
def nested(tmp_path):
    """A case in which a playbook waits for a playbook that asks."""
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "child-book.yaml").write_text(CHILD)
    table = deck(tmp_path, EVENTS, folders=[folder])
    ended = table.play(book(TAKE + "  - {id: call, type: playbook, playbook: child-book@1, needs: [take]}\n"), {})
    assert ended.outcome == "waiting"
    return table, ended.run


def test_a_question_of_a_playbook_that_was_called_is_shown_with_the_run_to_answer(run, nested, tmp_path) -> None:
    table, name = nested
    told = run("playbook", "questions", table.lab.root, "--out", tmp_path / "asked")

    assert told.code == Exit.OK
    assert f"answer {table.lab.root} {name}.call ask` answers it" in told.err
    assert [path.name for path in (tmp_path / "asked").iterdir()] == ["call.ask.question.json"]
    (asked,) = json.loads(run("playbook", "questions", table.lab.root, "--json").out)["questions"]
    assert (asked["run"], asked["step"]) == (f"{name}.call", "ask")


@pytest.mark.parametrize("text", ["{}", '{"step": "x"}', '{"step": "x", "run": 3}', "[", '"x"'])
def test_a_question_that_is_none_is_refused_before_it_is_shown(run, tmp_path, text) -> None:
    path = tmp_path / "question.json"
    path.write_text(text)
    told = run("playbook", "answer", "--question", path, "--choice", "a", "--out", tmp_path / "answer.json")

    assert (told.code, "this is no question" in told.err) == (Exit.USAGE, True)
    assert not (tmp_path / "answer.json").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ask: {choices: eu}", "`answers.ask.choices` is str, not list"),
        ("ask: {fields: []}", "`answers.ask.fields` is list, not dict"),
        ('ask: {approved: "no"}', "`answers.ask.approved` is str, not bool"),
    ],
)
def test_a_file_of_answers_is_judged_as_a_whole_before_anything_runs(run, opened, tmp_path, text, said) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(f"apiVersion: evidence-kit/answers.v1\nanswers:\n  {text}\n")
    (tmp_path / "book.yaml").write_text(CHILD)
    told = run("playbook", "run", tmp_path / "book.yaml", "--case", opened, "--answers", answers, *_beside(tmp_path))
    assert (told.code, said in told.err) == (Exit.USAGE, True), told.err


def test_files_that_are_missing_or_broken_are_mistakes_of_whoever_typed(run, opened, tmp_path) -> None:
    event_file = tmp_path / "event.json"
    event_file.write_text("{")
    broken = run("playbook", "run", "aws-guardduty-triage", "--event", event_file, "--plan", *_beside(tmp_path))
    missing = run("playbook", "resume", opened, "--clocks", tmp_path / "none.yaml", *_beside(tmp_path))

    assert (broken.code, str(event_file) in broken.err) == (Exit.USAGE, True)
    assert (missing.code, "none.yaml" in missing.err) == (Exit.USAGE, True), missing.err


def _beside(folder):
    inventory = folder / "inventory.yaml"
    inventory.write_bytes(INVENTORY)
    return ("--inventory", inventory)
