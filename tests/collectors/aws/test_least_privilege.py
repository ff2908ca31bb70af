"""What `sources permissions` prints suffices, and none of it is too much: proven by running it.

Two judges, neither of them AWS. moto checks a user's policies on every request, and takes the name of an action from
the request itself. Fixtures reach every call at every depth; there the action comes from `governance.actions`.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from support.amazon import every_source, hurried, sources, with_fixture
from support.enforcing import ACCOUNT, REGION, enforcing_moto
from support.guarded import guarded, policies_of
from support.lab import Lab
from support.moto_estate import BUCKET, fill

from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.governance.actions import operations_of
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

SAMPLE = ("aws.iam.account", "aws.eks.audit", "aws.vpc.flow_s3")
MOTO_SAMPLE = (
    "aws.cloudtrail.s3", "aws.cloudtrail.trails", "aws.cloudwatch.logs", "aws.iam.account",
    "aws.iam.credential_report",
)  # fmt: skip
# Actions whose lack no fixture shows, and why. Each of them has a test of its own below, but for the first.
UNSEEN = {
    "kms:Decrypt": "no emulator keeps objects under keys that a policy can close: it is not proven here",
    "ec2:DescribeRegions": "fixtures name their regions",
    "organizations:ListDelegatedAdministrators": "the fixture's account is the management account",
    "s3:GetObject": "the fixtures' buckets keep versions, which are another action",
    "s3:ListBucket": "asked only where versions may not be listed",
}
# Operations that moto does not answer, by source: there a run under the source's own policy proves no more than that
# moto denies nothing. Kept as what the slow test finds.
MOTO_LACKS = yaml.safe_load((Path(__file__).parent / "moto_lacks.yaml").read_text())
# Answered only where moto finds a part for them, which the lock does not install.
if find_spec("openapi_spec_validator") is None:
    MOTO_LACKS |= {
        "aws.apigateway.access_logs": ["GetRestApis"],
        "aws.apigateway.config": ["GetAccount"],
        "aws.cloudformation.stacks": ["DescribeStacks"],
    }
# moto names actions as the request does; here IAM does not.
MOTO_MISNAMES = frozenset({"apigateway", "apigatewayv2", "cloudwatch", "resourcegroupstaggingapi"})


def denied(outcomes, action):
    """Say whether a unit ended as denied, by a reason that names the action."""
    return any(one.status is UnitStatus.DENIED and action in one.reason for one in outcomes)


def owned_up(stage, outcomes, action):
    """Say whether a unit ended as denied, and the action is named by its reason or, of several, by its findings."""
    named = " ".join(str(one["message"]) for one in stage.lab.findings() if one["kind"] == "refused")
    ended = any(one.status is UnitStatus.DENIED for one in outcomes)
    return denied(outcomes, action) or (ended and f"perform: {action} " in named)


def prove(name, root, monkeypatch):
    """Run a source under its own policy, then less one action at a time; return the actions that nothing showed."""
    spec = sources()[name]
    with guarded(spec, root / "all", monkeypatch, policies_of(spec)) as stage:
        stage.collect()
        assert stage.server.denied == set()
        assert stage.server.unexpected == []
        used = stage.server.used - {""}
    assert used <= set(spec.permissions)
    for action in sorted(used):
        place = root / action.replace(":", "-")
        with guarded(spec, place, monkeypatch, policies_of(spec, without=action)) as stage:
            outcomes = stage.collect().outcomes
            assert stage.server.denied == {action}
            assert owned_up(stage, outcomes, action), (action, outcomes)
    return set(spec.permissions) - used


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sources_own_policy_suffices_and_the_lack_of_any_action_shows(name, tmp_path, monkeypatch):
    assert prove(name, tmp_path, monkeypatch) <= set(UNSEEN)


@pytest.mark.slow
@pytest.mark.parametrize("name", with_fixture())
def test_every_sources_own_policy_suffices_and_the_lack_of_any_action_shows(name, tmp_path, monkeypatch):
    assert prove(name, tmp_path, monkeypatch) <= set(UNSEEN)


@pytest.mark.parametrize("action", sorted(UNSEEN))
def test_what_is_not_seen_is_still_asked_for_by_some_source(action):
    assert any(action in spec.permissions for spec in every_source().values())


# -- what the fixtures do not reach -----------------------------------------------------------------------------

PLAIN = b"""
params: {bucket: shop-data}
bucket: {name: shop-data, objects: [{key: a, body: "text", modified: 2026-11-21T07:00:00Z, version: "null"}]}
"""


def less(spec, *actions):
    """Return the source's policies without some actions."""
    return policies_of(replace(spec, permissions=tuple(one for one in spec.permissions if one not in actions)))


def test_an_object_without_versions_is_read_by_the_plain_action(tmp_path, monkeypatch):
    spec = sources()["aws.s3.objects"]
    for place, policies in (("all", policies_of(spec)), ("less", less(spec, "s3:GetObject"))):
        with guarded(spec, tmp_path / place, monkeypatch, policies, PLAIN) as stage:
            outcomes = stage.collect().outcomes
            assert denied(outcomes, "s3:GetObject ") is (place == "less"), outcomes


