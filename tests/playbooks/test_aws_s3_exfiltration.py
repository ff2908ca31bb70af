"""Objects that left a bucket, played to its end: by whom, where to, by which way; and what nobody could have seen."""

import pytest
from playbooks.seeds import aws_thefts
from playbooks.seeds.aws_estate import AWARE, INSIDE, NO, YES, clocks, gaps, inventory, running_cloud, table, window
from playbooks.seeds.aws_thefts import (
    BROWSER,
    BYTES,
    COPIED,
    DROP,
    DROP_OWNER,
    EXPORTS,
    KEY,
    LINKED,
    OPENED,
    QUIET,
    STOLEN,
    THIEF,
    WORKER,
)
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.incident import HOME

NAME = "aws-s3-exfiltration"
FOUND = {"personal_data": Reply(choices=("eu", "cards"), fields={"aware_at": AWARE, "high_risk_at": AWARE})}
ENDS = {
    "bucket_state": "success",
    "trail_state": "success",
    "activity": "success",
    "access_logs": "partial",  # S3 never promises all of them
    "sensitive": "success",
    "around": "success",
    "log_integrity": "success",
    "readers": "success",
    "foreign": "success",
    "taken": "success",
    "copied": "success",
    "unsigned": "success",
    "opened": "success",
    "removed": "success",
    "classified": "success",
    "blind": "success",
    "personal_data": "success",
    "approve_keep": "success",
    "keep_versions": "success",
    "hold_case": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",  # nothing writes reports here
}
BEST_EFFORT = ("access_logs", "sampled_at_source", "aws.s3.access_logs", EXPORTS)
COLLECTED = ("bucket_state", "trail_state", "activity", "access_logs", "sensitive", "around")


@pytest.fixture(scope="module")
def cloud(clouds):
    """The sandbox with the theft in it."""
    clouds.close()
    with running_cloud() as running:
        yield running


@pytest.fixture
def blind(cloud, monkeypatch):
    """The same, with a trail that records no reads of objects, and without Macie."""
    trails = cloud.client("cloudtrail")
    before = trails.get_event_selectors(TrailName="main")["EventSelectors"]
    without = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
    trails.put_event_selectors(TrailName="main", EventSelectors=without)
    monkeypatch.setattr(aws_thefts, "MACIE_OFF", {HOME})
    yield cloud
    trails.put_event_selectors(TrailName="main", EventSelectors=before)


def asked(bucket, **more):
    """Return the inputs: the two hours of the theft."""
    return {"buckets": [bucket], "window": window(17, 19), "known_networks": INSIDE, **more}


def within(*keys):
    """Return objects of the exports by their full names, sorted."""
    return sorted(f"{EXPORTS}/{key}" for key in keys)


@pytest.mark.slow
def test_what_left_the_bucket_is_told_by_way_key_and_address_and_the_clocks_start(cloud, tmp_path):
    played = table(tmp_path, inventory(), FOUND, approve_keep=YES)
    ended = played.play(NAME, asked(EXPORTS))

    assert (ended.outcome, outcomes(ended)) == ("partial", ENDS)
    assert outputs(ended, "readers")["ips"] == [THIEF, WORKER]
    assert outputs(ended, "foreign")["choice"] == "foreign"
    taken = {"rows": len(STOLEN), "objects": within(*STOLEN), "keys": [KEY], "ips": [THIEF]}
    assert outputs(ended, "taken") == taken | {"bytes": len(STOLEN) * BYTES}
    copied = {"rows": 1, "objects": within(COPIED), "destinations": [DROP], "owners": [DROP_OWNER], "keys": [KEY]}
    assert outputs(ended, "copied") == copied
    unsigned = {"rows": 2, "objects": within(COPIED, OPENED), "ips": [LINKED, BROWSER], "ways": ["link", "nobody"]}
    assert outputs(ended, "unsigned") == unsigned
    actions = ["PutBucketPolicy", "DeleteAccountPublicAccessBlock"]
    assert outputs(ended, "opened") == {"rows": 2, "actions": actions, "keys": [KEY]}
    assert outputs(ended, "removed")["objects"] == []
    kinds = ["SensitiveData:S3Object/Personal"]
    assert outputs(ended, "classified") == {"rows": 1, "kinds": kinds, "objects": within(STOLEN[1])}
    assert outputs(ended, "keep_versions")["resources"] == [f"s3://{EXPORTS} {EXPORTS}"]
    assert gaps(*COLLECTED, ended=ended) == {BEST_EFFORT}
    assert outputs(ended, "blind")["what"] == ["flows"]
    (left,) = ended.results["complete"].gaps
    assert (left.kind, left.reason.partition(":")[0]) == ("check_warn", "Not everything could be had")
    assert clocks(played) == [("eu.gdpr.art33", AWARE), ("eu.gdpr.art34", AWARE), ("pci.12.10", AWARE)]
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_ordinary_reads_accuse_nobody_and_a_refusal_changes_nothing(cloud, tmp_path):
    played = table(tmp_path, inventory(), FOUND, approve_keep=NO)
    ended = played.play(NAME, asked(QUIET))

    changed = dict.fromkeys(("taken", "personal_data", "keep_versions", "hold_case"), "skipped")
    assert (ended.outcome, outcomes(ended)) == ("failed", ENDS | changed | {"approve_keep": "denied"})
    assert outputs(ended, "foreign")["choice"] == "known"
    assert [outputs(ended, step)["objects"] for step in ("copied", "unsigned", "removed", "classified")] == [[]] * 4
    assert outputs(ended, "opened")["actions"] == ["DeleteAccountPublicAccessBlock"]  # that opens every bucket
    assert outputs(ended, "blind")["what"] == ["access_logs", "flows"]
    assert (clocks(played), played.events("hold.placed")) == ([], [])
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_reads_that_no_trail_records_and_content_that_nobody_classified_are_warned_of(blind, tmp_path):
    played = table(tmp_path, inventory(), FOUND, approve_keep=YES)
    ended = played.play(NAME, asked(QUIET, principal=KEY))

    assert (outputs(ended, "readers")["rows"], outputs(ended, "foreign")["choice"]) == (0, "nobody")
    assert outputs(ended, "blind")["what"] == ["access_logs", "classification", "data_events", "flows"]
    told = [gap.reason.partition(",")[0].partition(":")[0] for gap in ended.results["complete"].gaps]
    assert told == [
        "A trail records no reads of objects",
        "A bucket has no access log",
        "Macie is off",
        "Not everything could be had",
    ]
    unrecorded = ("trail_state", "excluded_at_source", "aws.cloudtrail.selectors", "-")
    assert gaps(*COLLECTED, ended=ended) == {BEST_EFFORT, unrecorded}
