"""What a project does not let us see, was told to drop, or has forgotten, is said and never passed over."""

from datetime import timedelta

import pytest
from support.google import (
    ACTIVITY,
    ANCESTOR_SINKS,
    ANCESTRY,
    BUCKETS,
    DATA,
    END,
    EXCLUSIONS,
    FOLDER_SINKS,
    ORGANIZATION_SINKS,
    PROJECT,
    SINKS,
    START,
    USUAL_FILTER,
)

from evidence_kit.collectors.gcp.routing import Exclusion
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.google.faults import DENIAL, Fault

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
    for path in (":testIamPermissions", f"/v3/projects/{PROJECT}", EXCLUSIONS):
        assert len(google.asked(path)) == 1, path
    assert len(google.asked("/sinks")) == 2, "its own, and those above it that intercept"
    assert not google.asked(ANCESTRY)
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


# -- a `_Default` that somebody rewrote ----------------------------------------------------------------------------


def sinks(google, *found):
    google.estate.lists[SINKS] = [{"sinks": [{"name": "_Required"}, *found]}]


def bucket(place=f"projects/{PROJECT}"):
    return f"logging.googleapis.com/{place}/locations/eu/buckets/audit"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"name": "_Default", "disabled": True}, "is off"),
        ({"name": "_Default", "destination": "storage.googleapis.com/b"}, "is leading to `storage.googleapis.com/b`"),
        ({"name": "_Default", "filter": 'LOG_ID("x")'}, 'is there for `LOG_ID("x")` only'),
        ({"name": "copy", "destination": "storage.googleapis.com/b"}, "is not there"),
    ],
)
def test_why_no_bucket_gets_the_log_is_said(google, found, said):
    sinks(google, found)
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE
    assert outcome.reason.endswith(f"the sink `_Default` {said}")


@pytest.mark.parametrize("text", [f'{USUAL_FILTER} AND NOT LOG_ID("{DATA}")', 'severity="ERROR" AND LOG_ID("x")'])
def test_a_default_sink_whose_filter_keeps_the_log_out_ends_the_unit_excluded(google, text):
    google.fill(DATA, 5)
    sinks(google, {"name": "_Default", "filter": text})
    (outcome,) = google.collect(READS).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.EXCLUDED_AT_SOURCE, 5), "what is there is kept"
    assert DATA in outcome.reason
    assert google.collect(ADMIN).outcomes[0].status is UnitStatus.COMPLETE, "`_Required` takes no filter"


def test_a_default_sink_that_lets_part_of_the_log_through_is_a_finding(google):
    sinks(google, {"name": "_Default", "filter": "severity>=ERROR"})
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    (finding,) = google.lab.findings()
    assert (finding["kind"], finding["facts"]["filter"]) == ("exclusion", "severity>=ERROR")


@pytest.mark.parametrize(
    ("other", "status", "findings"),
    [
        ({"destination": bucket()}, UnitStatus.COMPLETE, 0),
        ({"destination": bucket(), "filter": f'LOG_ID("{DATA}")'}, UnitStatus.COMPLETE, 0),
        ({"destination": bucket(), "filter": 'LOG_ID("x")'}, UnitStatus.EXCLUDED_AT_SOURCE, 1),
        ({"destination": bucket(), "disabled": True}, UnitStatus.EXCLUDED_AT_SOURCE, 1),
        ({"destination": bucket("projects/415104041262")}, UnitStatus.COMPLETE, 1),
        ({"destination": "storage.googleapis.com/shop-audit"}, UnitStatus.EXCLUDED_AT_SOURCE, 1),
        ({"destination": "pubsub.googleapis.com/projects/p/topics/t"}, UnitStatus.EXCLUDED_AT_SOURCE, 1),
    ],
)
def test_without_the_default_sink_it_takes_another_one_into_a_bucket(google, other, status, findings):
    sinks(google, {"name": "_Default", "disabled": True}, {"name": "other", **other})
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is status
    assert len(google.lab.findings()) == findings


def test_of_two_logs_only_the_one_that_can_be_kept_away_is_missed(google):
    sinks(google, {"name": "_Default", "filter": f'{USUAL_FILTER} AND NOT LOG_ID("{DATA}")'})
    (outcome,) = google.collect("gcp.logging.gke_audit").outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE
    assert ACTIVITY not in outcome.reason.partition(":")[0]


# -- folders and the organisation above ------------------------------------------------------------------------------


def taker(**more):
    return {
        "name": "central", "destination": "logging.googleapis.com/projects/siem-1/locations/eu/buckets/all",
        "includeChildren": True, "interceptChildren": True, **more,
    }  # fmt: skip


