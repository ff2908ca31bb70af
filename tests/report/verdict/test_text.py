"""Text from evidence is harmless once shown, and a subject names the file that it means."""

import os
import unicodedata
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.outcomes import TEXTS

from evidence_kit.report.verdict.text import Place, place, uri, visible


@given(TEXTS)
def test_what_is_shown_has_no_line_end_no_control_and_no_turned_order(text):
    shown = visible(text)

    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("text", ["two words", "grüße/日本.json", "a\\b", "%0A"])
def test_what_shows_as_itself_stays(text):
    assert visible(text) == text


def test_what_does_not_show_is_spelled_out():
    assert visible("a\n\u202e\ud800\x00") == "a\\n\\u202e\\ud800\\x00"


@given(
    st.text(st.characters(exclude_categories=()), min_size=1).filter(
        lambda name: "/" not in name and "\0" not in name
    )
)
@example("\udcff")
@example("\ud800\udc00")
def test_a_uri_has_the_bytes_of_the_name(name):
    found = uri(name)

    assert found.isascii()
    assert not set(found) & set(' %"<>\\^`{|}\n\r:?#[]') - {"%"}
    try:
        assert unquote_to_bytes(found) == os.fsencode(name)
    except UnicodeEncodeError:  # no file has this name
        assert unquote_to_bytes(found) == name.encode("utf-8", "surrogatepass")


@given(TEXTS.filter(lambda text: text.strip("./") and not text.startswith(("-", "/")) and "://" not in text))
def test_a_quoted_subject_is_the_name_that_was_quoted(text):
    name = f"bags/{text}".replace("..", "")

    assert place(ascii(name)) == Place(name)


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("custody/log.jsonl:12", Place("custody/log.jsonl", 12)),
        ("custody/log.jsonl:0", Place("custody/log.jsonl:0")),
        ("bags/a/data/x", Place("bags/a/data/x")),
        (r"'bags/a\n:3'", Place("bags/a\n:3")),
        (r"'bags/a\q'", Place(r"'bags/a\q'")),
        (r"'bags/a\Uffffffff'", Place(r"'bags/a\Uffffffff'")),
    ],
)
def test_a_subject_names_a_place(subject, found):
    assert place(subject) == found


@pytest.mark.parametrize(
    "subject",
    [
        "--last-checkpoint",
        "s3://bucket/key",
        "/etc/passwd",
        "bags/../../etc/passwd",
        "",
        ".",
        "'..'",
        "'/etc/passwd'",
    ],
)
def test_a_subject_that_is_no_file_of_the_case_has_no_place(subject):
    assert place(subject) is None
