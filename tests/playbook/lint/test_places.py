"""A character of a text is found in the file, however the text is written."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.model.document import read_document
from evidence_kit.playbook.lint.places import Places

WAYS = [
    "a: one two X three\n",
    "a: 'it''s X'\n",
    'a: "q\\" \\u00e9\\x41\\t X"\n',
    "a: >-\n  one two\n  three\n\n  four X five\n",
    "a: |  # a remark\n  one\n    two X\n",
    "a: |2\n    one\n    X\n",
    "a: one\n  two\n  X three\n",
    "a: 'one\n  two\n  X'\n",
    'a: "one \\\n  two\n  X"\n',
    'a: [é𐍈, "X"]\n',
    "? a\n: one X\n",
    "a:\r\n  one\r\n  X\r\n",
]


def place(text):
    doc, flaws, spots = read_document(text.encode(), name="x")
    assert doc is not None
    assert not flaws
    path = ("a", 1) if isinstance(doc.data["a"], list) else ("a",)
    value = doc.value(path)
    return Places.of(text.encode(), spots), path, value


@pytest.mark.parametrize("text", WAYS)
def test_a_character_is_found_where_it_is_written(text):
    places, path, value = place(text)
    line, column = places.within(path, value, value.index("X"))

    assert places.line(line)[column - 1] == "X"


@pytest.mark.parametrize("text", WAYS)
def test_the_end_of_a_text_lies_in_the_file(text):
    places, path, value = place(text)
    line, column = places.within(path, value, len(value))

    assert 1 <= column <= len(places.line(line)) + 1


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.sampled_from([None, "'", '"', "|", ">"]))
def test_every_way_in_which_yaml_writes_a_text_leads_back(text, style):
    said = yaml.dump({"a": f"{text}@"}, default_style=style, allow_unicode=True, width=20)
    doc, _, spots = read_document(said.encode(), name="x")
    if doc is None or not isinstance(doc.data.get("a"), str):
        return  # written so that the kit refuses it
    places = Places.of(said.encode(), spots)
    line, column = places.within(("a",), doc.data["a"], len(doc.data["a"]) - 1)

    assert places.line(line)[column - 1] in {"@", "\\"}


def test_a_key_is_told_by_its_own_place():
    doc, _, spots = read_document(b"a: {bc: 1}\n", name="x")
    places = Places.of(b"a: {bc: 1}\n", spots)

    assert doc is not None
    assert places.key(("a", "bc")) == ((1, 5), 2)
    assert places.value(("a", "bc")) == ((1, 9), 1)
    assert places.key(("a", "none")) == ((1, 4), 7)
