"""A provider that gives no more than so many records for one question is asked smaller questions."""

import json
import re

import pytest
from support.partner import acme, events, kiosk, paged, played

from evidence_kit.model.status import UnitStatus

TWICE = re.compile(r"count its (\d+) records once more")
CAP = {"rows": 10, "on_cap": "bisect", "smallest": "PT1S"}


def rows(lab):
    """Return the ids of records, but for what was asked for again in parts."""
    bodies = [json.loads(body) for path, body in lab.bodies() if "superseded" not in path.parts]
    return [one["id"] for body in bodies for one in body["events"]]


@pytest.mark.parametrize("count", [0, 9, 10, 11, 95, 300])
def test_a_table_under_a_cap_comes_whole_by_the_providers_count(count, lab, tmp_path):
    paging = {"type": "cursor", "cursor": "next", "send": {"query": "cursor"}, "total": "count"}
    connector = acme(paging=paging, cap={**CAP, "total": "count"})
    with kiosk(tmp_path, connector, played(paged(count, 7))) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.records) == (UnitStatus.COMPLETE, "", count)
        assert sorted(rows(lab)) == sorted(one["id"] for one in events(count))


def test_a_table_under_a_cap_comes_whole_without_a_count(lab, tmp_path):
    fixture = played({"path": "/events", "pages": {"records": events(95), "most": 10}})
    with kiosk(tmp_path, acme(paging=None, cap=CAP), fixture) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason) == (UnitStatus.COMPLETE, "")
        assert set(rows(lab)) == {one["id"] for one in events(95)}
        assert {finding.kind for finding in outcome.findings} == {"cap_reached"}
        twice = [int(found[1]) for one in outcome.findings if (found := TWICE.search(one.message))]
        assert outcome.records - sum(twice) == 95


def test_a_moment_that_holds_too_much_is_said_to_be_cut_off(lab, tmp_path):
    same = [{"id": f"e{n}", "at": "2026-11-20T10:00:00Z"} for n in range(30)]
    fixture = played({"path": "/events", "pages": {"records": same, "most": 10}})
    with kiosk(tmp_path, acme(paging=None, cap={**CAP, "smallest": "PT1H"}), fixture) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_TRUNCATED
        assert "2026-11-20T10:00:00Z to 2026-11-20T11:00:00Z" in outcome.reason


def test_the_count_of_a_cap_is_held_against_what_came(lab, tmp_path):
    reply = {"path": "/events", "json": {"events": events(2), "count": 9}}
    with kiosk(tmp_path, acme(paging=None, cap={**CAP, "total": "count"}), played(reply)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_TRUNCATED
        assert "2 records came of 9" in outcome.reason
