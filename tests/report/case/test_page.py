"""The page holds everything, loads nothing, and lets nothing that evidence says become code."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import islice

import pytest
from support.case_reports import HOSTILE, Many, large, poisoned, report_of

from evidence_kit.report.case import page
from evidence_kit.report.case.safe import embedded, parted, prose, shown
from evidence_kit.report.verdict.text import visible

VOID = {"meta", "br", "rect", "path", "circle", "wbr", "img", "input", "link", "col", "hr"}


class Reader(HTMLParser):
    """Every element with its attributes, the text of all of them, and what stands in each script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.scripts, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"script", "style"}:
            self.scripts.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"script", "style"}:
            self.scripts[-1][2].append(data)
        else:
            self.texts.append(data)

    def script(self, **wanted):
        (found,) = [
            "".join(text) for tag, attrs, text in self.scripts if wanted.items() <= {"tag": tag, **attrs}.items()
        ]
        return found


def text_of(report):
    return "".join(page.pieces(report))


def test_every_element_is_closed_and_nothing_is_loaded(everything) -> None:
    read = Reader(text_of(everything))
    assert read.open == []
    for tag, attributes in read.elements:
        assert tag not in {"link", "img", "iframe", "object", "base", "form"}
        assert not {"src", "style", "srcdoc", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        if "href" in attributes:
            assert re.fullmatch(r"#[a-z0-9-]+", attributes["href"])
            assert any(one.get("id") == attributes["href"][1:] for _, one in read.elements)


def test_only_our_own_style_and_script_may_run(report) -> None:
    read = Reader(text_of(report))
    (policy,) = [one["content"] for tag, one in read.elements if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    (script,) = [
        "".join(text) for tag, attributes, text in read.scripts if tag == "script" and "type" not in attributes
    ]
    for name, text in (("style", read.script(tag="style")), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_the_script_makes_text_only_and_asks_nobody() -> None:
    text = page._own("page.js")
    forbidden = (
        "innerHTML outerHTML insertAdjacent document.write eval Function( fetch XMLHttp WebSocket cookie http:"
    )
    for word in forbidden.split():
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word


def test_no_text_of_a_case_becomes_an_element_an_attribute_or_a_script(everything) -> None:
    tame, wild = Reader(text_of(everything)), Reader(text_of(poisoned(everything)))
    allowed = {tag for tag, _ in tame.elements}
    assert {tag for tag, _ in wild.elements} <= allowed
    for tag, attributes in wild.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
    assert wild.open == []
    assert visible(HOSTILE) in "".join(wild.texts)
    assert len(wild.scripts) == len(tame.scripts) == 4


def test_what_would_not_show_as_itself_is_written_out(everything) -> None:
    text = text_of(poisoned(everything))
    assert "\\u202e" in text
    assert "\\x1b]0;owned\\x07" in text
    assert [char for char in text if not char.isprintable() and char not in "\n\t"] == []


def test_the_data_of_the_page_are_json_that_no_script_element_ends_in(everything) -> None:
    read = Reader(text_of(poisoned(everything)))
    for name in ("incident-data", "artifacts-data"):
        text = read.script(id=name)
        assert text.isascii()
        assert not set("<>&") & set(text)
        json.loads(text)
    assert visible(HOSTILE) in json.dumps(json.loads(read.script(id="artifacts-data"))).replace("\\\\", "\\").replace(
        '\\"', '"'
    )


def test_the_data_of_the_page_are_those_of_the_model(report) -> None:
    read = Reader(text_of(report))
    found = json.loads(read.script(id="incident-data"))
    assert [row[1] for row in found["rows"]] == [one.at for one in report.incident.moments]
    assert sum(count for _, _, count in found["bars"]) == found["total"] == report.incident.total
    files = [one for one in json.loads(read.script(id="artifacts-data")) if len(one) > 3]
    assert [one[2] for one in files] == [one.sha256 for one in report.artifacts]


def test_a_page_of_nothing_is_still_a_page(small_case) -> None:
    read = Reader(text_of(report_of(small_case)))
    assert json.loads(read.script(id="incident-data"))["rows"] == []
    assert "There is no time line" in "".join(read.texts)


def test_a_page_of_units_that_cannot_be_read_calls_nothing_complete(small_case) -> None:
    assert "All of it is complete." in text_of(report_of(small_case))
    path = small_case.path("record/exchanges.jsonl")
    path.chmod(0o644)
    path.write_bytes(b"{}\n")
    said = text_of(report_of(small_case))
    assert "All of it is complete." not in said
    assert "Nothing was asked for." not in said
    assert said.count("No unit of work can be read") == 2


@pytest.mark.parametrize(
    "part", ["Overdue", "key-leak", "Who was it?", "DPA-7", "not logged", "StopLogging by ci-deploy"]
)
def test_every_part_of_the_model_is_on_the_page(everything, part) -> None:
    assert part.lower() in "".join(Reader(text_of(everything)).texts).lower()


def test_each_status_that_a_unit_can_end_in_has_a_pattern(everything) -> None:
    read = Reader(text_of(everything))
    drawn = {one["fill"] for tag, one in read.elements if tag == "rect" and "fill" in one}
    known = {f"url(#{one['id']})" for tag, one in read.elements if tag == "pattern"}
    assert drawn == known
    assert len(known) == 9


def test_a_broken_case_says_so_in_words_on_top(small_case) -> None:
    (small_case.path("manifest-sha256.txt")).unlink()
    text = text_of(report_of(small_case))
    assert "Verification failed" in text[: text.index('<h2 id="checks"')]
    assert 'class="verdict bad"' in text


def test_artifacts_are_walked_and_never_held(report) -> None:
    walked = 0

    class Watched(Many):
        def __iter__(self):
            nonlocal walked
            for one in super().__iter__():
                walked += 1
                yield one

    many = replace(large(report, 50_000), artifacts=Watched(50_000))
    pieces = page.pieces(many)
    list(islice(pieces, 1_200))
    assert walked < 2_000


def test_a_page_that_leaves_artifacts_out_says_how_many(report, monkeypatch) -> None:
    monkeypatch.setattr(page, "EMBEDDED", 500)
    read = Reader(text_of(large(report, 600)))
    assert len([one for one in json.loads(read.script(id="artifacts-data")) if len(one) > 3]) == 500
    assert "This page holds the first 500" in "".join(read.texts)


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "&lt;", "\u2028", "\u202e", "\x1b[2J", "\ud800"])
def test_embedded_data_are_plain_ascii_that_ends_no_element(text) -> None:
    made = embedded({"a": [text]})
    assert made.isascii()
    assert not set("<>&") & set(made)
    assert json.loads(made) == {"a": [visible(text)]}


def test_prose_and_names_are_escaped_before_they_are_marked_up() -> None:
    assert prose("use `a<b>` & \u202e") == "use <code>a&lt;b&gt;</code> &amp; \\u202e"
    assert parted("a.b<c_d") == "a.<wbr>b&lt;c_<wbr>d"
    assert shown("\x07") == "\\x07"
