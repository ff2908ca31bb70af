"""Every source of the catalogue: readable, and honest about what it takes."""

import re

import botocore.session
import pytest
import yaml

from evidence_kit.collectors.registry import build
from evidence_kit.errors import UsageError
from evidence_kit.sources.catalogue import choose, load_catalogue, parse_source

CATALOGUE = load_catalogue()
# These say "there is none" by leaving the member out.
SILENT = {"apigateway", "apigatewayv2", "GetModelInvocationLoggingConfiguration", "ListQueues"}


each = pytest.mark.parametrize("name", sorted(CATALOGUE))
# The other providers have tests of their own beside their collectors; botocore knows only this one.
each_of_aws = pytest.mark.parametrize("name", sorted(name for name in CATALOGUE if name.startswith("aws.")))


# Microsoft's services are known by names of their own; one set of credentials opens them all.
SERVICES = {"azure": {"azure", "entra", "m365", "defender"}}


def test_the_catalogue_is_sorted_and_named_after_its_files():
    assert list(CATALOGUE) == sorted(CATALOGUE)
    assert len(CATALOGUE) >= 10
    assert all(
        name.partition(".")[0] in SERVICES.get(spec.provider, {spec.provider}) for name, spec in CATALOGUE.items()
    )


@each
def test_a_source_says_how_fast_how_long_and_where_it_is_documented(name):
    spec = CATALOGUE[name]
    assert spec.limit.rps > 0
    assert spec.limit.burst >= 1
    assert spec.docs.startswith("https://")
    assert spec.summary
    assert not spec.summary.endswith(".")
    assert re.fullmatch(r"[0-9a-f]{64}", spec.digest)
    assert not spec.step or spec.windowed


@pytest.mark.slow
@each_of_aws
def test_every_json_call_names_the_result_without_which_it_is_no_answer(name):
    spec = CATALOGUE[name]
    session = botocore.session.Session()

    def walk(calls):
        for call in calls:
            model = session.get_service_model(call.get("service", spec.settings["service"]))
            shape = model.operation_model(call["operation"]).output_shape
            if "json" in model.metadata["protocol"] and not SILENT & {call["operation"], model.service_name}:
                assert call.get("result"), call["operation"]
            if "result" in call:
                assert call["result"] in shape.members, call["operation"]
            walk(call.get("then", []))

    walk(spec.settings.get("calls", []))


def test_a_collector_can_be_built_for_every_source():
    collectors = build(CATALOGUE)
    assert {name: collector.spec for name, collector in collectors.items()} == CATALOGUE


def test_an_unknown_source_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"unknown source `aws\.cloudtrail\.lokup`") as refused:
        choose(["aws.cloudtrail.lokup"], CATALOGUE)
    assert "did you mean `aws.cloudtrail.lookup`" in refused.value.hint


def test_chosen_sources_keep_the_order_in_which_they_were_asked_for():
    assert list(choose(["aws.iam.account", "aws.ec2.config"], CATALOGUE)) == ["aws.iam.account", "aws.ec2.config"]


# -- reading strictly ----------------------------------------------------------------------------------------

GOOD = {
    "apiVersion": "evidence-kit/source.v1",
    "kind": "Source",
    "name": "x.y",
    "provider": "x",
    "summary": "s",
    "mechanism": "x.call",
    "scope": "region",
    "windowed": True,
    "permissions": ["x:Read"],
    "limit": {"rps": 2},
    "records": {"path": "Events"},
    "docs": "https://example.com/",
}


def parse(**changes):
    document = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return parse_source(yaml.safe_dump(document).encode(), name="x.yaml")


def test_defaults_are_those_of_the_specification():
    spec = parse()
    assert (spec.limit.burst, spec.limit.per, spec.volatile, spec.step, spec.retention) == (
        1, ("account", "region"), 50, None, None,
    )  # fmt: skip
    assert (spec.records.format, spec.params, spec.proofs) == ("json", (), ())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"apiVersion": "evidence-kit/source.v2"}, "expected `apiVersion: evidence-kit/source.v1`"),
        ({"kind": "Sauce"}, "kind: Source"),
        ({"scope": "planet"}, "unknown scope `planet`"),
        ({"windowed": "yes"}, "`windowed` is str, not bool"),
        ({"limit": {"rps": 0}}, "more than nothing"),
        ({"limit": {"rps": -1}}, "more than nothing"),
        ({"limit": {"rps": True}}, "are a number"),
        ({"limit": {"rps": "fast"}}, "are a number"),
        ({"limit": {"rps": float("nan")}}, "are a number"),
        ({"limit": {"rps": float("inf")}}, "are a number"),
        ({"limit": {"rps": 1, "burst": 0}}, "at least one"),
        ({"limit": {"rps": 1, "bursts": 2}}, "unknown field `bursts`"),
        ({"records": {"path": "x", "format": "yaml"}}, "unknown format `yaml`"),
        ({"settle": "15 minutes"}, "is not a duration"),
        ({"step": "PT0S"}, "longer than nothing"),
        ({"name": None}, "`name` is missing"),
        ({"permissions": "x:Read"}, "`permissions` is str, not list"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"params": [{"name": "a"}]}, "`params.0.help` is missing"),
    ],
)
def test_a_source_that_is_wrong_is_refused_with_what_is_wrong(changes, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        parse(**changes)
