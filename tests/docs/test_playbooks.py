"""Every playbook has its page and its picture, made of its file; the index lists all, and what it shows works."""

import re
import shlex
from pathlib import Path

import pytest
from support.playbook_docs import FOLDER, INDEX, books, index, pages
from support.playbook_page import page

from evidence_kit.cli.app import app
from evidence_kit.cli.playbooks_ask import read_answers

TEXT = INDEX.read_text()
HOW = "run `python tests/support/playbook_docs.py` with tests on the path"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]


def test_every_page_and_picture_is_made_of_its_playbook_as_it_is():
    made = pages()
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(made), HOW
    assert [name for name, text in made.items() if (FOLDER / name).read_text() != text] == [], HOW


def test_the_index_lists_every_playbook():
    assert index(TEXT) == TEXT, HOW
    assert all(f"(playbooks/{one.id}.md)" in TEXT for one in books())


@pytest.mark.parametrize("path", [INDEX, *sorted(FOLDER.glob("*.md"))], ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path):
    links = re.findall(r"\]\(([^):#]+)\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_page_tells_every_step_input_question_and_clock():
    for one in books():
        text = page(one)
        assert all(f"| `{step.id}` |" in text for step in one.steps)
        assert all(f"| `{name}` |" in text for name in (*one.inputs, *one.targets))
        assert all(f"`{use.use}`" in text for use in one.clocks.values())
        for step in one.steps:
            asked = step.fields.get("question") if step.fields.get("by") != "rule" else None
            assert " ".join((asked or step.fields.get("prompt") or "").split()).replace("|", "\\|") in text


def test_no_row_of_a_table_has_another_number_of_cells_than_its_head():
    for one in books():
        for block in re.findall(r"(?:^\|.*\n)+", page(one), re.MULTILINE):
            counts = {len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}
            assert len(counts) == 1, block


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line, capsys):
    words = shlex.split(line, comments=True)
    named = words[1:3] if words[1] in {"playbook", "sources"} else words[1:2]
    with pytest.raises(SystemExit) as ended:
        app(args=[*named, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and word not in told] == []


def test_the_file_of_answers_is_one(tmp_path: Path):
    (text,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    ((step, reply),) = read_answers(path)
    assert (step, reply.choices, list(reply.fields)) == ("personal_data", ("eu",), ["aware_at"])
