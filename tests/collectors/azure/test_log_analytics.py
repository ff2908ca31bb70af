"""Log Analytics through the real SDK, TLS and the whole engine: whole tables, or a status that says they are not."""

import gc
import json
import ssl
import tracemalloc
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from support.lab import Clock, Lab, catalogue
from support.log_analytics import HTML, Fault, refusal, serving

from evidence_kit.collectors.azure import kusto, query_tap
from evidence_kit.collectors.azure.query_answer import read
from evidence_kit.collectors.azure.query_verdicts import query_verdict
from evidence_kit.collectors.registry import build
from evidence_kit.collectors.tap import BadBody
from evidence_kit.errors import Exit, OperatorStop, UsageError
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE, Table, Workspace, ticks

START = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = ticks(START) // 10_000_000
DAY = timedelta(days=1)
TABLE = "azure.la.table"
LIMITS = {"max_rows": 500, "max_bytes": 64_000}


def every(step):
    """Return the rate of one row each `step` seconds."""
    return lambda second: int(second % step == 0)


def steadily(rows):
    """Return the rate of as many rows in every second."""
    return lambda second: rows * (second > 0)


@pytest.fixture
def small(monkeypatch):
    """A service and a collector whose limits are a thousandth of the real ones, so that small tables reach them."""
    monkeypatch.setattr(kusto, "MAX_ROWS", 500)
    monkeypatch.setattr(kusto, "PACK_ROWS", 400)
    monkeypatch.setattr(kusto, "PACK_BYTES", 40_000)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Start a workspace with one table `T` and a case in front of it."""
    with ExitStack() as stack:

        def start(rate, *, table=None, **workspace):
            held = Workspace(tables={"T": table or Table(name="T", rate=rate)}, **workspace)
            lab = Lab(tmp_path / "case", Window(START, START + DAY), now=Clock(START + 30 * DAY)).open()
            desk, environ = stack.enter_context(serving(held, lab, tmp_path))
            for name, value in environ.items():
                monkeypatch.setenv(name, value)
            return desk

        yield start


def only(result):
    (outcome,) = result.outcomes
    return outcome


def expected(desk, start=START, end=START + DAY):
    return Counter(row.item for row in desk.workspace.tables["T"].rows(ticks(start), ticks(end)))


def kinds(desk):
    """Return what each query of the log was for."""
    return ["recount" if "Late=" in q else "count" if "Rows=" in q else "query" for q in desk.queries]


# -- whole -----------------------------------------------------------------------------------------------------------


def test_a_small_table_takes_a_count_a_query_and_a_count(make):
    desk = make(every(600))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 144)
    assert kinds(desk) == ["count", "query", "recount"]
    assert desk.items() == expected(desk)
    assert desk.lab.verify().exit(require_complete=True) is Exit.OK


def test_the_bytes_on_disk_are_the_bytes_that_were_sent(make, small):
    desk = make(every(60), **LIMITS)
    desk.collect(TABLE, desk.lab.window, table="T")
    assert desk.lab.digests() == desk.digests_sent()
    assert len(desk.lab.digests()) > 5


@pytest.mark.slow
def test_three_thousand_rows_of_a_fortnight_take_eight_queries_and_two_counts(make, small):
    """The goal of the issue, a thousand times smaller."""
    desk = make(None, table=Table(name="T", rate=every(403), billed=50), **LIMITS)
    window = Window(START, START + 14 * DAY)
    desk.lab.now = Clock(START + 60 * DAY)
    outcome = only(desk.collect(TABLE, window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 3001)
    assert Counter(kinds(desk)) == {"count": 1, "query": 8, "recount": 1}
    assert desk.items() == expected(desk, START, window.end)


def test_one_second_that_holds_every_row_is_fetched_in_the_fewest_shards(make, small):
    desk = make(lambda second: 3000 * (second == SECOND + 40_000), **LIMITS)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 3000)
    assert desk.items() == expected(desk)
    assert Counter(kinds(desk)) == {"count": 2, "query": 8, "recount": 1}


def test_rows_that_are_larger_than_billed_are_had_by_cutting(make, small):
    desk = make(None, table=Table(name="T", rate=every(120), billed=50, padding=400), **LIMITS)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 720)
    assert desk.items() == expected(desk)
    assert desk.stored("superseded")
    assert {f["kind"] for f in desk.lab.findings()} == {"answer_not_whole"}
    assert desk.lab.digests() == desk.digests_sent()
    assert desk.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_count_that_says_too_little_still_ends_whole(make, small):
    desk = make(every(30), misled=lambda rows: min(rows, 1), **LIMITS)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert desk.items() == expected(desk)
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE_UNSETTLED, 2880)
    assert "counts fewer rows than it gave" in outcome.reason


def test_a_table_without_billed_sizes_is_packed_by_its_rows(make, small):
    desk = make(None, table=Table(name="T", rate=every(120), billed=None), **LIMITS)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 720)
    assert desk.items() == expected(desk)


def test_a_window_that_begins_within_a_second_gets_what_lies_within_it(make):
    desk = make(steadily(10))
    start = START + timedelta(seconds=3, milliseconds=250)
    window = Window(start, start + timedelta(seconds=2))
    outcome = only(desk.collect(TABLE, window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 20)
    assert desk.items() == expected(desk, start, window.end)


def test_no_rows_are_complete_because_the_count_said_so(make):
    desk = make(steadily(0))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records, outcome.pages) == (UnitStatus.COMPLETE, 0, 1)
    assert kinds(desk) == ["count"]


def test_a_predicate_of_the_operator_narrows_counts_and_rows(make):
    desk = make(every(60))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T", filter='Kind == "write"'))
    wanted = [r.item for r in desk.workspace.tables["T"].rows(ticks(START), ticks(START + DAY)) if r.kind == "write"]
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, len(wanted))
    assert desk.items() == Counter(wanted)


def test_an_empty_beginning_is_said(make):
    desk = make(lambda second: int(second >= SECOND + 2 * 86400 and second % 600 == 0))
    desk.collect(TABLE, Window(START, START + 3 * DAY), table="T")
    (finding,) = desk.lab.findings()
    assert finding["kind"] == "no_rows_at_first"
    assert "no rows before 2026-11-03T00:00:00Z" in finding["message"]


def test_the_text_of_every_query_is_on_record_and_no_secret_is(make):
    desk = make(every(600))
    desk.collect(TABLE, desk.lab.window, table="T")
    recorded = [one["request"]["params"]["query"] for one in desk.lab.exchanges()]
    assert recorded == desk.queries
    secrets = [desk.entra.secret, *desk.entra.issued]
    assert len(secrets) == 2
    for path in desk.lab.root.rglob("*"):
        if path.is_file():
            assert not [secret for secret in secrets if secret.encode() in path.read_bytes()], path


def test_queries_go_out_uncompressed_bounded_twice_and_to_the_workspace(make):
    desk = make(every(600))
    desk.collect(TABLE, desk.lab.window, table="T")
    for asked in desk.api.heard:
        assert asked.path == f"/v1/workspaces/{WORKSPACE}/query"
        assert asked.headers["accept-encoding"] == "identity"
        assert asked.headers["prefer"] == "wait=600"
        assert json.loads(asked.body)["timespan"] == "2026-11-01T00:00:00.000Z/2026-11-02T00:00:00.000Z"


# -- not whole -------------------------------------------------------------------------------------------------------


def test_rows_that_arrive_meanwhile_leave_the_unit_unsettled(make, small):
    table = Table(name="T", rate=every(600))
    desk = make(None, table=table, **LIMITS)
    workspace = desk.workspace
    answer = workspace.query

    def query(body):
        found = answer(body)
        if len(workspace.asked) == 2:
            table.arrive(SECOND + 5, 3, desk.lab.now())
        return found

    desk.api.workspaces = {WORKSPACE: SimpleNamespace(query=query)}
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.reason) == (
        UnitStatus.COMPLETE_UNSETTLED, "3 rows arrived while the others were fetched",
    )  # fmt: skip
    (finding,) = desk.lab.findings()
    assert finding["facts"] == {"got": "144", "counted": "147", "arrivedMeanwhile": "3"}


def test_rows_that_are_counted_but_do_not_come_are_missing(make):
    desk = make(every(600))
    empty = b'{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"}],"rows":[]}]}'
    desk.api.faults += [None, Fault(body=empty)]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.reason) == (
        UnitStatus.PARTIAL_TRUNCATED, "144 rows that the service counts did not come",
    )  # fmt: skip


def test_one_row_larger_than_an_answer_is_said_to_be_missing_and_the_others_come(make, small, monkeypatch):
    monkeypatch.setattr(kusto, "MAX_SHARDS", 4)
    desk = make(None, table=Table(name="T", rate=every(86_400), padding=70_000, billed=80), **LIMITS)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert outcome.status is UnitStatus.PARTIAL_TRUNCATED
    assert "parts could not be had whole" in outcome.reason
    assert desk.stored("partial")
    assert outcome.records == 0


def test_a_service_that_never_gives_a_whole_answer_is_given_up(make, monkeypatch):
    monkeypatch.setattr("evidence_kit.collectors.azure.log_analytics.MAX_CUTS", 12)
    desk = make(every(600))
    partial = b'{"tables":[],"error":{"code":"PartialError","message":"shard lost"}}'
    desk.api.faults += [None, *[Fault(body=partial)] * 50]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.PARTIAL_ERROR, 0)
    assert outcome.reason == "13 answers were not whole; the last: PartialError: shard lost"
    assert len(desk.api.heard) == 14


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(429, "ThrottledError", "slow down", Retry_After="0"), "HTTP 429"),
        (refusal(503, "ServiceUnavailable"), "HTTP 503"),
        (Fault(status=502, body=b"<html>bad gateway</html>"), "HTTP 502"),
        (Fault(body=HTML), "BadBody"),
        (Fault(body=b"{}"), "BadBody"),
        (Fault(body=b""), "BadBody"),
        (Fault(body=b'{"tables":[{"name":"PrimaryResult","columns":[],"rows":[[1]]}]}'), "BadBody"),
        (Fault(short=True), None),
        (Fault(status=401, body=b'{"error":{"code":"InvalidTokenError"}}'), "HTTP 401"),
    ],
    ids=["429", "503", "502", "html", "empty-object", "empty", "no-columns", "short", "expired-token"],
)
@pytest.mark.parametrize("at", [0, 1, 2], ids=["count", "query", "recount"])
def test_a_passing_fault_costs_an_attempt_and_nothing_else(make, fault, error, at):
    desk = make(every(600))
    desk.api.faults += [None] * at + [fault]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 144)
    assert desk.items() == expected(desk)
    failed = [one["error"] for one in desk.lab.exchanges() if one.get("error")]
    assert len(failed) == 1
    assert error in {None, failed[0]}
    assert len(desk.api.heard) == 4


def test_a_redirect_is_not_followed(make):
    desk = make(every(600))
    desk.api.faults.append(Fault(status=302, body=b"", headers={"Location": f"{desk.server.url}/elsewhere"}))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert [one.path for one in desk.api.heard] == [f"/v1/workspaces/{WORKSPACE}/query"]


def test_a_refused_token_is_replaced_once_by_a_fresh_one(make):
    desk = make(every(600))
    desk.api.faults.append(Fault(status=401, body=b"{}"))
    desk.collect(TABLE, desk.lab.window, table="T")
    used = [asked.headers["authorization"].removeprefix("Bearer ") for asked in desk.api.heard]
    old, new = desk.entra.issued
    assert used == [old, new, new, new]


def test_an_answer_to_another_question_is_not_taken(make, small):
    desk = make(every(60), **LIMITS)
    desk.api.faults += [None, None, Fault(again=True)]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert outcome.status is UnitStatus.COMPLETE
    assert desk.items() == expected(desk)
    (failed,) = [one["error"] for one in desk.lab.exchanges() if one.get("error")]
    assert failed == "BadBody"


@pytest.mark.parametrize("body", [b'{"error":{"code":"GatewayTimeout"}}', b"<html>504</html>", b""])
def test_a_query_that_runs_out_of_time_is_asked_in_parts(make, body):
    desk = make(every(600))
    desk.api.faults += [None, Fault(status=504, body=body), Fault(status=504, body=body)]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 144)
    assert kinds(desk) == ["count", "query", "query", "query", "query", "query", "recount"]
    assert len(desk.stored("superseded")) == 2
    assert desk.lab.digests() == desk.digests_sent()
    assert desk.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_count_that_runs_out_of_time_is_asked_in_parts(make):
    desk = make(every(600))
    desk.api.faults += [Fault(status=504, body=b"")]
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 144)
    assert kinds(desk) == ["count", "count", "count", "query", "recount"]


def test_an_answer_beyond_a_page_is_not_read_to_its_end_and_asked_in_parts(make, monkeypatch):
    monkeypatch.setattr(query_tap, "MAX_PAGE", 6_000)
    desk = make(every(600))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 144)
    assert desk.items() == expected(desk)
    assert [one["error"] for one in desk.lab.exchanges() if one.get("error")] == ["larger than a page"]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (refusal(403, "InsufficientAccessError", "no access"), UnitStatus.DENIED, "InsufficientAccessError"),
        (refusal(404, "WorkspaceNotFoundError"), UnitStatus.PARTIAL_ERROR, "no such workspace"),
        (Fault(status=403, body=b"<html>" * 200_000), UnitStatus.DENIED, "HTTP 403"),
    ],
    ids=["denied", "no-workspace", "more-than-is-read"],
)
def test_a_refusal_ends_the_unit_with_what_it_means(make, fault, status, words):
    desk = make(every(600))
    desk.api.faults.append(fault)
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert outcome.status is status
    assert words in outcome.reason


@pytest.mark.slow
def test_a_refused_query_leaves_no_connection_to_the_garbage_collector(make):
    desk = make(every(600))
    desk.api.faults.append(refusal(404, "WorkspaceNotFoundError"))
    gc.collect()
    gc.disable()
    try:
        desk.collect(TABLE, desk.lab.window, table="T")
        opened = [one for one in gc.get_objects() if isinstance(one, ssl.SSLSocket) and not one.server_side]
        assert [one for one in opened if one.fileno() != -1 and one.getpeername()[1] == desk.server.server_port] == []
    finally:
        gc.enable()


def test_a_table_that_is_not_there_is_not_configured(make):
    desk = make(every(600))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="Elsewhere_CL"))
    assert outcome.status is UnitStatus.NOT_CONFIGURED
    assert "named 'Elsewhere_CL'" in outcome.reason


@pytest.mark.parametrize("plan", ["Basic", "Auxiliary"])
def test_a_table_of_a_lesser_plan_says_how_to_get_at_it(make, plan):
    desk = make(None, table=Table(name="T", rate=every(600), plan=plan))
    outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
    assert outcome.status is UnitStatus.NOT_LICENSED
    assert outcome.reason.startswith(f"the table is on the {plan} plan")
    assert "search job" in outcome.reason


def test_a_column_that_is_not_there_is_a_mistake_in_the_question():
    body = json.dumps(
        {
            "error": {
                "code": "BadArgumentError",
                "innererror": {"code": "SEM0100", "message": "Failed to resolve scalar expression named 'Usr'"},
            }
        }
    ).encode()
    stop = query_verdict(400, body, {})
    assert isinstance(stop, Stop)
    assert stop.status is UnitStatus.PARTIAL_ERROR


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"[" * 100_000, b'{"error": 5}'])
def test_a_refusal_that_cannot_be_read_is_still_a_refusal(body):
    assert isinstance(query_verdict(400, body, {}), Stop)
    assert isinstance(query_verdict(500, body, {}), Retryable)


def test_throttling_keeps_the_wait_that_the_service_asks_for():
    found = query_verdict(429, b"", {"retry-after": "30"})
    assert isinstance(found, Retryable)
    assert (found.throttled, found.after) == (True, 30.0)


def test_bins_that_were_not_asked_for_end_the_unit(make):
    desk = make(every(600))
    columns = '[{"name":"TimeGenerated"},{"name":"Rows"},{"name":"Bytes"}]'
    for row in (
        '["2026-10-01T00:00:00Z",1,1]',
        '["2026-11-01T00:30:00Z",1,1]',
        '["2026-11-01T00:00:00Z",-1,1]',
    ):
        body = f'{{"tables":[{{"name":"P","columns":{columns},"rows":[{row}]}}]}}'
        desk.api.faults.append(Fault(body=body.encode()))
        outcome = only(desk.collect(TABLE, desk.lab.window, table="T"))
        assert outcome.status is UnitStatus.PARTIAL_ERROR


# -- planning --------------------------------------------------------------------------------------------------------


def test_the_registry_builds_it_for_every_source_of_the_catalogue():
    specs = {name: spec for name, spec in catalogue().items() if spec.mechanism == "azure.log_analytics"}
    assert len(specs) >= 10
    assert {type(one).__name__ for one in build(specs).values()} == {"LogAnalytics"}
    for spec in specs.values():
        table = spec.settings.get("table")
        assert table or [param.name for param in spec.params if param.required] == ["table"]
        assert spec.permissions[1].endswith(f"/query/{table or '*'}/read")


def test_a_target_without_a_workspace_is_out_of_scope(make):
    desk = make(every(600))
    target = desk.target(workspace="")
    outcome = only(desk.collect(TABLE, desk.lab.window, target=target, table="T"))
    assert outcome.status is UnitStatus.OUT_OF_SCOPE
    assert not desk.api.heard


@pytest.mark.parametrize("params", [{"table": "T | take 1"}, {}, {"table": "T", "filter": "1 == 1 | take 1"}])
def test_what_could_be_another_question_is_refused_before_anything_is_asked(make, params):
    desk = make(every(600))
    with pytest.raises(UsageError):
        desk.collect(TABLE, desk.lab.window, **params)
    assert not desk.api.heard


def test_a_named_source_asks_its_own_table_and_predicate(make):
    desk = make(every(600))
    desk.collect("azure.la.keyvault", desk.lab.window)
    (asked,) = desk.queries
    assert asked.startswith("AzureDiagnostics\n")
    assert '\n| where (ResourceProvider == "MICROSOFT.KEYVAULT")\n' in asked


# -- resume ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(1, 6))
def test_a_torn_run_is_continued_without_asking_anything_twice(make, small, after, monkeypatch):
    desk = make(every(120), **LIMITS)
    desk.api.faults += [None, Fault(status=504, body=b"{}")]
    original, asked = query_tap.QueryDesk.ask, []

    def ask(self, ctx, query):
        asked.append(query)
        if len(asked) > after:
            raise KeyboardInterrupt  # the second one: nothing is finished, nothing sealed
        return original(self, ctx, query)

    with monkeypatch.context() as patch:
        patch.setattr(query_tap.QueryDesk, "ask", ask)
        with pytest.raises(OperatorStop):
            desk.collect(TABLE, desk.lab.window, table="T")
    assert len(desk.queries) == after
    outcome = only(desk.collect(TABLE, desk.lab.window, resume=True, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 720)
    assert desk.items() == expected(desk)
    assert len(desk.queries) == len(set(desk.queries)) == 6
    assert desk.lab.digests() == desk.digests_sent()
    assert desk.lab.verify().exit(require_complete=True) is Exit.OK


# -- reading ---------------------------------------------------------------------------------------------------------


def table_of(rows, **more):
    columns = [{"name": "TimeGenerated", "type": "datetime"}, {"name": "x", "type": "dynamic"}]
    return json.dumps({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}], **more}).encode()


def test_rows_are_counted_and_dated_whatever_is_in_them():
    rows = [["2026-11-01T00:00:00.5Z", {"a": "]},["}], ["2026-11-01T00:00:00Z", '\u20ac\\"'], [None, None]]
    found = read(table_of(rows))
    assert (found.rows, found.first, found.last) == (3, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00.500000Z")
    assert found.kept == []
    assert read(table_of(rows), keep=True).kept == rows


def test_every_proper_beginning_of_an_answer_is_refused():
    body = table_of([["2026-11-01T00:00:00Z", 1]], statistics={})
    for end in range(len(body)):
        with pytest.raises(BadBody):
            read(body[:end])


@pytest.mark.slow
@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize(
    "body",
    [
        b"null", b"[]", b'{"tables": 5}', b'{"tables": [5]}', b'{"tables":[{"rows":[],"columns":[]}]}',
        b'{"tables":[{"columns":[{"name":"a"}]}]}', b'{"tables":[{"columns":[{"name":"a"}],"rows":[1]}]}',
        b'{"tables":[{"columns":[{"name":"a"}],"rows":[[1,2]]}]}', b'{"tables":[{"columns":["a"],"rows":[]}]}',
        b"\xff", b"[" * 200_000, b'{"tables":' + b"[" * 200_000,
        table_of([["yesterday", 1]]), table_of([[5, 1]]), table_of([]) + b"{}",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(body):
    with pytest.raises(BadBody):
        read(body)


def test_reading_holds_no_more_than_the_text_and_a_row():
    rows = [["2026-11-01T00:00:00Z", "abcdefgh" * 4] for _ in range(100_000)]
    body = table_of(rows)
    del rows
    tracemalloc.start()
    assert read(body).rows == 100_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * len(body)


# -- the goal --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_million_rows_of_thirty_days_come_back_whole_in_ten_requests(make):
    rate = lambda second: 7 if second % 6 == 0 and second % 1000 < 992 else 0  # noqa: E731
    desk = make(None, table=Table(name="T", rate=rate, billed=50))
    desk.lab.now = Clock(START + 60 * DAY)
    window = Window(START, START + 30 * DAY)
    rows = sum(desk.workspace.tables["T"].totals(ticks(START), ticks(window.end), 3600).values())
    assert 2_990_000 < rows < 3_010_000
    outcome = only(desk.collect(TABLE, window, table="T"))
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, rows)
    assert len(desk.queries) == 2 + -(-rows // kusto.PACK_ROWS)
    assert desk.lab.digests() == desk.digests_sent()