def refuse(google, *paths, kind="denied"):
    for path in paths:
        google.server.faults.add(Fault(kind=kind, path=path, times=None))


def kinds(google):
    return [finding["kind"] for finding in google.lab.findings()]


@pytest.mark.parametrize("text", ["", f'LOG_ID("{DATA}")'])
def test_a_sink_above_that_intercepts_the_log_ends_the_unit_excluded_and_says_where_it_went(google, text):
    google.fill(DATA, 5)
    google.estate.lists[ANCESTOR_SINKS] = [{}, {"sinks": [taker(filter=text, resourceName="folders/51/sinks/c")]}]
    (outcome,) = google.collect(READS).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.EXCLUDED_AT_SOURCE, 5)
    assert outcome.reason.startswith(
        "the sink `folders/51/sinks/c` takes entries to `logging.googleapis.com/projects/s"
    )
    assert google.collect(ADMIN).outcomes[0].status is UnitStatus.COMPLETE, "`_Required` is out of their reach"


@pytest.mark.parametrize("place", [FOLDER_SINKS, ORGANIZATION_SINKS])
def test_where_the_project_shows_no_sinks_each_ancestor_is_asked(google, place):
    google.estate.lists[place] = [{}, {"sinks": [taker()]}]
    refuse(google, SINKS)
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE
    assert f"`{place.removeprefix('/logging/v2/')}/central`" in outcome.reason


@pytest.mark.parametrize(
    "more",
    [
        {"interceptChildren": False},
        {"includeChildren": False},
        {"disabled": True},
        {"filter": 'LOG_ID("x")'},
        {"destination": f"logging.googleapis.com/projects/{PROJECT}"},
    ],
)
@pytest.mark.parametrize("refused", [[], [SINKS]])
def test_a_sink_above_that_only_copies_or_is_about_other_logs_takes_nothing(google, more, refused):
    google.estate.lists[FOLDER_SINKS] = [{"sinks": [taker(**more)]}]
    google.estate.lists[ANCESTOR_SINKS] = [{"sinks": [taker(**more)]}]
    refuse(google, *refused)
    assert google.collect(READS).outcomes[0].status is UnitStatus.COMPLETE
    assert kinds(google) == ["exclusions_unknown" for _ in refused]


def test_a_sink_above_that_may_take_entries_is_a_finding(google):
    google.estate.lists[ANCESTOR_SINKS] = [
        {"sinks": [taker(filter='resource.type="gcs_bucket"', resourceName="o/s")]}
    ]
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    (finding,) = google.lab.findings()
    assert finding["facts"]["exclusion"] == "o/s"


@pytest.mark.parametrize(
    ("paths", "kind", "found"),
    [
        ([SINKS], "denied", []),
        ([SINKS, FOLDER_SINKS], "denied", ["denied"]),
        ([SINKS, ORGANIZATION_SINKS], "vpc_sc", ["denied_by_policy"]),
        (["/sinks"], "denied", ["denied", "denied"]),
        ([SINKS, ":getAncestry"], "denied", ["denied"]),
        ([SINKS, ":getAncestry"], "disabled", ["denied"]),
    ],
)
def test_what_is_above_and_may_not_be_read_is_a_finding_and_no_obstacle(google, paths, kind, found):
    refuse(google, *paths, kind=kind)
    google.fill(DATA, 3)
    (outcome,) = google.collect(READS).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 3)
    assert kinds(google) == ["exclusions_unknown", *found]


def test_for_entries_that_nobody_can_take_nothing_above_is_asked(google):
    google.collect(ADMIN)
    assert len(google.asked("/sinks")) == 1


# -- what may be, and what cannot be known ---------------------------------------------------------------------------


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
    google.server.faults.add(Fault(kind="denied", path=SINKS, times=None))
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


def test_a_preflight_that_a_perimeter_blocks_says_so_and_under_which_id(google):
    google.server.faults.add(Fault(kind="vpc_sc", path=":testIamPermissions", times=None))
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.DENIED_BY_POLICY
    assert "a policy above us blocks even that question" in outcome.reason
    assert DENIAL in outcome.reason


def test_a_log_that_a_perimeter_protects_is_denied_by_policy_under_its_id(google):
    google.server.faults.add(Fault(kind="vpc_sc", path="entries:list", times=None))
    (outcome,) = google.collect(READS).outcomes
    assert outcome.status is UnitStatus.DENIED_BY_POLICY
    assert f"VPC Service Controls, denial `{DENIAL}`" in outcome.reason


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
