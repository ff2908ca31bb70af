import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding, Scope, Target, Unit

SHOP = Target(provider="aws", id="111122223333", name="shop")
WINDOW = Window(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))
UNIT = Unit(source="aws.x", target=SHOP, region="us-east-1", stream="/app", window=WINDOW)


def test_equal_work_has_an_equal_id_in_every_acquisition():
    other = dataclasses.replace(UNIT, settings={"a": "b"}, target=dataclasses.replace(SHOP, name="renamed"))
    assert UNIT.id == other.id == "aws.x|111122223333|us-east-1|/app|2026-11-18T00:00:00Z/2026-11-19T00:00:00Z"


@pytest.mark.parametrize(
    "change",
    [
        {"source": "aws.y"},
        {"target": Target(provider="aws", id="4")},
        {"region": "eu-west-1"},
        {"stream": "/other"},
        {"window": Window(WINDOW.start, WINDOW.end + timedelta(seconds=1))},
        {"window": None},
    ],
)
def test_other_work_has_another_id(change):
    assert dataclasses.replace(UNIT, **change).id != UNIT.id


def test_what_a_unit_lacks_is_a_dash_in_its_id():
    assert Unit(source="s", target=SHOP).id == "s|111122223333|-|-|-"


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (SHOP, "shop (111122223333)"),
        (Target(provider="aws", id="1"), "1"),
        (Target(provider="aws", id="1", name="1"), "1"),
    ],
)
def test_a_target_is_called_by_name_and_id(target, label):
    assert target.label == label


@pytest.mark.parametrize(
    "thing", [UNIT, SHOP, Scope(window=WINDOW, target=SHOP), Finding(kind="gap", message="none")]
)
def test_words_are_frozen(thing):
    name = dataclasses.fields(thing)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, "other")
