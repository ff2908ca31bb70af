"""Cloud Logging: every entry of the window, once, as the bytes that Google sent."""

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from faults.wire import Wire, between
from support.google import ACTIVITY, DATA, END, PROJECT, START

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.google.faults import Fault

ADMIN = "gcp.logging.admin_activity"
READS = "gcp.logging.data_access"
ENTRIES = "entries:list"


def ids(google, source=ADMIN):
    return Counter(
        entry["insertId"]
        for _, body in google.lab.bodies(source=source)
        for entry in json.loads(body).get("entries", [])
    )


def pages_sent(google):
    return [one.sha256 for one in google.asked() if one.status == 200]


def test_2500_entries_arrive_in_three_pages_whose_bytes_are_those_sent(google):
    made = google.fill(ACTIVITY, 2500)
    google.fill(DATA, 40)
    result = google.collect(ADMIN)
    assert result.exit is Exit.OK
    assert [(o.status, o.pages, o.records) for o in result.outcomes] == [(UnitStatus.COMPLETE, 3, 2500)]
    assert ids(google) == Counter(entry["insertId"] for entry in made)
    assert google.stored() == Counter(pages_sent(google))
    assert google.lab.verify().exit() is Exit.OK


def test_no_entries_is_complete_because_google_said_so(google):
    (outcome,) = google.collect(ADMIN).outcomes
    assert (outcome.status, outcome.pages, outcome.records) == (UnitStatus.COMPLETE, 1, 0)
    ((_, body),) = google.lab.bodies()
    assert body == b"{}\n"


def test_both_bounds_are_always_said_and_older_than_a_day_is_not_lost(google):
    """Google's client adds `timestamp >= now - 24 h` of its own accord where a filter has no time."""
    window = Window(START - timedelta(days=20), START - timedelta(days=19))
    made = google.fill(ACTIVITY, 12, start=window.start, end=window.end)
    google.collect(ADMIN, window=window)
    assert ids(google) == Counter(entry["insertId"] for entry in made)
    for one in google.asked():
        assert one.asked["filter"].count("timestamp") == 2
    assert f'timestamp>="{window.start:%Y-%m-%dT%H:%M:%SZ}"' in "".join(one.asked["filter"] for one in google.asked())


def test_the_trap_that_this_avoids_is_there(google):
    from google.cloud.logging import Client
    from google.oauth2.service_account import Credentials

    now = datetime.now(UTC)
    google.fill(ACTIVITY, 12, start=now - timedelta(days=20), end=now - timedelta(days=19))
    scopes = ["https://www.googleapis.com/auth/cloud-platform.read-only"]
    client = Client(
        project=PROJECT,
        credentials=Credentials.from_service_account_file(str(google.key), scopes=scopes),
        client_options={"api_endpoint": f"{google.server.url}/logging"},
        _use_grpc=False,
    )
    assert list(client.list_entries()) == []
    (one,) = google.asked()
    assert "timestamp>=" in one.asked["filter"]
    client._http.close()


def test_what_is_asked_is_pages_of_1000_oldest_first_of_one_log(google):
    google.collect(ADMIN)
    (one,) = google.asked()
    assert one.asked["pageSize"] == 1000
    assert one.asked["orderBy"] == "timestamp asc"
    assert one.asked["resourceNames"] == [f"projects/{PROJECT}"]
    assert f'logName=("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity")' in one.asked["filter"]
    assert "gl-python" in one.agent or "evidence-kit" in one.agent


def test_an_entry_at_the_end_belongs_to_the_next_window(google):
    google.fill(ACTIVITY, 1, start=END, end=END + timedelta(hours=1))
    at_start = google.fill(ACTIVITY, 1)
    google.collect(ADMIN)
    assert ids(google) == Counter([at_start[0]["insertId"]])


def test_steps_cut_the_window_and_nothing_is_counted_twice(google):
    made = google.fill("dns.googleapis.com/dns_queries", 600)
    result = google.collect("gcp.logging.dns", step=None)
    assert len(result.outcomes) == 6
    assert ids(google, "gcp.logging.dns") == Counter(entry["insertId"] for entry in made)


