"""What a check learns of an API, and how it is judged: reachable, authorised, fresh, retention, clock, sampling."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.partner import acme, kiosk, paged, played

from evidence_kit.acquire.glance import Glance
from evidence_kit.collectors.partner.access import PartnerAccess
from evidence_kit.collectors.partner.probe import probe
from evidence_kit.errors import AccessError
from evidence_kit.governance.agreement import Agreement
from evidence_kit.governance.checking import Grade, check_partners
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.time import rfc3339
from evidence_kit.sandbox.partners.server import Reply

NOW = datetime(2026, 11, 20, 1, tzinfo=UTC)  # an hour after the first of the fixture's events
WINDOW = {"start": {"query": "since"}, "end": {"query": "until"}, "format": "rfc3339"}
PREFLIGHT = {"request": {"path": "/events", "query": {"limit": 1}}, "newest": "max_by(events, &at).at"}
DATED = {"Date": format_datetime(NOW, usegmt=True)}


class Unheard(list):
    """Failures of a server that are what a test is about: a client that would not shake hands."""

    def append(self, _):
        pass


@dataclass
class Desk:
    """A partner, and what a check says of it at `NOW`."""

    kiosk: object

    def ask(self, spec, target):
        glance = Glance(lambda: NOW, self.kiosk.secret)
        found = probe(spec, target, PartnerAccess(), glance)
        return replace(found, attempts=tuple(glance.exchanges))

    def row(self, *, agreement=None, **access):
        entry = Entry(target=self.kiosk.target(**access), agreement=agreement)
        (row,) = check_partners([entry], [self.kiosk.spec], self.ask, lambda: NOW)
        return row

    def aspects(self, **more):
        return {one.name: (one.grade, one.said) for one in self.row(**more).aspects}

    def answer(self, status=200, body=None, headers=DATED):
        reply = Reply(status=status, body=json.dumps(body or {}).encode(), headers=headers)
        self.kiosk.server.faults = [lambda _: reply]

    @property
    def asked(self):
        return [one.target for one in self.kiosk.server.sent]


@contextmanager
def desk(tmp_path, reply=None, **parts):
    said = {"window": WINDOW, "preflight": PREFLIGHT, **parts}
    with kiosk(tmp_path, acme(**said), played(reply or {**paged(5), "headers": DATED})) as partner:
        yield Desk(partner)


def agreed(**fields):
    return Agreement(reference="DPA-1", evidence={"audit_logs": "4.1"}, **fields)


def events(*moments):
    return {"events": [{"id": str(n), "at": rfc3339(moment)} for n, moment in enumerate(moments)]}


def test_an_api_that_is_as_agreed_is_well(tmp_path):
    with desk(tmp_path) as at:
        row = at.row(agreement=agreed(latency=timedelta(hours=1)))
        assert (row.grade, row.connector) == (Grade.OK, "acme.audit")
        assert [one.name for one in row.aspects if one.grade is Grade.OK] == [
            "reachable",
            "authorised",
            "fresh",
            "clock",
        ]
        assert at.asked == ["/events?limit=1"]


@pytest.mark.parametrize(
    ("access", "aspect", "said"),
    [
        ({"ca": ""}, "reachable", "TLS fails"),
        ({"endpoint.server": "https://127.0.0.1:1"}, "reachable", "cannot be reached"),
        ({"allowPrivate": ""}, "authorised", "out of scope"),
        ({"secret.token": ""}, "authorised", "cannot be asked"),
        ({"endpoint.server": "https://no address"}, "reachable", ""),
    ],
)
def test_what_cannot_be_asked_fails_and_is_told_apart(tmp_path, access, aspect, said):
    with desk(tmp_path) as at:
        at.kiosk.server.failures = Unheard()
        if "secret.token" in access:

            def refuse(_):
                raise AccessError("there is no such secret")

            at.kiosk.secret = refuse
        row = at.row(**access)
        found = {one.name: one for one in row.aspects}
        assert row.grade is Grade.FAIL
        assert said in found[aspect].said
        assert found[aspect].grade is Grade.FAIL


@pytest.mark.parametrize(
    ("status", "body", "aspect", "grade", "said"),
    [
        (401, {}, "authorised", Grade.FAIL, "denied: HTTP 401"),
        (403, {"message": "no scope"}, "authorised", Grade.FAIL, "denied: HTTP 403: no scope"),
        (402, {"code": "plan"}, "authorised", Grade.FAIL, "not licensed: the plan has no audit log"),
        (404, {}, "authorised", Grade.FAIL, "not configured: HTTP 404"),
        (429, {}, "authorised", Grade.WARN, "throttled: HTTP 429"),
        (500, {}, "reachable", Grade.FAIL, "answers with an error: HTTP 500"),
        (
            200,
            {"partial": True, "events": []},
            "authorised",
            Grade.WARN,
            "answers in part, partial error: half of it",
        ),
        (200, {"sampled": True, "events": []}, "sampling", Grade.WARN, "`sampled` is true"),
        (200, {"sampleRate": 0.1, "events": []}, "sampling", Grade.WARN, "`sampleRate` is 0.1"),
        (206, {}, "sampling", Grade.WARN, "one in ten"),
    ],
)
def test_what_an_answer_means_is_told_apart(tmp_path, status, body, aspect, grade, said):
    errors = [
        {"status": 402, "means": "not_licensed", "reason": "the plan has no audit log"},
        {"status": 206, "means": "sampled_at_source", "reason": "one in ten"},
        {"status": 200, "when": "partial", "means": "partial_error", "reason": "half of it"},
    ]
    with desk(tmp_path, errors=errors) as at:
        at.answer(status, body)
        found = at.aspects()[aspect]
        assert found[0] is grade
        assert said in found[1]


def test_a_provider_that_asks_to_wait_is_not_asked_again(tmp_path):
    with desk(tmp_path) as at:
        at.answer(429)
        at.row()
        assert len(at.asked) == 1


@pytest.mark.parametrize(
    ("age", "latency", "grade"),
    [
        (timedelta(minutes=50), timedelta(hours=1), Grade.OK),
        (timedelta(hours=2), timedelta(hours=1), Grade.FAIL),
        (timedelta(hours=2), None, Grade.OK),
        (timedelta(days=3), None, Grade.WARN),
        (-timedelta(hours=1), timedelta(hours=1), Grade.WARN),
    ],
)
def test_the_newest_record_is_held_against_the_agreed_latency(tmp_path, age, latency, grade):
    with desk(tmp_path) as at:
        at.answer(body=events(NOW - age))
        assert at.aspects(agreement=agreed(latency=latency))["fresh"][0] is grade


def test_an_answer_without_records_does_not_pass_for_fresh(tmp_path):
    with desk(tmp_path) as at:
        at.answer(body={"events": []})
        assert at.aspects()["fresh"][0] is Grade.UNTOLD


def test_without_a_question_of_its_own_a_connector_asks_for_its_last_hour(tmp_path):
    with desk(tmp_path, preflight=None) as at:
        found = at.aspects()
        assert (found["authorised"][0], found["fresh"][0]) == (Grade.OK, Grade.UNTOLD)
        assert "since=2026-11-20T00%3A00%3A00Z" in at.asked[0]


@pytest.mark.parametrize(
    ("reply", "grade", "said"),
    [
        (events(NOW - timedelta(days=30) + timedelta(hours=2)), Grade.OK, "reaches back"),
        (events(NOW), Grade.UNTOLD, "gone, or never there"),  # it heeds no window: this is not what was asked for
        ({"events": []}, Grade.UNTOLD, "gone, or never there"),
    ],
)
def test_one_more_request_shows_how_far_back_it_reaches(tmp_path, reply, grade, said):
    with desk(tmp_path, {"path": "/events", "json": reply}, window={**WINDOW, "retention": "P30D"}) as at:
        found = at.aspects()["retention"]
        assert len(at.asked) == 2
        assert found[0] is grade
        assert said in found[1]


@pytest.mark.parametrize(("means", "grade"), [("expired_retention", Grade.FAIL), ("denied", Grade.WARN)])
def test_a_provider_that_refuses_what_it_is_said_to_keep_does_not_keep_it(tmp_path, means, grade):
    errors = [{"status": 400, "means": means, "reason": "too old"}]
    with desk(tmp_path, window={**WINDOW, "retention": "P30D"}, errors=errors) as at:
        at.kiosk.server.faults = [lambda asked: Reply(status=400, body=b"{}") if "since" in asked.query else None]
        assert at.aspects()["retention"][0] is grade


@pytest.mark.parametrize(
    ("off", "grade"),
    [
        (timedelta(seconds=5), Grade.OK),
        (timedelta(minutes=1), Grade.WARN),
        (-timedelta(minutes=1), Grade.WARN),
        (timedelta(hours=1), Grade.FAIL),
    ],
)
def test_a_clock_that_is_not_ours_is_told(tmp_path, off, grade):
    with desk(tmp_path) as at:
        at.answer(body=events(NOW), headers={"Date": format_datetime(NOW + off, usegmt=True)})
        assert at.aspects()["clock"][0] is grade


def test_a_clock_that_tells_no_time_is_not_well(tmp_path):
    with desk(tmp_path) as at:
        at.answer(body=events(NOW), headers={"Date": "yesterday"})
        assert at.aspects()["clock"][0] is Grade.UNTOLD


def test_after_the_agreement_nobody_is_asked(tmp_path):
    with desk(tmp_path) as at:
        row = at.row(agreement=agreed(expires=date(2026, 11, 19)))
        assert (row.grade, at.asked) == (Grade.FAIL, [])
        assert "DPA-1" in row.reasons[0]


def test_what_is_not_agreed_is_not_asked(tmp_path):
    with desk(tmp_path, evidence=["identity"]) as at:
        row = at.row(agreement=agreed())
        assert (row.grade, row.connector, at.asked) == (Grade.WARN, "", [])


def test_a_value_that_the_inventory_lacks_is_named(tmp_path):
    with desk(tmp_path, params=[{"name": "org", "help": "which", "required": True}]) as at:
        assert "no `org`" in at.aspects()["authorised"][1]
        assert at.asked == []


def test_a_connector_that_fails_is_a_row_and_not_the_end(tmp_path):
    with desk(tmp_path) as at:

        def broken(spec, target):
            raise RuntimeError("canary")

        at.ask = broken
        row = at.row()
        assert row.grade is Grade.FAIL
        assert "canary" not in str(row.reasons)


def test_no_secret_is_in_what_is_said(tmp_path):
    with desk(tmp_path) as at:
        for status in (401, 500):
            at.answer(status, {"message": f"with {at.kiosk.secrets['token']}"})
            assert at.kiosk.secrets["token"] not in json.dumps(at.row().to_json())
