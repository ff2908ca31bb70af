"""`playbook list`, `show`, `schema` and `export`: what is in a playbook, for people, editors and other programs."""

import json

import jsonschema
import pytest
import yaml
from support.deck import HEAD, TAKE

from evidence_kit.errors import Exit


@pytest.fixture
def small(tmp_path):
    """The path of a playbook of one's own."""
    path = tmp_path / "test-book.yaml"
    path.write_text(HEAD.replace("description: A test}", "description: A test, reviewed: 2026-11-01}") + TAKE)
    return path


def test_a_playbook_is_found_by_its_id_in_a_folder_of_ones_own(run, small) -> None:
    told = run("playbook", "show", "test-book", "--playbooks", small.parent)

    assert told.code == Exit.OK
    assert told.out.startswith("test-book 1.0.0  A test\n")
    assert "input     key (string, AKIA1): A key" in told.out
    assert "may       hold, notify, preserve, read" in told.out
    assert "  1 ─ * take  collect\n" in told.out


def test_the_picture_goes_to_a_new_file_and_overwrites_nothing(run, small, tmp_path) -> None:
    out = tmp_path / "a.svg"
    assert run("playbook", "show", small, "--svg", out).code == Exit.OK
    assert out.read_text().startswith("<svg ")
    told = run("playbook", "show", small, "--svg", out)
    assert (told.code, "file exists" in told.err) == (Exit.USAGE, True)


def test_the_schema_that_is_printed_takes_a_playbook_and_refuses_what_is_none(run, small) -> None:
    schema = json.loads(run("playbook", "schema").out)

    jsonschema.validate(yaml.safe_load(small.read_text().replace("2026-11-01", '"2026-11-01"')), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kind": "Playbook"}, schema)


def test_an_export_goes_to_a_file_or_to_stdout_the_same(run, small, tmp_path) -> None:
    out = tmp_path / "a.json"
    told = run("playbook", "export", small, "--to", "cacao", "-o", out)

    assert (told.code, told.out) == (Exit.OK, "")
    assert "3 objects in its workflow" in told.err
    assert run("playbook", "export", small, "--to", "cacao").out == out.read_text()
    assert json.loads(out.read_text())["spec_version"] == "cacao-2.0"


def test_an_export_to_anything_else_is_refused(run, small) -> None:
    told = run("playbook", "export", small, "--to", "bpmn")
    assert (told.code, "`cacao`" in told.err) == (Exit.USAGE, True)


def test_a_playbook_without_a_date_is_exported_with_the_one_that_is_given(run, tmp_path) -> None:
    path = tmp_path / "test-book.yaml"
    path.write_text(HEAD + TAKE)
    assert run("playbook", "export", path, "--to", "cacao").code == Exit.USAGE
    told = run("playbook", "export", path, "--to", "cacao", "--at", "2026-11-02T00:00:00Z")
    assert json.loads(told.out)["modified"] == "2026-11-02T00:00:00.000Z"
