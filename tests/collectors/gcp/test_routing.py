"""What a project does not let us see, was told to drop, or has forgotten, is said and never passed over."""

from datetime import timedelta

import pytest
from support.google import ACTIVITY, BUCKETS, DATA, END, EXCLUSIONS, PROJECT, SINKS, START

from evidence_kit.collectors.gcp.routing import Exclusion
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.google.faults import Fault

ADMIN = "gcp.logging.admin_activity"
READS = "gcp.logging.data_access"
LOG = f"projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Fdata_access"


@pytest.mark.parametrize(
    ("source", "log", "granted", "status"),
    [
        (READS, DATA, {"logging.logEntries.list"}, UnitStatus.DENIED),
        ("gcp.logging.access_transparency", DATA, {"logging.logEntries.list"}, UnitStatus.DENIED),
        (ADMIN, ACTIVITY, {"logging.logEntries.list"}, UnitStatus.COMPLETE),
        (ADMIN, ACTIVITY, set(), UnitStatus.DENIED),
        (READS, DATA, {"logging.privateLogEntries.list"}, UnitStatus.COMPLETE),
    ],
)
def test_a_missing_permission_ends_denied_before_entries_could_be_silently_absent(
    google, source, log, granted, status
):
    google.fill(log, 5)
    google.estate.permissions = frozenset(granted)
    (outcome,) = google.collect(source).outcomes
    assert outcome.status is status
    if status is UnitStatus.DENIED:
        assert "absent without an error" in outcome.reason
        assert not google.asked()


def test_permissions_and_routing_are_asked_once_for_all_logs_of_a_project(google):
    google.collect(ADMIN, READS, "gcp.logging.dns", "gcp.logging.firewall")
    for path in (":testIamPermissions", f"/v3/projects/{PROJECT}", "/sinks", "/exclusions"):
        assert len(google.asked(path)) == 1, path
    assert len(google.asked("/buckets")) == 2, "two pages"


def exclude(google, text, **more):
    google.estate.lists[EXCLUSIONS] = [{"exclusions": [{"name": "drop", "filter": text, **more}]}]


def test_an_exclusion_of_the_log_ends_the_unit_excluded_and_keeps_what_is_there(google):
    made = google.fill(DATA, 5)
    exclude(google, f'logName="{LOG}" AND protoPayload.methodName="Get"')
    (outcome,) = google.collect(READS).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.EXCLUDED_AT_SOURCE, len(made))
    assert "`drop`" in outcome.reason
    assert [finding["kind"] for finding in google.lab.findings()] == ["excluded_at_source"]


def test_an_exclusion_of_a_window_that_is_not_settled_leaves_the_unit_open(google):
    exclude(google, f'logName="{LOG}"')
    now = google.lab.now()
    window = Window(now - timedelta(minutes=30), now - timedelta(minutes=10))
    (outcome,) = google.collect(READS, window=window).outcomes
    assert outcome.status is UnitStatus.COMPLETE_UNSETTLED
    assert [finding["kind"] for finding in google.lab.findings()] == ["excluded_at_source"]


def test_an_exclusion_within_the_default_sink_counts_as_well(google):
    google.estate.lists[SINKS] = [
        {"sinks": [{"name": "_Default", "exclusions": [{"name": "own", "filter": f'log_id("{DATA}")'}]}]}
    ]
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE


def test_an_exclusion_that_keeps_a_share_ends_sampled(google):
    exclude(google, f'logName="{LOG}" AND sample(insertId, 0.99)')
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.SAMPLED_AT_SOURCE


def test_a_default_sink_that_is_off_keeps_nothing(google):
    google.estate.lists[SINKS] = [{"sinks": [{"name": "_Default", "disabled": True}]}]
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE


def test_what_may_apply_is_a_finding_and_what_does_not_is_none(google):
    exclude(google, 'severity<"ERROR"')
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    (finding,) = google.lab.findings()
    assert (finding["kind"], finding["facts"]["reach"]) == ("exclusion", "may")


