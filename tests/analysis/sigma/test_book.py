"""Rule files: hostile and foreign ones are listed with the reason, and spoil no other."""

import json

import pytest
from support.sifting import Evidence, rule

from evidence_kit.analysis.sigma import book
from evidence_kit.analysis.sigma.places import places, places_for
from evidence_kit.analysis.sigma.words import End, UnfitError
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.sources.catalogue import load_catalogue

GOOD = rule({"a": 1})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a: &a [x,x]\nb: [*a,*a]\n", "anchors and aliases"),
        (b"[" * 5_000, "nested"),
        (b"x: " + b"a" * book.MAX_RULE, "larger than"),
        (b"a: !!python/object:os.system x", "tags"),
        (b"\xff\xfe", "UTF-8"),
        (b"- just\n- a list\n", "mapping"),
        (b"title: x\n---\ntitle: y\n", "document"),
        (b"title: x\n", "no `detection`"),
        (b"title: x\ncorrelation: {type: event_count}\n", "`correlation`"),
        (b"title: x\nfilter: {}\n", "`filter`"),
        (rule({"a": 1}, "(" * 21 + "selection" + ")" * 21), "brackets"),
        (rule({"a": 1}, "selection or " * 400 + "selection"), "characters"),
    ],
)
def test_what_is_no_rule_is_listed_with_the_reason(text, why) -> None:
    good, bad = Evidence({"a": 1}).sift(GOOD, text)

    assert good.end is End.MATCHED
    assert (bad.end, why in bad.reason) == (End.NOT_TRANSLATED, True), bad.reason


@pytest.mark.parametrize(
    "said",
    [
        {"logsource": "aws"}, {"logsource": {"product": ["aws"]}}, {"logsource": {}}, {"date": "soon"}, {"level": 5},
        {"detection": {"selection": {"a": {"b": {"c": 1}}}, "condition": "selection"}},
        {"detection": {"condition": "x"}},
        {"id": "no uuid"}, {"status": ["x"]}, {"tags": "x"}, {"title": None}, {"detection": {"selection": 5}},
    ],
)  # fmt: skip
def test_rules_of_the_wrong_shape_are_listed_and_never_a_bug(said) -> None:
    text = json.dumps({**json.loads(GOOD), **said}).encode()

    (told,) = Evidence({"a": 1}).sift(text)

    assert told.end in {End.NOT_TRANSLATED, End.MATCHED}
    assert told.end is End.MATCHED or told.reason


def test_rules_are_chosen_by_id_title_or_file() -> None:
    rules, _ = book.read_rules(book.own_rules())

    assert [one.title for one in book.chosen(rules, ["okta_admin_granted"])] == ["Okta administrator role granted"]
    assert [one.id for one in book.chosen(rules, [rules[0].id, rules[0].title])] == [rules[0].id]
    with pytest.raises(EmptyError, match="no rule is called `nothing`"):
        book.chosen(rules, ["nothing"])


def test_a_folder_is_read_whole_and_one_without_rules_is_an_error(tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    with pytest.raises(UsageError, match="holds no"):
        list(book.rules_at(tmp_path))
    (tmp_path / "deep" / "a.yml").write_bytes(GOOD)

    assert list(book.rules_at(tmp_path)) == [(str(tmp_path / "deep" / "a.yml"), GOOD)]
    with pytest.raises(UsageError, match="cannot read the rules"):
        list(book.rules_at(tmp_path / "gone.yml"))


def test_every_source_of_the_table_of_fields_is_in_the_catalogue() -> None:
    assert {name for place in places() for name in place.sources} <= set(load_catalogue())


def test_a_product_alone_means_all_of_its_logs_and_an_unknown_one_is_refused() -> None:
    assert len(places_for({"product": "aws"})) == sum(place.asks["product"] == "aws" for place in places())
    for logsource in ({"product": "windows"}, {"service": "cloudtrail"}, {"product": "aws", "service": "x"}, {}):
        with pytest.raises(UnfitError, match="no source answers"):
            places_for(logsource)