def test_a_bucket_that_may_not_be_listed_at_all_is_denied(tmp_path, monkeypatch):
    spec = sources()["aws.s3.objects"]
    with guarded(spec, tmp_path, monkeypatch, less(spec, "s3:ListBucket", "s3:ListBucketVersions"), PLAIN) as stage:
        assert denied(stage.collect().outcomes, "s3:ListBucket ")


def test_files_of_a_bucket_that_is_not_among_the_named_ones_are_denied(tmp_path, monkeypatch):
    spec = sources()["aws.s3.objects"]
    for bucket, refused in (("shop-data", False), ("shop-logs", True)):
        policies = policies_of(spec, buckets=[bucket])
        with guarded(spec, tmp_path / bucket, monkeypatch, policies, PLAIN) as stage:
            assert denied(stage.collect().outcomes, "s3:ListBucket") is refused


# -- moto, which checks policies itself ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with enforcing_moto(tmp_path_factory.mktemp("moto")) as running:
        fill(running)
        yield running


@pytest.fixture
def run(moto, tmp_path, monkeypatch, cloud_window):
    """Collect a source as a user who has these policies and no other."""

    def collect(spec, policies, regions=(REGION,)):
        moto.allow(policies)
        for name, value in moto.environ.items():
            monkeypatch.setenv(name, value)
        lab = Lab(tmp_path / f"case-{len(list(tmp_path.iterdir()))}", cloud_window).open()
        params = {param.name: BUCKET for param in spec.params if param.required}
        target = Target(provider="aws", id=ACCOUNT, name="shop", regions=regions)
        order = Order(sources=(spec.name,), targets=(target,), window=cloud_window, params=params)
        with lab.vault.lock(), lab.vault.working():
            outcomes = lab.engine(build({spec.name: hurried(spec)})).collect(order).outcomes
        refused = {one["request"]["operation"] for one in lab.exchanges() if _is_refusal(str(one.get("error", "")))}
        collect.unanswered = _unanswered(lab.exchanges())
        return outcomes, refused

    return collect


def _unanswered(exchanges):
    """Return the operations that got errors and nothing else, refusals apart."""
    failed = {str(one["request"]["operation"]) for one in exchanges if one.get("error")}
    return sorted(failed - {str(one["request"]["operation"]) for one in exchanges if not one.get("error")})


def _is_refusal(error):
    return error in {"AccessDenied", "403"}  # the latter where moto answers a JSON client in XML


@pytest.mark.parametrize("name", MOTO_SAMPLE)
def test_moto_lets_a_source_do_its_work_under_its_own_policy(name, run):
    spec = every_source()[name]
    outcomes, refused = run(spec, policies_of(spec))
    assert outcomes
    assert refused == set()
    assert all(one.status.is_whole for one in outcomes), outcomes


def lacking(spec, run):
    """Return the actions whose lack moto does not answer with a denial that the unit owns up to."""
    silent = set()
    for action in spec.permissions:
        outcomes, refused = run(spec, policies_of(spec, without=action))
        # moto's S3 names no action when it denies; the request that it denied is on record.
        named = denied(outcomes, action) or (denied(outcomes, "Access Denied") and action.startswith("s3:"))
        if not (named and refused):
            silent.add(action)
    return silent


# In moto's estate, beside what is said above: the trail is no organisation's, so nobody asks for the organisation.
MOTO_SILENT = {*UNSEEN, "organizations:DescribeOrganization"}


def test_moto_denies_a_source_that_lacks_an_action(run):
    assert lacking(every_source()["aws.cloudtrail.trails"], run) == {"ec2:DescribeRegions"}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOTO_SAMPLE)
def test_moto_denies_every_source_that_lacks_an_action(name, run):
    assert lacking(every_source()[name], run) <= MOTO_SILENT


def test_a_source_that_may_not_list_regions_is_denied_and_says_so(run):
    spec = every_source()["aws.cloudtrail.trails"]
    outcomes, refused = run(spec, policies_of(spec), regions=())
    assert len(outcomes) > 1
    assert "DescribeRegions" not in refused
    outcomes, refused = run(spec, policies_of(spec, without="ec2:DescribeRegions"), regions=())
    assert "DescribeRegions" in refused
    assert len(outcomes) == 1
    assert denied(outcomes, "ec2:DescribeRegions")


def test_without_any_policy_nothing_is_brought(run):
    outcomes, refused = run(every_source()["aws.iam.account"], [])
    assert refused == {"GetAccountAuthorizationDetails"}
    assert [one.status for one in outcomes] == [UnitStatus.DENIED]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(every_source()))
def test_moto_denies_no_source_that_has_its_own_policy(name, run):
    spec = every_source()[name]
    outcomes, refused = run(spec, policies_of(spec))
    assert outcomes
    issued = [one.partition(":") for one in operations_of(spec)]
    assert refused <= {operation for service, _, operation in issued if service in MOTO_MISNAMES}
    assert sorted(set(run.unanswered) - refused) == MOTO_LACKS.get(name, []), "the list of what moto lacks is stale"


def test_what_moto_lacks_is_lacked_by_sources_that_there_are():
    assert set(MOTO_LACKS) <= set(every_source())