@pytest.mark.parametrize("more", [{"disabled": True}, {}])
def test_nothing_is_said_of_exclusions_that_are_off_or_about_other_logs(google, more):
    exclude(google, f'logName="{LOG}"' if more else f'logName="projects/{PROJECT}/logs/other"', **more)
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert google.lab.findings() == []


def test_no_exclusion_reaches_the_required_bucket(google):
    exclude(google, "")
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.COMPLETE


def test_configuration_that_may_not_be_read_is_a_finding_and_no_obstacle(google):
    google.server.faults.add(Fault(kind="denied", path="/sinks", times=None))
    google.fill(DATA, 3)
    (outcome,) = google.collect(READS).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 3)
    (finding,) = google.lab.findings()
    assert finding["kind"] == "exclusions_unknown"


def test_a_flow_log_is_a_sample_and_says_so(google):
    google.fill("compute.googleapis.com/vpc_flows", 10)
    (outcome,) = google.collect("gcp.logging.vpc_flow").outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.SAMPLED_AT_SOURCE, 10)


def test_what_the_bucket_has_forgotten_is_settled_without_a_question(google):
    window = Window(START - timedelta(days=40), END)
    (old, *rest) = sorted(google.collect(READS, window=window, step=None).outcomes, key=lambda one: one.unit)
    assert old.status is UnitStatus.EXPIRED_RETENTION
    assert "keep 30 days" in old.reason
    assert {one.status for one in rest} == {UnitStatus.COMPLETE}
    assert len(google.asked()) == len(rest)


def test_of_two_logs_the_one_that_is_kept_longer_is_still_asked_for(google):
    window = Window(START - timedelta(days=40), START - timedelta(days=39))
    google.fill(ACTIVITY, 200, start=window.start, end=window.end)
    (outcome,) = google.collect("gcp.logging.gke_audit", window=window, step=timedelta(days=9)).outcomes
    assert outcome.status is UnitStatus.EXPIRED_RETENTION
    assert outcome.records


def test_a_bucket_that_keeps_longer_may_have_it_still(google):
    at = f"projects/{PROJECT}/locations/eu/buckets"
    google.estate.lists[BUCKETS] = [
        {"buckets": [{"name": f"{at}/_Default"}, {"name": f"{at}/a", "retentionDays": 90}]}
    ]
    window = Window(START - timedelta(days=40), END)
    assert {one.status for one in google.collect(READS, window=window).outcomes} == {UnitStatus.COMPLETE}


def test_a_source_of_the_organisation_is_out_of_scope_without_one(google):
    (outcome,) = google.collect("gcp.logging.organization_activity").outcomes
    assert outcome.status is UnitStatus.OUT_OF_SCOPE
    made = google.fill(ACTIVITY, 4, resource="organizations/903218371")
    google.fill(ACTIVITY, 9)
    google.estate.lists |= {
        f"/logging/v2/organizations/903218371/{name}": [{}] for name in ("sinks", "exclusions", "locations/-/buckets")
    }
    target = google.target(organization="903218371")
    (outcome,) = google.collect("gcp.logging.organization_activity", target=target).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, len(made))


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("", "covers"),
        (f'logName="{LOG}"', "covers"),
        (f"logName={LOG}", "covers"),
        ('logName:"cloudaudit.googleapis.com"', "covers"),
        ('log_id("cloudaudit.googleapis.com/data_access") AND severity="INFO"', "covers"),
        ('LOG_ID("cloudaudit.googleapis.com/activity")', "no"),
        (f'logName="projects/{PROJECT}/logs/data_access"', "no"),
        (f'NOT logName="{LOG}"', "may"),
        (f'-logName="{LOG}"', "may"),
        (f'logName!="{LOG}"', "may"),
        ('logName=~".*data.*"', "may"),
        ('resource.type="gcs_bucket"', "may"),
        ('logName="projects/p/logs/x" OR severity="INFO"', "may"),
    ],
)
def test_the_reach_of_an_exclusion_is_never_understated(text, reach):
    assert Exclusion("e", text).reach((DATA,)) == reach
