"""Many records at once say what each says alone: the first of its values, as text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import artifact_of

from evidence_kit.analysis.records.mapping import parse_shape, shape_of
from evidence_kit.analysis.records.places import identity_of
from evidence_kit.analysis.records.promote import ROW, Promoter
from evidence_kit.analysis.records.record import NOTHING, Records
from evidence_kit.analysis.records.rules import Batch, said_by, texts

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


@given(found=st.lists(LEAVES, max_size=6))
def test_texts_at_once_are_the_texts_one_by_one(found) -> None:
    assert texts(found) == [said_by(one) for one in found]


@pytest.mark.parametrize("nothing", NOTHINGS)
def test_what_says_nothing_gives_way_to_the_next_place(nothing) -> None:
    first = {"userIdentity": {"arn": nothing, "userName": "dana"}}
    second = {"userIdentity": {"arn": "arn:aws:iam::1:user/erin", "userName": "erin"}}
    columns = promoter().columns(Records("a", [1, 2], ["", ""], [first, second], [NOTHING, NOTHING]))
    assert list(columns[ROW.index("actor")]) == ["dana", "arn:aws:iam::1:user/erin"]


def test_a_shape_without_rules_for_a_column_says_nothing_in_it() -> None:
    text = b"apiVersion: evidence-kit/fields.v1\nkind: Fields\nname: n\nsources: [n]\nfields: {action: [a]}\n"
    found = parse_shape(text, name="n.yaml").columns(Batch([{"a": "x"}, {"a": True}, None]))
    assert found == {"action": ["x", "true", None]}
