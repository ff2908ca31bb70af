"""The retention of log groups against moto: longer, and never shorter."""

import pytest
from support.preserving import only, settled, would

from evidence_kit.preservation.deed import ALREADY, PRESERVED

NAMES = iter(f"/shop/app-{number}" for number in range(1000))


@pytest.fixture
def group(moto):
    """A log group that keeps its events 30 days, and one whose name goes on."""
    name, logs = next(NAMES), moto.client("logs")
    for one in (name, f"{name}-more"):
        logs.create_log_group(logGroupName=one)
        logs.put_retention_policy(logGroupName=one, retentionInDays=30)
    return name


def days(moto, group):
    found = moto.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return {one["logGroupName"]: one.get("retentionInDays") for one in found}


def test_a_retention_is_made_longer_of_that_group_alone(aws, moto, group):
    assert would(aws.plan("aws.logs.retention", log_group=group, days="300")) == [
        f"would keep the events of `{group}` 365 days; now 30 days"
    ]
    assert only(aws.do("aws.logs.retention", log_group=group, days="300")) == ("complete", "")
    assert days(moto, group) == {group: 365, f"{group}-more": 30}
    assert [fact["days"] for fact in aws.findings(PRESERVED)] == ["365"]


def test_a_longer_retention_is_never_made_shorter(aws, moto, line, group):
    for asked in ("7", "30"):
        assert only(aws.do("aws.logs.retention", log_group=group, days=asked)) == ("complete", "")
    assert days(moto, group)[group] == 30
    assert line.count("PutRetentionPolicy") == 0
    assert [fact["days"] for fact in aws.findings(ALREADY)] == ["30"]


def test_a_group_that_keeps_everything_is_left_alone(aws, moto, line, group):
    moto.client("logs").delete_retention_policy(logGroupName=group)
    assert only(aws.do("aws.logs.retention", log_group=group, days="3653")) == ("complete", "")
    assert days(moto, group)[group] is None
    assert line.count("PutRetentionPolicy") == 0


@pytest.mark.parametrize(("asked", "said"), [("9999", "no more than 3,653 days"), ("0", "cannot be the `days`")])
def test_days_that_cannot_be_are_refused(aws, group, asked, said):
    status, reason = settled(aws.plan("aws.logs.retention", log_group=group, days=asked))
    assert (status, said in reason) == ("partial_error", True)


def test_a_group_that_is_not_there_is_no_success(aws):
    assert settled(aws.plan("aws.logs.retention", log_group="/no/such", days="30")) == (
        "partial_error",
        "there is no log group `/no/such`",
    )
