"""Every event against OCSF's own schema, and each record as the class that it surely is."""

from functools import cache

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from evidence_kit.errors import UsageError
from evidence_kit.report.events import ocsf
from evidence_kit.report.events.ocsf_classes import CLASSES, mapping, parse_mapping

EXPECTED = {
    "CreateUser": 6003,
    "GetObject": 6003,
    "storage.objects.get": 6003,
    "ConsoleLogin": 3002,
    "Recon:IAMUser": 2004,
    "ACCEPT": 4001,
    "GET": 4002,
    "export": 0,  # a partner's own log: nobody here knows what it is
    "GetCallerIdentity": 0,  # without an address it cannot be an API Activity
}


@cache
def schema():
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(mapping().version))


@cache
def validator(class_uid, profiles):
    name = schema().lookup_class_name_from_uid(class_uid)
    return jsonschema.Draft202012Validator(schema().get_class_schema(name, list(profiles)))


def problems(event):
    profiles = tuple(event.get("metadata", {}).get("profiles", ()))
    return [
        f"{error.json_path}: {error.message[:200]}"
        for error in validator(event["class_uid"], profiles).iter_errors(event)
    ]


@pytest.fixture
def events(found, package, lines):
    ocsf.export(found, package)
    return lines("events.jsonl")


def test_every_event_is_what_the_schema_says(events) -> None:
    assert {event["message"]: problems(event) for event in events if problems(event)} == {}


@pytest.mark.parametrize("lost", ["actor", "api", "src_endpoint", "time", "metadata", "cloud"])
def test_the_schema_catches_an_event_that_lacks_something(events, lost) -> None:
    event = next(event for event in events if event["class_uid"] == 6003)

    assert problems({name: value for name, value in event.items() if name != lost})
    assert problems({**event, "made_up": 1})


def test_each_record_is_the_class_that_it_surely_is_and_else_a_base_event(events, package, lines) -> None:
    found = {}
    for event in events:
        action = event.get("api", {}).get("operation") or event["unmapped"].get("action")
        action = action or event.get("http_request", {}).get("http_method")
        action = action or (event.get("finding_info") or {}).get("types", [""])[0]
        found[action] = event["class_uid"]

    assert {action: found[action] for action in EXPECTED} == EXPECTED
    assert {event["class_uid"] for event in events} == {one.uid for one in CLASSES.values()}
    assert [row["action"] for row in lines("untimed.jsonl")] == ["lost"]


def test_every_event_leads_back_to_the_record_that_it_derives_from(events) -> None:
    for event in events:
        assert event["metadata"]["uid"] == f"{event['unmapped']['artifact']}:{event['unmapped']['line']}"
        assert event["raw_data"]


def test_time_is_common_time_and_the_providers_own_is_kept(events) -> None:
    first = events[0]

    assert first["time"] == 1_795_262_400_250
    assert first["metadata"]["original_time"] == "2026-11-21T12:00:40.250Z"
    assert first["unmapped"]["clock_shift_s"] == 40.0


def test_activities_and_status_are_told_apart(events) -> None:
    by_action = {event["api"]["operation"]: event for event in events if event["class_uid"] == 6003}

    assert (by_action["CreateUser"]["type_uid"], by_action["CreateUser"]["status_id"]) == (600301, 1)
    assert (by_action["GetObject"]["activity_id"], by_action["GetObject"]["status_id"]) == (2, 2)
    assert by_action["GetObject"]["src_endpoint"] == {"name": "lambda.amazonaws.com"}


def test_a_finding_bears_its_own_number_and_title(events) -> None:
    (finding,) = [event for event in events if event["class_uid"] == 2004]

    assert (finding["finding_info"]["uid"], finding["finding_info"]["title"]) == ("f-1", "An odd caller")


@pytest.mark.parametrize("version", ["1.4.0", "1.6.0", "1.7.0", "1.8.0"])
def test_other_versions_of_the_schema_read_the_same_events(events, version) -> None:
    other = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
    seen = {event["class_uid"]: event for event in events}
    for uid, event in seen.items():
        profiles = event["metadata"].get("profiles", [])
        found = other.get_class_schema(other.lookup_class_name_from_uid(uid), profiles)
        jsonschema.Draft202012Validator(found).validate(event)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("class: network_activity", "class: network_actvity"), "unknown class"),
        (('actions: ".+"', 'actions: "("'), "not a pattern"),
        (("needs: [action]", "need: [action]"), "unknown field"),
    ],
)
def test_a_wrong_mapping_is_refused_where_it_is_wrong(change, says) -> None:
    from importlib.resources import files

    text = (files("evidence_kit.report.events") / "ocsf.yaml").read_text()
    with pytest.raises(UsageError, match=says):
        parse_mapping(text.replace(*change, 1).encode())
