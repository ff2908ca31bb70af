"""The example of docs/writing-a-playbook.md is clean, its transcript real, and its tables are the language's own."""

import json
import re

import jsonschema
import pytest
import yaml
from support.playbook_doc import PAGE, SCHEMA, generated, schema_text

from evidence_kit.cli.playbooks_known import Beside, known
from evidence_kit.cli.playbooks_lint_forms import lines
from evidence_kit.playbook.lint.linter import lint
from evidence_kit.playbook.schema import schema

TEXT = PAGE.read_text()
(EXAMPLE,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
(TRANSCRIPT,) = re.findall(r"^```\n\$ [^\n]*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def findings(text):
    return lint(text.encode(), name="key-in-the-wild.yaml", known=known(Beside()))


def test_the_tables_are_the_languages_own():
    assert generated(TEXT) == TEXT, "run `python tests/support/playbook_doc.py` with tests on the path"


def test_the_schema_that_is_shipped_is_made_of_the_same_table():
    assert SCHEMA.read_text() == schema_text()
    assert json.loads(SCHEMA.read_text()) == schema()


def test_the_schema_is_one_and_takes_the_example():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(yaml.safe_load(EXAMPLE), schema())


def test_the_schema_refuses_a_step_of_no_known_type():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(EXAMPLE.replace("type: decide", "type: decidde")), schema())


def test_the_example_is_clean_but_for_what_it_cannot_help():
    assert {one.rule for one in findings(EXAMPLE)} <= {"stale-clock"}


def test_the_transcript_is_real():
    wrong = EXAMPLE.replace("size(steps.used.outputs.resources)", "size(steps.usd.outputs.resources)")
    (one,) = (found for found in findings(wrong) if found.level == "error")

    assert "\n".join(lines(one)) + "\n" == TRANSCRIPT


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^):#]+)\)", TEXT))))
def test_every_link_leads_somewhere(link):
    assert (PAGE.parent / link).exists()
