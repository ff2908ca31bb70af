"""The page stands alone, is read without colour, script or network, and shows no markup that a partner chose."""

from datetime import UTC, datetime
from html.parser import HTMLParser

from evidence_kit.governance.assessment import Earlier, assess
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.template import standard
from evidence_kit.report.assurance.page import page

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
INVENTORY = b"""apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: "<script>alert(1)</script>"
    provider: acme
    id: t-7
    owner: "\\u202e&amp;"
    agreement: {reference: "R\\"><img src=x>", evidence: [audit_logs], expires: 2027-12-31}
  - {name: bolt, provider: bolt, id: t-8, owner: us}
"""
VOID = {"meta", "br", "img", "link", "input"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and notes what matters."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.headers, self.rows, self.ids, self.links = [], [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "th":
            self.headers.append(found.get("scope"))
        if tag == "tr":
            self.rows.append(found.get("class"))
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        assert not {name for name in found if name.startswith("on") or name == "src"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def made(earlier=None):
    entries = parse_inventory(INVENTORY, name="i.yaml").entries
    return [assess(entry, standard(), at=NOW, earlier=earlier) for entry in entries]


def test_nothing_that_a_partner_chose_becomes_markup():
    text = page(made())
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text


def test_the_page_is_whole_and_needs_nothing_from_elsewhere():
    text = page(made())
    read = Reader(text)
    assert not {"script", "img", "link", "iframe", "object"} & set(read.tags)
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert {link.removeprefix("#") for link in read.links} == set(read.ids)


def test_every_table_has_a_caption_and_every_header_a_scope():
    read = Reader(page(made()))
    assert read.tags.count("table") == read.tags.count("caption") == 3
    assert set(read.headers) == {"col", "row"}
    assert "main" in read.tags
    assert page(made()).startswith('<!DOCTYPE html>\n<html lang="en">')


def test_no_answer_is_told_by_colour_alone():
    one = made()[0]
    text = page([one])
    for state in {answer.state for answer in one.answers}:
        assert f"</span> {state}</td>" in text


def test_the_trend_is_on_the_page():
    earlier = {("bolt", "t-8"): (Earlier(NOW, 3),)}
    text = page(made(earlier))
    assert "first entry" in text
    assert "-2</td>" in text
    assert 'Before: <time datetime="2026-11-22T12:00:00Z">2026-11-22</time>: 3.' in text


def test_it_can_be_printed():
    assert "@media print" in page(made())
