"""Tables of given rows: counted, asked for and narrowed as those that are made up."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from evidence_kit.collectors.azure.kusto import HOUR, Question, Span
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.held import Held
from evidence_kit.sandbox.microsoft.log_analytics import Workspace

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=2))
GIVEN = [
    (START + timedelta(hours=1, seconds=30), {"Kind": "call", "Who": "b"}),
    (START, {"Kind": "call", "Who": "a"}),
    (START + timedelta(minutes=5), {"Kind": "other", "Who": "c"}),
    (WINDOW.end, {"Kind": "call", "Who": "too late"}),
]


@pytest.fixture
def ask():
    workspace = Workspace(tables={"Calls": Held(name="Calls", given=GIVEN)})

    def asked(query):
        status, body = workspace.query(json.dumps({"query": query}).encode())
        assert status == 200, body
        (table,) = json.loads(body)["tables"]
        return [column["name"] for column in table["columns"]], table["rows"]

    return asked


def test_rows_come_in_order_of_time_and_the_end_is_not_included(ask):
    names, rows = ask(Question("Calls").rows(Span(WINDOW)))
    assert names == ["TimeGenerated", "Kind", "Who"]
    assert [row[2] for row in rows] == ["a", "c", "b"]


def test_a_condition_looks_into_the_columns_that_were_given(ask):
    _, rows = ask(Question("Calls", 'Kind == "call"').rows(Span(WINDOW)))
    assert [row[2] for row in rows] == ["a", "b"]


@pytest.mark.parametrize(("where", "counts"), [("", [2, 1]), ('Kind == "call"', [1, 1])])
def test_counts_are_those_of_the_rows(ask, where, counts):
    _, rows = ask(Question("Calls", where).count(WINDOW, HOUR))
    assert [row[1] for row in rows] == counts


def test_a_second_count_finds_nothing_that_arrived_meanwhile(ask):
    _, rows = ask(Question("Calls").recount(WINDOW, WINDOW.end))
    assert [row[1:] for row in rows] == [[2, 0], [1, 0]]


def test_a_table_without_rows_is_empty_and_no_error():
    workspace = Workspace(tables={"Calls": Held(name="Calls", given=[])})
    status, body = workspace.query(json.dumps({"query": Question("Calls").count(WINDOW, HOUR)}).encode())
    assert (status, json.loads(body)["tables"][0]["rows"]) == (200, [])
