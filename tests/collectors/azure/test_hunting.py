"""Advanced hunting: tables that come whole, or with a status that says they did not."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.lab import Clock, Lab
from support.microsoft import quick, tenant

from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.azure import hunting
from evidence_kit.collectors.azure.hunting_wire import HuntingSpeaker, TooHeavy
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.faults import Fault
from evidence_kit.sandbox.microsoft.hunting import Hunting
from evidence_kit.sandbox.microsoft.log_analytics import Table, Workspace, ticks

SOURCE, TABLE = "defender.hunting", "DeviceEvents"
START = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = 6
WINDOW = Window(START, START + timedelta(hours=HOURS))
PATH = "runHuntingQuery"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "case", WINDOW, now=Clock(START + timedelta(days=2))).open()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A tenant with one table of a row a minute; an answer holds 100 rows, 80 are asked for."""
    monkeypatch.setattr(hunting, "MAX_ROWS", 100)
    monkeypatch.setattr(hunting, "PACK_ROWS", 80)
    with tenant(tmp_path) as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        table = Table(name=TABLE, rate=lambda second: int(second % 60 == 0))
        made.hunting = Hunting(workspace=Workspace(tables={TABLE: table}, max_rows=1 << 30), most=100)
        made.server.apis.append(made.hunting)
        yield made


def collect(lab, desk, table=TABLE, **params):
    order = Order(sources=(SOURCE,), targets=(desk.target(),), window=WINDOW, params={"table": table, **params})
    with lab.vault.lock(), lab.vault.working():
        return lab.engine(build(quick(SOURCE))).collect(order)


def only(lab):
    (unit,) = [line for line in lab.ledger() if line["type"] == "unit"]
    return UnitStatus(unit["status"]), str(unit["reason"])


def items(lab):
    bodies = [body for path, body in lab.bodies() if path.parent.name == "query"]
    return Counter(row["Item"] for body in bodies for row in json.loads(body)["results"])


def rows(desk):
    held = desk.hunting.workspace.tables[TABLE]
    return Counter(row.item for row in held.rows(ticks(WINDOW.start), ticks(WINDOW.end)))


def kinds(lab):
    return Counter(finding["kind"] for finding in lab.findings())


def test_every_row_comes_once_and_each_answer_is_on_disk_as_it_was_sent(desk, lab):
    collect(lab, desk)
    assert only(lab) == (UnitStatus.COMPLETE, "")
    assert items(lab) == rows(desk)
    assert sum(items(lab).values()) == 60 * HOURS
    assert sorted(lab.digests().elements()) == sorted(one.sha256 for one in desk.server.sent if PATH in one.target)
    assert lab.verify().exit(require_complete=True) is Exit.OK


def test_the_questions_speak_of_timestamp_and_of_no_column_of_another_service(desk, lab):
    collect(lab, desk)
    assert len(desk.hunting.asked) > 3
    assert all("Timestamp >= datetime(" in text and "Timestamp < datetime(" in text for text in desk.hunting.asked)
    assert not any(
        word in text for text in desk.hunting.asked for word in ("_ItemId", "_BilledSize", "TimeGenerated")
    )


def test_an_answer_with_as_many_rows_as_fit_is_cut_until_it_is_whole(desk, lab):
    desk.hunting.workspace.misled = lambda rows: max(1, rows // 4)
    collect(lab, desk)
    assert items(lab) == rows(desk)
    assert kinds(lab)["answer_not_whole"] >= 2
    assert any(path.parent.name == "superseded" for path, _ in lab.bodies())


def test_a_second_with_more_rows_than_fit_comes_in_shards(desk, lab):
    desk.hunting.workspace.tables[TABLE].rate = lambda second: 300 * (second == int(START.timestamp()) + 60)
    collect(lab, desk)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert items(lab) == rows(desk)
    assert any("hash(tostring(pack_all()), " in text for text in desk.hunting.asked)


def test_a_question_that_is_too_heavy_is_asked_in_parts(desk, lab):
    desk.hunting.heavy = 4000
    collect(lab, desk)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert items(lab) == rows(desk)
    assert "HTTP 400" in [line["error"] for line in lab.exchanges() if line.get("error")]


def test_a_service_that_answers_nothing_whole_is_never_a_success(desk, lab):
    desk.hunting.heavy = 10
    collect(lab, desk)
    status, reason = only(lab)
    assert status is UnitStatus.PARTIAL_ERROR
    assert "cannot be counted" in reason


def test_rows_that_the_service_counts_and_does_not_give_are_no_success(desk, lab):
    desk.hunting.most = 20
    collect(lab, desk)
    status, reason = only(lab)
    assert status is UnitStatus.PARTIAL_TRUNCATED
    assert "did not come" in reason
    assert kinds(lab)["count_differs"] >= 1


def test_a_table_without_rows_is_complete_by_the_services_own_count(desk, lab):
    desk.hunting.workspace.tables[TABLE].rate = lambda _: 0
    collect(lab, desk)
    assert only(lab) == (UnitStatus.COMPLETE, "")
    assert items(lab) == Counter()


def test_a_table_that_the_tenant_has_not_got_is_not_configured(desk, lab):
    collect(lab, desk, table="EmailEvents")
    assert only(lab)[0] is UnitStatus.NOT_CONFIGURED


def test_a_table_that_is_more_than_a_name_is_refused(desk, lab):
    with pytest.raises(UsageError):
        collect(lab, desk, table="DeviceEvents | take 1")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="throttle", path=PATH, times=2),
        Fault(kind="status", path=PATH, status=503),
        Fault(kind="short", path=PATH),
        Fault(kind="html", path=PATH),
        Fault(kind="expired_token", path=PATH),
    ],
    ids=lambda fault: fault.kind,
)
@pytest.mark.parametrize("skip", [0, 2])
def test_a_fault_loses_nothing(fault, skip, desk, lab):
    desk.server.faults.add(replace(fault, skip=skip))
    collect(lab, desk)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert items(lab) == rows(desk)


@pytest.mark.parametrize("body", [b"{}", b'{"results": []}', b'{"schema": [], "results": {}}'])
def test_an_answer_without_rows_or_schema_is_not_an_empty_table(body, desk, lab):
    real = desk.hunting.answer

    def answer(asked):
        reply = real(asked)
        return reply and type(reply)(200, body)

    desk.hunting.answer = answer
    collect(lab, desk)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR


def test_a_refusal_names_the_permission(desk, lab):
    desk.server.faults.add(Fault(kind="status", path=PATH, status=403, code="Forbidden", times=None))
    collect(lab, desk)
    status, reason = only(lab)
    assert status is UnitStatus.DENIED
    assert "ThreatHunting.Read.All" in reason


@pytest.mark.parametrize(
    ("status", "message", "heavy"),
    [
        (400, "Query execution has exceeded the allowed limits", True),
        (504, "gateway", True),
        (400, "Syntax error", False),
        (429, "too many requests", False),
    ],
)
def test_only_what_is_too_large_is_cut(status, message, heavy):
    speaker = HuntingSpeaker(token=lambda: ("", None), renew=lambda _: None)
    found = speaker.verdict(status, json.dumps({"error": {"code": "x", "message": message}}).encode(), {})
    assert isinstance(found, TooHeavy) is heavy
