"""Many records at once say what each says alone: the first of its values, as text."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import artifact_of

from evidence_kit.analysis.records.mapping import parse_shape, shape_of
from evidence_kit.analysis.records.places import identity_of, place_of
from evidence_kit.analysis.records.promote import ROW, Promoter
from evidence_kit.analysis.records.record import NOTHING, Records
from evidence_kit.analysis.records.rules import Batch, Rule, column, said_by, texts

NOTHINGS = (None, "", "-", "null", "N/A", [], {})
LEAVES = st.sampled_from(
    [*NOTHINGS, "x", "é", "\ud800", "1", "2026-11-20T10:00:00Z", "soon", True, ["a"], {"b": "c"}, "203.0.113.7:443"]
)
WITHIN = LEAVES | st.dictionaries(st.sampled_from(["arn", "ARN", "userName", "accessKeyId"]), LEAVES, max_size=3)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("eventTime", "eventName", "errorCode", "sourceIPAddress", "awsRegion", "eventID"), LEAVES),
        "userIdentity": WITHIN,
        "requestParameters": WITHIN,
        "resources": LEAVES | st.lists(WITHIN, max_size=2),
        "CloudTrailEvent": LEAVES | st.just('{"eventName":"within","userIdentity":{"arn":"a"}}'),
    },
)


def promoter() -> Promoter:
    artifact = replace(artifact_of(b"", "aws.cloudtrail.s3"), target="t", region="r")
    return Promoter("IR-1", artifact, shape_of(artifact.source), identity_of("eventID"))


@given(values=st.lists(RECORD | LEAVES, min_size=1, max_size=6))
def test_many_records_are_the_rows_that_each_is_alone(values) -> None:
    together, alone = promoter(), promoter()
    found = Records("bags/b/data/one", range(1, len(values) + 1), ["{}"] * len(values), values)
    rows = list(zip(*together.columns(found), strict=True))
    assert rows == [alone.row(one) for one in found]
    assert together.unreadable == alone.unreadable


def slowly(rules: tuple[Rule, ...], inner: object, outer: object) -> str | None:
    """Return what one record says by the first rule that finds something, as the mapping defines it."""
    for rule in rules:
        found = rule.place(outer if rule.is_outer else inner)
        found = rule.then(found) if rule.then and found is not None else found
        if (text := said_by(found)) is not None:
            return text if rule.says is None else rule.says
    return None


@pytest.mark.parametrize("source", ["aws.cloudtrail.s3", "aws.guardduty.findings", "m365.audit", "okta.system_log"])
@given(values=st.lists(RECORD | LEAVES, max_size=6))
def test_columns_of_many_records_are_what_the_rules_say_of_each(source, values) -> None:
    shape = shape_of(source)
    for name, rules in shape.rules.items():
        batch = Batch(values)
        assert list(column(rules, batch, batch)) == [slowly(rules, one, one) for one in values], name


LISTS = LEAVES | st.lists(LEAVES | st.dictionaries(st.sampled_from(["ARN", "arn"]), LEAVES), max_size=3)


@given(values=st.lists(st.dictionaries(st.just("resources"), LISTS) | LEAVES, max_size=5))
def test_what_stands_first_in_lists_is_found_alike_at_once_and_one_by_one(values) -> None:
    place = place_of("resources[].ARN")
    assert list(Rule(place).each(Batch(values))) == [place(value) for value in values]


@given(many=st.lists(st.lists(RECORD, min_size=1, max_size=4), min_size=1, max_size=4))
def test_artifacts_together_are_the_rows_of_each(many) -> None:
    together, found, wanted, lost = promoter(), [], [], {}
    for number, values in enumerate(many):
        artifact = replace(
            artifact_of(b"", "aws.cloudtrail.s3"), path=f"{number}", target=f"t{number % 2}", region=""
        )
        some = Records(artifact.path, range(1, len(values) + 1), [b"{}"] * len(values), values)
        found.append((artifact, some))
        alone = replace(promoter(), artifact=artifact, unreadable=Counter())
        wanted += zip(*alone.columns(some), strict=True)
        lost |= alone.unreadable
    assert list(zip(*together.together(found), strict=True)) == wanted
    assert together.unreadable == lost


@given(found=st.lists(LEAVES, max_size=6))
def test_texts_at_once_are_the_texts_one_by_one(found) -> None:
    assert list(texts(found)) == [said_by(one) for one in found]


@pytest.mark.parametrize("nothing", NOTHINGS)
def test_what_says_nothing_gives_way_to_the_next_place(nothing) -> None:
    first = {"userIdentity": {"arn": nothing, "userName": "dana"}}
    second = {"userIdentity": {"arn": "arn:aws:iam::1:user/erin", "userName": "erin"}}
    columns = promoter().columns(Records("a", [1, 2], ["", ""], [first, second], [NOTHING, NOTHING]))
    assert list(columns[ROW.index("actor")]) == ["dana", "arn:aws:iam::1:user/erin"]


def test_a_shape_without_rules_for_a_column_says_nothing_in_it() -> None:
    text = b"apiVersion: evidence-kit/fields.v1\nkind: Fields\nname: n\nsources: [n]\nfields: {action: [a]}\n"
    batch = Batch([{"a": "x"}, {"a": True}, None])
    found = parse_shape(text, name="n.yaml").columns(batch, batch)
    assert found == {"action": ["x", "true", None]}
