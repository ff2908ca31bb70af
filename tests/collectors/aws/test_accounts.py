"""Whose evidence it is, and which accounts, regions and trails have any."""

import json
from collections import Counter
from contextlib import closing

import pytest
from support.lab import BOTH, DATA, SHOP, fast, target, truth_of
from support.script import Line, refused, said

from evidence_kit.acquire.open_work import find_work
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.faults import Fault

LOOKUP, S3, DIGEST, LOGS = (
    "aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudtrail.digest", "aws.cloudwatch.logs",
)  # fmt: skip
TRAIL = {
    "Name": "main",
    "TrailARN": f"arn:aws:cloudtrail:us-east-1:{SHOP}:trail/main",
    "S3BucketName": "b",
    "HomeRegion": "us-east-1",
    "IsMultiRegionTrail": True,
}


def ends(lab):
    return Counter(lab.outcomes().values())


def test_a_role_leads_into_another_account_and_its_events_are_labelled_so(cloud, lab):
    assert lab.collect(LOOKUP, targets=(target(DATA),)).exit is Exit.OK
    assert cloud.door.sent.of("AssumeRole")
    assert lab.looked_up() == truth_of(cloud.truth.lookup, target(DATA))
    assert {one.account for one in cloud.door.sent.of("LookupEvents")} == {DATA}


