"""Templates of an organisation: they replace ours, and can neither run code nor make markup of what a case says."""

from dataclasses import replace

import pytest
from support.case_reports import HOSTILE

from evidence_kit.errors import UsageError
from evidence_kit.report.documents.blocks import Heading, Paragraph, Span, Table, parse
from evidence_kit.report.documents.making import make
from evidence_kit.report.documents.templating import escape, shipped


@pytest.fixture
def own(tmp_path, real, record):
    """Make the summary by a template of the organisation's own."""

    def call(text, report=real.report):
        (tmp_path / "summary.md").write_text(text)
        return make("summary", report, record, tmp_path)

    return call


def test_an_own_template_takes_the_place_of_ours_and_is_named(own, real) -> None:
    made = own("# About {{ report.case }}\n")
    assert made.blocks == (Heading(1, (Span(f"About {real.report.case}"),)),)
    assert made.is_own_template
    assert "the organisation's template" in made.origin


def test_the_others_stay_ours(real, record, tmp_path) -> None:
    assert not make("certification", real.report, record, tmp_path).is_own_template


def test_an_own_template_may_use_our_parts(own) -> None:
    assert own('{% import "parts.md" as parts %}{{ parts.or_blank("", "who") }}').blanks == ("who",)


def test_what_a_case_says_is_never_markup(own, real) -> None:
    hostile = replace(real.report, title="# a | b [[c]] **d** `e` \\ " + HOSTILE)
    made = own("{{ report.title }}\n\n| t |\n|---|\n| {{ report.title }} |\n", hostile)
    paragraph, table = made.blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(table, Table)
    assert {span.kind for span in paragraph.line} == {"text"}
    assert paragraph.line[0].text.startswith("# a | b [[c]] **d** `e` \\ ")
    assert table.rows == ((paragraph.line,),)


def test_what_a_case_says_is_never_a_template(own, real) -> None:
    (block,) = own("{{ report.title }}", replace(real.report, title="{{ 7 * 7 }}")).blocks
    assert block.line == (Span("{{ 7 * 7 }}"),)


@pytest.mark.parametrize(
    "text",
    [
        "{{ report.__class__ }}",
        "{{ report.artifacts.vault.walk('') }}",
        "{{ report.title.join(['a']) }}",
        "{{ report.title | safe }}",
        "{{ report.title ~ blank('x') }}",
        "{{ blank('x') + report.title }}",
        "{{ blank('%s') % report.title }}",
        "{% autoescape false %}{{ report.title }}{% endautoescape %}",
        "{{ range(9) }}",
        "{{ nothing_of_this_name }}",
        "{{ 1 / 0 }}",
        "{% if %}",
        '{% include "../../../pyproject.toml" %}',
        '{% include "nowhere.md" %}',
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    ],
)
def test_a_template_that_reaches_for_more_is_refused(own, text) -> None:
    with pytest.raises(UsageError):
        own(text)


def test_a_folder_that_is_none_is_refused(real, record, tmp_path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        make("summary", real.report, record, tmp_path / "nowhere")


def test_ours_can_be_begun_with() -> None:
    assert shipped("summary").startswith(b"{% import")


@pytest.mark.parametrize("text", ["plain", "a\nb", HOSTILE, "|---|", "- a", "> a", "### a", "\\", "\\\\[[x]]"])
def test_escaped_text_reads_back_as_itself_made_visible(text) -> None:
    (block,) = parse(str(escape(text)))
    assert isinstance(block, Paragraph)
    (span,) = block.line
    assert span == Span(span.text)
    assert span.text.isprintable()
    if text.isprintable():
        assert span.text == text
