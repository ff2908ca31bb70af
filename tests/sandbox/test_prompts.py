"""Prompt files: one a model call, named and filled as Bedrock does."""

import gzip
import json
from datetime import UTC, datetime

from evidence_kit.model.time import parse_instant
from evidence_kit.sandbox.incident import ATTACKER_IP, EUROPE, HOME, SHOP, make_incident
from evidence_kit.sandbox.prompts import CALLS

INCIDENT = make_incident(end=datetime(2026, 11, 21, 21, 30, tzinfo=UTC), seed=1, log_events=10)


def calls(region):
    return [record for record in INCIDENT.events[SHOP, region] if record["eventName"] in CALLS]


def test_each_model_call_at_home_has_its_file_and_those_elsewhere_have_none():
    assert {file.request_id for file in INCIDENT.prompts} == {record["requestID"] for record in calls(HOME)}
    assert calls(EUROPE)
    assert not {record["requestID"] for record in calls(EUROPE)} & {file.request_id for file in INCIDENT.prompts}


def test_a_file_lies_in_the_hour_of_its_delivery_and_tells_who_asked_what():
    by_id = {record["requestID"]: record for record in calls(HOME)}
    for file in INCIDENT.prompts:
        told, event = json.loads(gzip.decompress(file.body)), by_id[file.request_id]
        assert f"/{SHOP}/BedrockModelInvocationLogs/{HOME}/{file.delivered_at:%Y/%m/%d/%H}/" in file.key
        assert (told["requestId"], told["identity"]["arn"]) == (file.request_id, event["userIdentity"]["arn"])
        assert parse_instant(told["timestamp"]) < file.delivered_at
        assert ("supplier" in json.dumps(told)) is (event["sourceIPAddress"] == ATTACKER_IP)


def test_model_calls_are_management_events_at_the_runtime_s_own_host():
    for record in (*calls(HOME), *calls(EUROPE)):
        assert (record["eventCategory"], record["readOnly"]) == ("Management", True)
        assert record["tlsDetails"]["clientProvidedHostHeader"].startswith("bedrock-runtime.")
