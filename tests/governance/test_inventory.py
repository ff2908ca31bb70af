"""The inventory: strict, with a place for every fault."""

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import choose_targets, parse_inventory

HEAD = "apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n"
SHOP = '  - {name: shop, provider: aws, id: "111122223333", regions: [us-east-1]}\n'
DATA = (
    '  - {name: data, provider: aws, id: "444455556666", role: "arn:aws:iam::444455556666:role/r", externalId: x}\n'
)


def parse(text):
    return parse_inventory((HEAD + text).encode(), name="i.yaml").targets


def test_targets_carry_names_regions_and_the_way_in() -> None:
    shop, data = parse(SHOP + DATA)

    assert (shop.label, shop.regions, dict(shop.access)) == ("shop (111122223333)", ("us-east-1",), {})
    assert dict(data.access) == {"role": "arn:aws:iam::444455556666:role/r", "externalId": "x"}


def test_targets_are_chosen_by_name_or_id_once() -> None:
    targets = parse(SHOP + DATA)

    assert choose_targets(targets, []) == targets
    assert choose_targets(targets, ["444455556666", "data", "shop"]) == (targets[1], targets[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHOP + SHOP, "two targets are called"),
        ("  []\n", "the inventory lists no target"),
        ('  - {provider: aws, id: "1111"}\n', "i.yaml:4:25: `1111` is not an AWS account id"),
        ("  - {provider: aws, id: 111122223333}\n", "the id must be a string"),
        ("  - {provider: aws, id: 12345670123}\n", "the id must be a string"),
        ("  - {provider: aws, id: 012345670123}\n", "i.yaml:4:25: `012345670123` is one thing to some programs"),
        ('  - {provider: aws, id: "111122223333", rol: x}\n', "i.yaml:4:46: unknown field `rol`"),
        ('  - {id: "111122223333"}\n', "`targets.0.provider` is missing"),
        ('  - {provider: aws, id: "111122223333", regions: us-east-1}\n', "is str, not list"),
    ],
)
def test_a_fault_is_told_with_its_place(text, said) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text)

    assert said in raised.value.message


def test_another_kind_of_document_is_refused() -> None:
    with pytest.raises(UsageError, match="expected `apiVersion"):
        parse_inventory(b"apiVersion: v1\nkind: Pod\ntargets: []\n", name="i.yaml")


def test_an_unknown_target_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as raised:
        choose_targets(parse(SHOP), ["shpo"])

    assert raised.value.hint == "did you mean `shop`?"
