"""What rules say, as DuckDB answers it: case, wildcards, lists, absence, numbers; hostile rules stay text."""

import pytest
from support.sifting import Evidence


@pytest.mark.parametrize(
    ("selection", "lines"),
    [
        ({"a": "ALPHA"}, [1]),  # without case
        ({"a|cased": "ALPHA"}, []),
        ({"a|cased": "alpha"}, [1]),
        ({"a": "al*"}, [1, 2]),
        ({"a": "al?ha"}, [1]),
        ({"a|cased": "AL*"}, []),
        ({"a|contains": "LPH"}, [1]),
        ({"a|startswith": "al"}, [1, 2]),
        ({"a|endswith": "%_x"}, [2]),  # a wildcard of SQL is none of the rule's
        ({"a": "al%x"}, []),
        ({"a": r"star\*"}, [3]),
        ({"a|contains": "\\"}, [4]),
        ({"a": "it's"}, [5]),
        ({"a|re": "^al.ha$"}, [1]),
        ({"a|re": "^AL"}, []),
        ({"a|re|i": "^AL"}, [1, 2]),
        ({"a": ["alpha", "it's"]}, [1, 5]),
        ({"a|contains|all": ["al", "pha"]}, [1]),
        ({"a": "é"}, [6]),
        ({"a|neq": "alpha"}, [2, 3, 4, 5, 6, 7, 8]),
        ({"a": ""}, [7]),
        ({"a": None}, [8]),
    ],
)
def test_text(selection, lines) -> None:
    values = ["alpha", "al%_x", "star*", "back\\slash", "it's", "É", ""]
    held = Evidence(*({"a": value} for value in values), {"b": 1})

    assert held.lines(selection) == lines


@pytest.mark.parametrize(
    ("selection", "lines"),
    [
        ({"n": 5}, [1, 2]),
        ({"n": "5"}, [1, 2]),
        ({"n|gt": 4}, [1, 2, 3]),
        ({"n|gte": 5.5}, [3]),
        ({"n|lt": 0}, [4]),
        ({"on": True}, [5, 6]),
        ({"on": False}, [7]),
        ({"ip|cidr": "10.1.0.0/16"}, [8]),
        ({"ip|cidr": "0.0.0.0/0"}, [8, 9]),
    ],
)
def test_numbers_truth_and_addresses(selection, lines) -> None:
    held = Evidence(
        {"n": 5}, {"n": "5"}, {"n": 5.5}, {"n": -1}, {"on": True}, {"on": "TRUE"}, {"on": False},
        {"ip": "10.1.255.255"}, {"ip": "10.2.0.0"}, {"ip": "10.1.0.0.evil"}, {"ip": "fe80::1"},
    )  # fmt: skip

    assert held.lines(selection) == lines


def test_what_is_absent_is_no_match_and_so_is_a_match_once_negated() -> None:
    held = Evidence({"a": "x"}, {"b": "y"}, {"a": None}, "not json at all")

    assert held.lines({"a": "x"}, "not selection") == [2, 3, 4]
    assert held.lines({"a|exists": True}) == [1, 3]
    assert held.lines({"a|exists": False}) == [2, 4]
    assert held.lines({"a": None}) == [2, 3, 4]


def test_one_item_of_a_list_suffices() -> None:
    held = Evidence({"a": {"b": ["x", "Y"]}}, {"a": {"b": []}}, {"a": {"b": "y"}})

    assert held.lines({"a.b": "y"}) == [1, 3]
    assert held.lines({"a.b|re": "^Y$"}) == [1]
    assert held.lines({"a.b": "y"}, "not selection") == [2]


def test_a_list_on_the_way_is_followed_where_the_table_of_fields_says_so() -> None:
    field = "requestParameters.ipPermissions.items.ipRanges.items.cidrIp"
    inner = {"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}}
    held = Evidence({"requestParameters": {"ipPermissions": {"items": [{}, inner]}}}, {"requestParameters": {}})

    assert held.lines({field: "0.0.0.0/0"}) == [1]
    assert held.lines({f"{field}|exists": True}) == [1]


def test_fields_are_compared_with_fields() -> None:
    held = Evidence({"a": "x", "b": "X"}, {"a": "xy", "b": "x"}, {"a": "x"}, {"b": "x"})

    assert held.lines({"a|fieldref": "b"}) == [1]
    assert held.lines({"a|fieldref|startswith": "b"}) == [1, 2]
    assert held.lines({"a|fieldref|neq": "b"}) == [2, 3, 4]


def test_keywords_are_looked_for_in_the_whole_record_be_it_json_or_not() -> None:
    held = Evidence({"deep": {"er": "a Needle here"}}, "plain text with a needle", {"a": 1})

    assert held.lines(["needle"]) == [1, 2]
    assert held.lines({"|all": ["needle", "plain"]}) == [2]
    assert held.lines(["x", "needle"], "not selection") == [3]


def test_conditions_join_in_every_way() -> None:
    held = Evidence({"a": 1, "b": 1}, {"a": 1}, {"b": 1}, {})

    assert held.lines([{"a": 1}, {"b": 1}]) == [1, 2, 3]
    assert held.lines({"a": 1, "b": 1}) == [1]
    assert held.lines({"a": 1}, "1 of sel* and not (selection and not selection)") == [1, 2]


def test_an_object_is_its_text() -> None:
    assert Evidence({"a": {"b": "0.0.0.0/0"}}).lines({"a|contains": '"0.0.0.0/0"'}) == [1]


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "'; DROP TABLE evidence; --", "\\' OR ''='", "') OR (1=1", "$1", "%s", "/*"]
)
def test_hostile_values_stay_text(value) -> None:
    held = Evidence({"a": value}, {"a": "innocent"})

    assert held.lines({"a": value.replace("*", r"\*")}) == [1]
    assert held.lines({"a|cased": value.replace("*", r"\*")}) == [1]


@pytest.mark.parametrize("field", ["a'b", 'a"b', "a') --", "a[0]", "a*", "a..b", "a." * 30 + "b", "$['x']"])
def test_hostile_fields_are_refused(field) -> None:
    assert "cannot be the name of a field" in Evidence({}).why({field: 1})


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        ({"a|re": "(?=x)y"}, "invalid perl operator"),
        ({"a|re": r"(x)\1"}, "invalid escape"),
        ({"a|re": "(((a{100}){100}){100})"}, "repetition"),
        ({"a|cidr": "2001:db8::/32"}, "IPv6"),
        ({"a|hour": 3}, "SigmaTimestampPart"),
        ({"a|expand": "%who%"}, "placeholder"),
        ({"a|contains|expand": "%who%"}, "placeholder"),
        ({"a|re|expand": "x%who%"}, "placeholder"),
        ({"a|nonsense": 1}, "nonsense"),
        ({"a": "x\0y"}, "NUL"),
        ({"a": [f"value {number}" for number in range(3_000)]}, "characters of SQL"),
    ],
)
def test_what_has_no_equal_is_refused_with_the_reason(selection, why, capfd) -> None:
    assert why in Evidence({}).why(selection)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("condition", ["selection | count() > 5", "selection and nothing", "1 of x*", ""])
def test_conditions_that_say_nothing_here_are_refused(condition) -> None:
    assert Evidence({}).why({"a": 1}, condition)
