"""The picture of a playbook shows every step in its wave, what it needs, whom it waits for and what it changes."""

import re
from xml.etree import ElementTree as ET

import pytest
from support.deck import HEAD, TAKE, book

from evidence_kit.playbook import picture
from evidence_kit.playbook.library import shipped_folder
from evidence_kit.playbook.reading import parse_playbook

STEPS = (
    TAKE
    + """  - id: who
    type: query
    name: Who <b>called</b>
    needs: [take]
    when: steps.take.outputs.records > 0
    sql: SELECT 1 AS n
  - {id: agree, type: approve, needs: [take], prompt: Copy it, covers: [copy, keep]}
  - {id: copy, type: preserve, needs: [agree], approval: agree, action: aws.ebs.snapshot}
  - {id: keep, type: hold, needs: [agree], approval: agree, action: case, matter: M-1}
  - id: sum
    type: query
    needs: [{step: who, accept: [any]}, {step: copy, accept: [success, failed]}]
    sql: SELECT 1 AS n
"""
)
FILES = sorted(shipped_folder().glob("*.yaml"))


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - we drew it a moment ago


@pytest.fixture(scope="module")
def playbook():
    return parse_playbook(book(STEPS), name="a.yaml")


@pytest.fixture(scope="module")
def drawing(playbook):
    return parsed(picture.svg(playbook).text)


def named(drawing, tag):
    return drawing.iter(f"{{http://www.w3.org/2000/svg}}{tag}")


def test_the_lines_tell_waves_needs_conditions_and_signs(playbook):
    assert list(picture.lines(playbook)) == [
        "  1 ─ * take   collect",
        "  2 ┬ * who    query     Who <b>called</b>  < take",
        "    │     if steps.take.outputs.records > 0",
        "    └ ? agree  approve  < take",
        "  3 ┬ ! copy   preserve  < agree",
        "    └ * keep   hold  < agree",
        "  4 ─ * sum    query  < who (any), copy (failed, success)",
    ]


def test_the_lines_of_a_run_tell_how_each_step_ended(playbook):
    found = list(picture.lines(playbook, {"take": "success", "who": "partial"}))
    assert found[0] == "  1 ─ * take   collect   success"
    assert found[1] == "  2 ┬ * who    query     partial  Who <b>called</b>  < take"


def test_the_drawing_is_said_in_words_for_whoever_cannot_see_it(playbook, drawing):
    names = drawing.get("aria-labelledby").split()
    by_id = {one.get("id"): one.text for one in drawing if one.get("id")}

    assert drawing.get("role") == "img"
    assert by_id[names[0]] == playbook.title
    for step in playbook.steps:
        assert f"{step.id}, {step.type}" in by_id[names[1]]
    assert "agree, approve, waits for people, after take" in by_id[names[1]]
    assert "copy, preserve, changes a target" in by_id[names[1]]


def test_the_drawing_needs_nothing_from_elsewhere_and_no_colour_of_its_own(drawing):
    text = ET.tostring(drawing, encoding="unicode")
    assert not re.search(r"href|url\(|<script|@import|<image|#[0-9a-f]{6}", text)
    assert drawing.get("stroke") == "currentColor"
    assert all(one.get("fill") == "currentColor" for one in named(drawing, "text"))


def test_signs_do_not_hang_on_colour(drawing):
    boxes = {next(named(group, "text")).text: next(named(group, "rect")) for group in named(drawing, "g")}
    assert boxes["agree"].get("stroke-dasharray")
    assert boxes["copy"].get("stroke-width") == "3"
    assert not boxes["keep"].get("stroke-dasharray")
    assert not boxes["take"].get("stroke-width")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_boxes_lie_within_the_drawing_and_on_no_other_and_every_need_has_its_line(path):
    playbook = parse_playbook(path.read_bytes(), name=path.name)
    made = picture.svg(playbook)
    drawing = parsed(made.text)
    places = [tuple(int(one.get(name)) for name in ("x", "y", "width", "height")) for one in named(drawing, "rect")]

    assert len({(x, y) for x, y, _, _ in places}) == len(playbook.steps)
    assert all(x >= 0 and y >= 0 and x + w <= made.width and y + h <= made.height for x, y, w, h in places)
    assert len(list(named(drawing, "path"))) == sum(len(step.needs) for step in playbook.steps)


def test_a_hostile_name_stays_text_and_a_control_is_written_out():
    hostile = HEAD.replace("title: A test", r'title: "</title><script>alert(1)</script>\x1b[2J\u202e"')
    text = picture.svg(parse_playbook((hostile + TAKE).encode(), name="a.yaml")).text

    parsed(text)
    assert "<script" not in text
    assert r"\x1b[2J\u202e" in text