FAULTS = [
    Fault(kind="throttle", path=ENTRIES, skip=1, times=2, retry_after="0"),
    Fault(kind="status", path=ENTRIES, status=503, skip=1, times=3),
    Fault(kind="status", path=ENTRIES, status=504, skip=2, times=2),
    Fault(kind="short", path=ENTRIES, skip=1),
    Fault(kind="html", path=ENTRIES, skip=2),
    Fault(kind="reset", path=ENTRIES, skip=1),
    Fault(kind="unauthenticated", path=ENTRIES, skip=1),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_a_fault_loses_nothing_and_stands_in_the_ledger(google, fault):
    made = google.fill(ACTIVITY, 2500)
    google.server.faults.add(fault)
    (outcome,) = google.collect(ADMIN).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2500)
    assert ids(google) == Counter(entry["insertId"] for entry in made)
    assert not google.server.faults.unspent
    failed = [line for line in google.lab.exchanges() if line.get("error")]
    assert len(failed) == fault.times
    good = Counter(hashlib.sha256(body).hexdigest() for _, body in google.lab.bodies())
    assert good <= Counter(pages_sent(google))


def test_a_token_refused_for_good_ends_denied(google):
    google.fill(ACTIVITY, 10)
    google.server.faults.add(Fault(kind="unauthenticated", times=None))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.DENIED


ENDS = [
    ("expired_token", UnitStatus.PARTIAL_TRUNCATED),
    ("denied", UnitStatus.DENIED),
    ("disabled", UnitStatus.DENIED),  # entries are there all the same
    ("vpc_sc", UnitStatus.DENIED_BY_POLICY),
    ("html", UnitStatus.PARTIAL_ERROR),
    ("short", UnitStatus.PARTIAL_ERROR),
    ("throttle", UnitStatus.PARTIAL_THROTTLED),
    ("token_loop", UnitStatus.PARTIAL_ERROR),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "status"), ENDS)
def test_what_does_not_pass_ends_the_unit_with_its_own_word_and_keeps_what_came(google, kind, status):
    google.fill(ACTIVITY, 3500)
    skip = 0 if kind == "token_loop" else 1
    google.server.faults.add(Fault(kind=kind, path=ENTRIES, skip=skip, times=None, retry_after="0"))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is status
    assert outcome.pages >= 1
    assert google.stored() <= Counter(pages_sent(google))


def test_a_page_sent_twice_is_kept_twice_and_loses_none(google):
    made = google.fill(ACTIVITY, 2500)
    google.server.faults.add(Fault(kind="duplicate", path=ENTRIES, skip=1))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert set(ids(google)) == {entry["insertId"] for entry in made}
    assert outcome.records == 3500


def test_the_entries_of_another_window_are_not_taken_for_those_of_this_one(google):
    window = Window(START - timedelta(days=20), START - timedelta(days=19))  # cut in two at midnight
    made = google.fill(ACTIVITY, 12, start=window.start, end=window.end)
    with between(Wire("again", [entry["insertId"].encode() for entry in made])) as wire:
        outcomes = google.collect(ADMIN, window=window).outcomes
    assert wire.struck
    assert sorted(one.status for one in outcomes) == [UnitStatus.COMPLETE, UnitStatus.PARTIAL_ERROR]
    assert any("not asked for" in one.reason for one in outcomes)


def test_no_token_key_or_cookie_is_in_the_case(google):
    google.fill(ACTIVITY, 1500)
    google.server.faults.add(Fault(kind="unauthenticated", path=ENTRIES, skip=1))
    google.collect(ADMIN)
    found = google.everything()
    for secret in ("ya29.", "never-on-record", "PRIVATE KEY", "/token"):
        assert secret.encode() not in found
    ledger = json.dumps(google.lab.ledger())
    tokens = [str(one.asked["pageToken"]) for one in google.asked() if "pageToken" in one.asked]
    assert tokens
    assert not any(f'"pageToken": "{token}"' in ledger for token in tokens)


def test_the_ledger_names_the_service_account(google):
    google.collect(ADMIN)
    callers = {line.get("caller") for line in google.lab.exchanges()} - {None, ""}
    assert callers == {"ir-readonly@shop-prod-1.iam.gserviceaccount.com"}