def test_the_external_id_of_the_inventory_is_passed_on(lab, play):
    assumed = (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s"
        "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    script = play(AssumeRole=[Line(assumed.encode())], LookupEvents=[said(Events=[])])
    access = {"role": f"arn:aws:iam::{SHOP}:role/r", "externalId": "case-14"}
    place = Target(provider="aws", id=SHOP, regions=("us-east-1",), access=access)
    assert lab.collect(LOOKUP, targets=(place,)).exit is Exit.OK
    assert script.heard["AssumeRole"][0]["ExternalId"] == "case-14"


@pytest.mark.slow
@pytest.mark.parametrize("source", [LOOKUP, S3])
def test_credentials_of_another_account_end_as_denied_and_bring_nothing(cloud, lab, source):
    wrong = Target(provider="aws", id=DATA, name="data", regions=("us-east-1",))  # no role: the shop's own keys
    result = lab.collect(source, targets=(wrong, target(SHOP)))
    denied = [o for o in result.outcomes if o.status is UnitStatus.DENIED]
    assert denied
    assert all(f"belong to account {SHOP}" in o.reason for o in denied)
    assert not [path for path, _ in lab.bodies() if DATA in path.parts]
    assert ends(lab)[UnitStatus.COMPLETE] >= 1
    assert result.exit is Exit.INCOMPLETE


def test_a_role_that_may_not_be_assumed_denies_its_account_and_no_other(cloud, lab):
    cloud.door.faults.add(Fault(kind="denied", operation="AssumeRole", times=None))
    result = lab.collect(LOOKUP, targets=BOTH)
    assert {o.status for o in result.outcomes if DATA in o.unit} == {UnitStatus.DENIED}
    assert {o.status for o in result.outcomes if SHOP in o.unit} == {UnitStatus.COMPLETE}
    assert lab.looked_up() == truth_of(cloud.truth.lookup, BOTH[0])


def test_no_credentials_at_all_end_as_denied_with_a_hint_of_what_is_missing(lab, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = lab.collect(LOOKUP)
    assert ends(lab) == {UnitStatus.DENIED: len(result.outcomes)}
    assert "no AWS credentials found" in result.outcomes[0].reason


def test_an_unknown_profile_ends_as_denied(lab):
    place = Target(provider="aws", id=SHOP, regions=("us-east-1",), access={"profile": "nobody"})
    (first, *_) = lab.collect(LOOKUP, targets=(place,)).outcomes
    assert first.status is UnitStatus.DENIED
    assert "nobody" in first.reason


REGIONS = (
    "<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required"
    "</optInStatus></item><item><regionName>me-south-1</regionName><optInStatus>not-opted-in</optInStatus></item>"
    "</regionInfo></DescribeRegionsResponse>"
)


@pytest.mark.parametrize("source", [LOOKUP, S3, LOGS])
def test_a_region_that_is_switched_off_is_named_and_never_asked(lab, play, source):
    script = play(
        DescribeRegions=[Line(REGIONS.encode())],
        LookupEvents=[said(Events=[])],
        DescribeTrails=[said(trailList=[])],
        DescribeLogGroups=[said(logGroups=[])],
    )
    result = lab.collect(source, targets=(Target(provider="aws", id=SHOP),))
    off = [o for o in result.outcomes if o.status is UnitStatus.REGION_DISABLED]
    assert ["me-south-1" in o.unit for o in off] == [True]
    assert {o.status for o in result.outcomes if o not in off} <= {UnitStatus.COMPLETE, UnitStatus.NOT_CONFIGURED}
    assert script.heard["DescribeRegions"][0]["AllRegions"] == "true"
    assert result.exit is Exit.OK


@pytest.mark.slow
def test_a_region_list_that_misses_its_result_is_not_an_account_without_regions(lab, play):
    play(DescribeRegions=[Line(b"<DescribeRegionsResponse/>")])
    result = lab.collect(LOOKUP, targets=(Target(provider="aws", id=SHOP),))
    assert {o.status for o in result.outcomes} == {UnitStatus.PARTIAL_ERROR}


@pytest.mark.parametrize("source", [S3, DIGEST])
def test_an_account_without_trails_is_not_configured(lab, play, source):
    play(DescribeTrails=[said(trailList=[])])
    (outcome,) = lab.collect(source).outcomes
    assert (outcome.status, outcome.reason) == (UnitStatus.NOT_CONFIGURED, "no trail here delivers to S3")


@pytest.mark.slow
def test_a_trail_of_one_region_only_is_found_there(cloud, lab):
    with closing(cloud.client("cloudtrail", SHOP, "eu-west-1")) as client:
        client.create_trail(Name="local", S3BucketName=cloud.bucket, IsMultiRegionTrail=False)
        try:
            lab.collect(S3, targets=(target(SHOP, "us-east-1", "eu-west-1"),))
        finally:
            client.delete_trail(Name="local")
    found = {tuple(unit.split("|")[2:4]) for unit in lab.outcomes()}
    assert found == {("us-east-1", "main"), ("eu-west-1", "main"), ("eu-west-1", "local")}


def test_two_trails_of_one_name_are_two_units(lab, play):
    other = {**TRAIL, "TrailARN": "arn:aws:cloudtrail:us-east-1:999999999999:trail/main", "S3BucketName": "org"}
    play(DescribeTrails=[said(trailList=[TRAIL, other])])
    result = lab.collect(DIGEST)
    assert len({o.unit for o in result.outcomes}) == len(result.outcomes) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("source", "operation"), [(S3, "DescribeTrails"), (LOGS, "DescribeLogGroups")])
def test_a_region_that_cannot_be_enumerated_leaves_the_others_whole(cloud, lab, source, operation):
    cloud.door.faults.add(Fault(kind="denied", operation=operation, region="us-east-1", times=None))
    places = (target(SHOP, "us-east-1", "eu-west-1"),)
    result = lab.collect(source, targets=places)
    by_region = {
        region: {o.status for o in result.outcomes if f"|{region}|" in o.unit} for region in places[0].regions
    }
    assert by_region["us-east-1"] == {UnitStatus.DENIED}
    assert by_region["eu-west-1"] <= {UnitStatus.COMPLETE, UnitStatus.NOT_CONFIGURED}
    assert by_region["eu-west-1"]
    assert result.exit is Exit.INCOMPLETE


@pytest.mark.parametrize(("source", "operation"), [(S3, "DescribeTrails"), (LOGS, "DescribeLogGroups")])
def test_what_could_not_be_enumerated_is_enumerated_when_it_is_taken_up_again(cloud, lab, source, operation):
    cloud.door.faults.add(Fault(kind="denied", operation=operation, region="us-east-1", times=None))
    lab.collect(source)
    cloud.door.faults.clear()
    with lab.vault.lock(), lab.vault.working():
        result = find_work(lab.vault).run(lab.engine(build(fast(source))))
    assert result.exit is Exit.OK
    if source == LOGS:
        assert sum(lab.log_events().values()) == sum(cloud.truth.log_events.values())
    else:
        assert lab.delivered() == truth_of(cloud.truth.delivered, target())


def test_an_organisations_trail_is_looked_for_in_its_folder(lab, play):
    play(
        DescribeTrails=[said(trailList=[{**TRAIL, "IsOrganizationTrail": True, "S3KeyPrefix": "p"}])],
        DescribeOrganization=[said(Organization={"Id": "o-abc"})],
        ListPublicKeys=[refused("AccessDeniedException")],
    )
    lab.collect(DIGEST)
    (planned,) = [line for line in lab.ledger() if line["type"] == "planned"]
    assert (planned["settings"]["org"], planned["settings"]["prefix"]) == ("o-abc/", "p/")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["with an explicit deny in a service control policy", "permissions boundary"])
def test_a_policy_of_the_organisation_is_told_from_a_missing_permission(lab, play, words):
    play(LookupEvents=[refused("AccessDeniedException", f"not authorized {words}")])
    lab.collect(LOOKUP)
    assert set(ends(lab)) == {UnitStatus.DENIED_BY_POLICY}


def test_the_record_says_as_whom_aws_knew_us(cloud, lab):
    assert lab.collect(LOOKUP, targets=(target(DATA),)).exit is Exit.OK
    (record,) = lab.root.glob("**/record/acquisition.json")
    (caller,) = json.loads(record.read_bytes())["principals"]
    assert caller.startswith(f"arn:aws:sts::{DATA}:assumed-role/")
