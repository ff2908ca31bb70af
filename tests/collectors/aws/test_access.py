"""Credentials and clients: found, checked against the target, shared, and named when they do not work."""

from datetime import UTC, datetime

import pytest
from support.script import Line, playing

from evidence_kit.collectors.aws.access import AwsAccess, caller_account, home_region
from evidence_kit.collectors.aws.regions import known_regions, require_known
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.unit import Target

DENIED = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>"


def test_the_caller_is_asked_for_its_account(play):
    play("222222222222")
    assert caller_account(None) == "222222222222"


def test_without_credentials_the_caller_is_told_how_to_give_some(play, monkeypatch):
    play()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AccessError, match="no AWS credentials found") as refused:
        caller_account(None)
    assert "AWS_PROFILE" in refused.value.hint


@pytest.mark.slow
def test_refused_credentials_are_named_by_the_code_of_the_refusal(play):
    play(GetCallerIdentity=[Line(DENIED, 403)])
    with pytest.raises(AccessError, match="AWS refuses the credentials: ExpiredToken"):
        caller_account(None)


def test_an_unknown_profile_is_an_access_error(play):
    play()
    with pytest.raises(AccessError, match="nobody"):
        caller_account("nobody")


def test_a_provider_that_cannot_be_reached_is_an_access_error(monkeypatch):
    with playing("1") as (_, environ):
        gone = environ
    for name, value in gone.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AccessError, match="cannot ask AWS who we are"):
        caller_account(None)


def test_a_profile_file_that_is_broken_is_an_access_error(play, monkeypatch, tmp_path):
    play()
    (tmp_path / "config").write_text("[profile x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(AccessError):
        caller_account(None)


class Context:
    """As much of a context as asking who we are takes."""

    def __init__(self):
        self.recorded = []
        self.record = self.recorded.append

    def now(self):
        return datetime.now(UTC)

    def replay(self, digest):
        return None

    def retrying(self, quota, send):
        return send(1)


def test_clients_are_shared_and_identity_is_asked_once_a_target(play):
    script = play()
    access, ctx = AwsAccess(), Context()
    place = Target(provider="aws", id="111122223333", regions=("us-east-1",))
    one, two = (access.wire(place, "cloudtrail", "us-east-1", ctx) for _ in range(2))
    assert one is two
    assert access.wire(place, "cloudtrail", "eu-west-1", ctx) is not one
    assert len(script.heard["GetCallerIdentity"]) == len(ctx.recorded) == 1


def test_a_service_or_region_that_cannot_be_is_an_access_error(play):
    play()
    place = Target(provider="aws", id="111122223333", regions=("us-east-1",))
    with pytest.raises(AccessError, match="no AWS client for"):
        AwsAccess().wire(place, "cloudtrail", "not a region", Context())


def test_an_operation_that_the_service_lacks_is_an_error_of_the_source(play):
    play()
    place = Target(provider="aws", id="111122223333", regions=("us-east-1",))
    wire = AwsAccess().wire(place, "cloudtrail", "us-east-1", Context())
    with pytest.raises(UsageError, match="cloudtrail has no operation `LookupEvent`"):
        wire.call(Context(), "LookupEvent", {})


def test_calls_for_the_whole_account_go_to_the_first_region():
    assert home_region(Target(provider="aws", id="1", regions=("eu-west-1", "us-east-1"))) == "eu-west-1"
    assert home_region(Target(provider="aws", id="1")) == "us-east-1"


def test_regions_are_known_from_the_sdk_of_every_partition():
    assert {"us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"} <= set(known_regions())
    require_known(["us-east-1", "cn-north-1"])


@pytest.mark.parametrize("region", ["us-east-11", "us_east_1", "", "../x"])
def test_an_unknown_region_is_refused_with_the_nearest_one(region):
    with pytest.raises(UsageError, match="unknown region") as refused:
        require_known(["us-east-1", region])
    assert refused.value.hint
