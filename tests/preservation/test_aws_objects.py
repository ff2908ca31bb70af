"""Object Lock against ministack, which enforces it: holds and retentions on every version, never weakened."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from support.between import first
from support.preserving import died, only, settled, would

from evidence_kit.errors import Exit
from evidence_kit.preservation.deed import ALREADY, NOT_PRESERVED, PRESERVED

PREFIX = "AWSLogs/"
HOSTILE = ("AWSLogs/a b&c=d#?%2e", "AWSLogs/../x", "AWSLogs/é\u202e", "AWSLogs/<Key>&amp;")
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
NAMES = iter(f"locked-{number}" for number in range(1000))


@pytest.fixture
def bucket(ministack):
    """A bucket with Object Lock: five objects, one of them in two versions, one of them elsewhere."""
    s3, name = ministack.client("s3"), next(NAMES)
    s3.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    for key in (*HOSTILE, HOSTILE[0], "other/x"):
        s3.put_object(Bucket=name, Key=key, Body=b"evidence")
    return name


def versions(ministack, bucket, prefix=PREFIX):
    s3 = ministack.client("s3")
    return [
        {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
        for one in s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]
    ]


def holds(ministack, bucket, prefix=PREFIX):
    s3, found = ministack.client("s3"), []
    for version in versions(ministack, bucket, prefix):
        try:
            found.append(s3.get_object_legal_hold(**version)["LegalHold"]["Status"])
        except ClientError:
            found.append("none")
    return found


def retentions(ministack, bucket):
    s3 = ministack.client("s3")
    found = [s3.get_object_retention(**version)["Retention"] for version in versions(ministack, bucket)]
    return [(one["Mode"], one["RetainUntilDate"]) for one in found]


def test_every_version_below_the_prefix_is_held_and_cannot_be_deleted(locked, ministack, bucket):
    assert only(locked.do("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX)) == ("complete", "")
    assert holds(ministack, bucket) == ["ON"] * 5
    assert "ON" not in holds(ministack, bucket, "other/")
    with pytest.raises(ClientError, match="AccessDenied"):
        ministack.client("s3").delete_object(**versions(ministack, bucket)[0])
    (fact,) = locked.findings(PRESERVED)
    assert (fact["resource"], fact["versions"]) == (f"s3://{bucket}/{PREFIX}", "5")
    assert locked.failures() == []  # S3 says yes to a hold without a word: that is an answer
    assert locked.lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.slow
def test_held_twice_the_second_run_sends_no_change(locked, stack, bucket):
    for _ in range(2):
        assert only(locked.do("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX)) == ("complete", "")
    assert sum(one.startswith("PUT ") for one in stack.seen) == 5
    assert [fact["versions"] for fact in locked.findings(ALREADY)] == ["5"]


def test_a_lost_answer_to_one_hold_is_looked_for_and_not_sent_again(locked, stack, ministack, bucket):
    stack.lose = first("PUT ")
    assert only(locked.do("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX)) == ("complete", "")
    assert (stack.lost, sum(one.startswith("PUT ") for one in stack.seen)) == (1, 5)
    assert holds(ministack, bucket) == ["ON"] * 5


@pytest.mark.slow
def test_killed_among_the_holds_the_rest_follows_after_resume(locked, stack, ministack, bucket):
    process = locked.start("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX)
    stack.lose, stack.kill = first("PUT "), process.pid
    assert died(process)
    assert only(locked.resume("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX)) == ("complete", "")
    assert sum(one.startswith("PUT ") for one in stack.seen) == 5
    assert holds(ministack, bucket) == ["ON"] * 5
    assert locked.lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.slow
def test_a_bucket_without_object_lock_is_refused_while_planning(locked, ministack, bucket):
    name = f"{bucket}-open"
    s3 = ministack.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    plan = locked.plan("aws.s3.legal_hold", bucket=name, prefix="a")
    assert settled(plan) == ("partial_error", f"s3://{name} has no Object Lock")


def test_a_prefix_that_holds_nothing_or_too_much_is_no_success(locked, bucket):
    empty = locked.plan("aws.s3.legal_hold", bucket=bucket, prefix="nothing/")
    assert settled(empty) == ("partial_error", f"s3://{bucket}/nothing/ holds no object")
    many = settled(locked.plan("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX, most="4"))
    assert many[0] == "partial_error"
    assert "more than 4 versions" in many[1]


def test_a_bucket_that_is_not_there_is_no_success(locked):
    status, reason = settled(locked.plan("aws.s3.legal_hold", bucket="nowhere-at-all", prefix="a"))
    assert (status, reason.startswith("nothing was preserved: NoSuchBucket")) == ("partial_error", True)


@pytest.mark.slow
def test_a_retention_is_set_on_every_version_and_the_plan_said_so(locked, ministack, bucket):
    said = f"would put 5 of 5 versions in s3://{bucket}/{PREFIX} (40 bytes) under GOVERNANCE retention until "
    given = {"bucket": bucket, "prefix": PREFIX, "until": UNTIL.isoformat()}
    (text,) = would(locked.plan("aws.s3.retention", **given))
    assert text.startswith(said)
    assert only(locked.do("aws.s3.retention", **given)) == ("complete", "")
    assert retentions(ministack, bucket) == [("GOVERNANCE", UNTIL)] * 5


@pytest.mark.slow
def test_a_longer_retention_stays_and_is_sent_no_change(locked, stack, ministack, bucket):
    later = UNTIL + timedelta(days=30)
    locked.do("aws.s3.retention", bucket=bucket, prefix=PREFIX, until=later.isoformat())
    sent = sum(one.startswith("PUT ") for one in stack.seen)
    assert only(locked.do("aws.s3.retention", bucket=bucket, prefix=PREFIX, until=UNTIL.isoformat())) == (
        "complete",
        "",
    )
    assert sum(one.startswith("PUT ") for one in stack.seen) == sent == 5
    assert retentions(ministack, bucket) == [("GOVERNANCE", later)] * 5


def test_a_stricter_mode_stays_when_the_date_is_moved(locked, ministack, bucket):
    s3 = ministack.client("s3")
    for version in versions(ministack, bucket):
        s3.put_object_retention(**version, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": UNTIL})
    later = UNTIL + timedelta(days=1)
    locked.do("aws.s3.retention", bucket=bucket, prefix=PREFIX, until=later.isoformat(), mode="GOVERNANCE")
    assert retentions(ministack, bucket) == [("COMPLIANCE", later)] * 5


def test_no_request_ever_bypasses_governance(locked, stack, bucket):
    locked.do("aws.s3.retention", bucket=bucket, prefix=PREFIX, until=UNTIL.isoformat())
    assert not [one for one in stack.seen if "bypass" in one.lower()]


@pytest.mark.parametrize("until", ["tomorrow", "2031-01-01", "2031-01-01T00:00:00", "2031-13-01T00:00:00Z"])
def test_a_date_that_is_none_is_refused_before_any_call(locked, stack, until):
    assert settled(locked.plan("aws.s3.retention", bucket="abc", prefix="p", until=until))[0] == "partial_error"
    assert stack.seen == []


def test_objects_that_are_refused_are_named_and_the_others_are_held(locked, stack, ministack, bucket):
    body = b"<Error><Code>AccessDenied</Code><Message>not allowed to perform: s3:PutObjectLegalHold</Message></Error>"
    stack.refuse = lambda said: body if said.startswith("PUT ") and "/a%20b" in said else b""
    status, reason = only(locked.do("aws.s3.legal_hold", bucket=bucket, prefix=PREFIX))
    assert status == "denied"
    assert reason.startswith(f"3 of 5 versions in s3://{bucket}/{PREFIX} are under legal hold; 2 were refused")
    named = [fact["resource"].rpartition("@")[0] for fact in locked.findings(NOT_PRESERVED)]
    assert named == [f"s3://{bucket}/{HOSTILE[0]}"] * 2
    assert sorted(holds(ministack, bucket)) == ["ON"] * 3 + ["none"] * 2


@pytest.mark.slow
def test_versions_are_switched_on_once_and_stay(locked, stack, ministack):
    s3, name = ministack.client("s3"), next(NAMES)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert would(locked.plan("aws.s3.versioning", bucket=name)) == [
        f"would keep versions in s3://{name} from then on"
    ]
    stack.lose = first("PUT ")
    for _ in range(2):
        assert only(locked.do("aws.s3.versioning", bucket=name)) == ("complete", "")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert sum(one.startswith("PUT ") for one in stack.seen) == 1
