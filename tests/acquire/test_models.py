"""Models misused and swapped: what was said and served is in the bag, and so is what nobody was recording."""

import gzip
import json
from collections import Counter

import pytest
from support.lab import BOTH, Lab

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.incident import ATTACKER_IP, EUROPE, HOME, MISUSES, SHOP
from evidence_kit.sandbox.scoring import ENDPOINT, HONEST, PERCENT, PLANTED

SOURCES = (
    "aws.bedrock.logging",
    "aws.bedrock.invocations_s3",
    "aws.sagemaker.endpoints",
    "aws.sagemaker.capture_state",
    "aws.sagemaker.data_capture",
    "aws.sagemaker.model_artifacts",
    "aws.cloudtrail.lookup",
    "aws.cloudtrail.s3",
)


@pytest.fixture(scope="module")
def taken(clouds, cloud_end, tmp_path_factory):
    """Everything about models in both accounts, collected once."""
    with pytest.MonkeyPatch.context() as patch:
        cloud = clouds.get(end=cloud_end, lookup_tps=None)
        for name, value in cloud.environ.items():
            patch.setenv(name, value)
        lab = Lab(tmp_path_factory.mktemp("models") / "case", cloud.window).open()
        result = lab.collect(*SOURCES, targets=BOTH, workers=16)
        return lab, result, cloud.truth


def lines(lab, source, suffix):
    """Return every line of JSON in the files of a source."""
    for path, body in lab.bodies(source=source):
        if path.name.endswith(suffix):
            text = gzip.decompress(body) if suffix.endswith(".gz") else body
            yield from map(json.loads, text.splitlines())


def answers(lab, operation):
    return [
        json.loads(body)
        for path, body in lab.bodies(source="aws.sagemaker.endpoints")
        if path.parent.name == operation
    ]


def ends(result, source, account=SHOP):
    told = [outcome for outcome in result.outcomes if outcome.unit.startswith(f"{source}|{account}|")]
    return {outcome.unit.split("|")[2]: (outcome.status, outcome.reason) for outcome in told}


def test_every_prompt_that_was_logged_is_in_the_bag_once(taken):
    lab, _, truth = taken
    found = Counter(line["requestId"] for line in lines(lab, "aws.bedrock.invocations_s3", ".json.gz"))
    assert found == Counter(truth.prompts[SHOP, HOME])


def test_a_prompt_is_tied_to_whoever_sent_it_by_the_request_id(taken):
    lab, _, _ = taken
    events = [json.loads(event["CloudTrailEvent"]) for event in _looked_up(lab)]
    intruders = {event["requestID"] for event in events if event["sourceIPAddress"] == ATTACKER_IP}
    told = {line["requestId"]: line for line in lines(lab, "aws.bedrock.invocations_s3", ".json.gz")}
    stolen = [told[name] for name in intruders & told.keys()]
    assert len(stolen) == 6
    assert all("supplier" in json.dumps(line["output"]) for line in stolen)


def _looked_up(lab):
    for _, body in lab.bodies(source="aws.cloudtrail.lookup"):
        yield from json.loads(body)["Events"]


def test_where_logging_was_ended_no_prompt_is_had_and_the_case_says_so(taken):
    lab, result, _ = taken
    events = [event for event in _looked_up(lab) if EUROPE in event["CloudTrailEvent"]]
    calls = Counter(event["EventName"] for event in events)
    assert (calls["DeleteModelInvocationLoggingConfiguration"], calls["Converse"]) == (1, MISUSES)
    for source in ("aws.bedrock.logging", "aws.bedrock.invocations_s3"):
        status, reason = ends(result, source)[EUROPE]
        assert status is UnitStatus.NOT_ENABLED
        assert f"off in {EUROPE}" in reason
        assert ends(result, source)[HOME] == (UnitStatus.COMPLETE, "")


def test_the_swap_is_in_the_event_history_alone_because_the_trail_was_stopped(taken):
    lab, _, _ = taken
    swap = {"CreateModel", "CreateEndpointConfig", "UpdateEndpoint"}
    assert swap <= {event["EventName"] for event in _looked_up(lab)}
    ids = {event["EventId"] for event in _looked_up(lab) if event["EventName"] in swap}
    assert not ids & {name for _, _, name in lab.delivered()}


def test_the_live_endpoint_shows_the_planted_model_its_image_and_its_traffic(taken):
    lab, _, _ = taken
    (live,) = answers(lab, "DescribeEndpoint")
    (variant,) = live["ProductionVariants"]
    assert (live["EndpointName"], live["EndpointConfigName"]) == (ENDPOINT, PLANTED.config)
    assert variant["DeployedImages"][0]["ResolvedImage"].endswith(PLANTED.digest)
    assert variant["CurrentWeight"] == 1.0
    (model,) = answers(lab, "DescribeModel")
    assert model["PrimaryContainer"]["ModelDataUrl"].endswith(PLANTED.artifact)


def test_the_files_of_both_models_are_listed_with_their_versions(taken):
    lab, _, _ = taken
    listings = b"".join(body for _, body in lab.bodies(source="aws.sagemaker.model_artifacts"))
    for version in (HONEST, PLANTED):
        assert version.artifact.encode() in listings
    assert listings.count(b"<VersionId>") == 2


def test_every_captured_request_is_in_the_bag_and_the_sample_is_owned_up_to(taken):
    lab, result, truth = taken
    found = Counter(line["eventMetadata"]["eventId"] for line in lines(lab, "aws.sagemaker.data_capture", ".jsonl"))
    assert found == Counter(truth.captured[SHOP, HOME])
    for source in ("aws.sagemaker.capture_state", "aws.sagemaker.data_capture"):
        assert ends(result, source)[HOME] == (
            UnitStatus.SAMPLED_AT_SOURCE,
            f"{ENDPOINT} captures {PERCENT} % of its requests",
        )
        assert ends(result, source)[EUROPE][0] is UnitStatus.NOT_CONFIGURED


def test_the_case_verifies_and_is_not_called_whole(taken):
    lab, result, _ = taken
    assert result.exit is Exit.INCOMPLETE
    assert lab.verify().exit() is Exit.OK
    assert lab.verify().exit(require_complete=True) is Exit.INCOMPLETE
