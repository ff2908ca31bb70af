"""The event against PyMISP, MISP's table of types and its own templates of objects."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import jsonschema
import pytest
from pymisp import MISPEvent, MISPObject
from support.evidence import HOSTILE, row

from evidence_kit.report.exports import misp
from evidence_kit.report.exports.indicators import Indicator
from evidence_kit.report.exports.sightings import look

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
WANTED = (
    Indicator("address", "198.51.100.23"),
    Indicator("account", "arn:aws:iam::111122223333:user/ana"),
    Indicator("key", "AKIAEXAMPLE"),
)


def data_of_pymisp(name):
    return json.loads((files("pymisp") / "data" / name).read_text())


TYPES = data_of_pymisp("describeTypes.json")["result"]["category_type_mappings"]
SCHEMA = data_of_pymisp("schema-lax.json")


@pytest.fixture
def made(origin, records, usual):
    def make(*rows, wanted=WANTED, tlp="amber+strict"):
        with records(*(rows or usual)) as found:
            return misp.document(origin, look(found, wanted), tlp, {}, AT).data

    return make


def attributes(event):
    yield from event["Attribute"]
    for one in event["Object"]:
        yield from one["Attribute"]


def test_pymisp_reads_all_of_it(made) -> None:
    data = made()
    event = MISPEvent()
    event.from_dict(**json.loads(json.dumps(data)))  # it takes apart what it is given

    assert len(event.attributes) == len(data["Event"]["Attribute"])
    assert len(event.objects) == 2
    assert {tag.name for tag in event.tags} == {"tlp:amber+strict"}
    by_value = {one.value: one for one in event.attributes}
    assert by_value["198.51.100.23"].type == "ip-src"
    assert len(by_value["198.51.100.23"].sightings) == 2


def test_it_is_what_the_schema_says(made) -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(made())


@pytest.mark.parametrize("lost", ["info", "date", "Attribute"])
def test_the_schema_catches_an_event_of_wrong_parts(made, lost) -> None:
    data = made()
    data["Event"][lost] = 7

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(data)


def test_every_type_stands_in_a_category_that_misp_has_for_it(made) -> None:
    for one in attributes(made()["Event"]):
        assert one["type"] in TYPES[one["category"]]


def test_objects_are_of_templates_that_misp_has(made) -> None:
    for one in made()["Event"]["Object"]:
        template = data_of_pymisp(f"misp-objects/objects/{one['name']}/definition.json")
        assert (one["template_uuid"], one["template_version"]) == (template["uuid"], str(template["version"]))
        assert one["meta-category"] == template["meta-category"]
        strict = MISPObject(one["name"], strict=True)
        for attribute in one["Attribute"]:
            strict.add_attribute(attribute["object_relation"], value=attribute["value"])


def test_nothing_is_distributed_published_or_for_detection(made) -> None:
    event = made()["Event"]

    assert (event["distribution"], event["published"]) == ("0", False)
    assert {one["distribution"] for one in attributes(event)} == {"5"}  # as the event
    assert {one["to_ids"] for one in attributes(event)} == {False}


def test_files_lead_from_artifact_and_digest_to_what_stands_in_them(made, usual) -> None:
    event = made()["Event"]
    values = {one["uuid"]: one["value"] for one in event["Attribute"]}

    for one in event["Object"]:
        found = {part["object_relation"]: part["value"] for part in one["Attribute"]}
        assert found["sha256"] == "5e" * 32
        assert {values[ref["referenced_uuid"]] for ref in one["ObjectReference"]} == {one.said for one in WANTED}
        assert all(ref["object_uuid"] == one["uuid"] for ref in one["ObjectReference"])
    assert f"lines {usual[0]['line']}, {usual[1]['line']}" in event["Object"][0]["comment"]


def test_sightings_name_a_digest_in_the_length_that_misp_keeps(made) -> None:
    (address,) = [one for one in made()["Event"]["Attribute"] if one["type"] == "ip-src"]

    for one in address["Sighting"]:
        assert "5e" * 32 in one["source"]
        assert len(one["source"]) <= 255


def test_the_event_says_what_it_derives_from_and_no_key(made, origin) -> None:
    text = json.dumps(made())

    assert origin.custody_log["root"] in text
    assert all(known["seal"]["sha256"] in text for known in origin.acquisitions)
    assert "AKIAEXAMPLE" not in text


def test_uuids_are_told_apart_and_the_same_every_time(made) -> None:
    event = made()["Event"]
    ids = [one["uuid"] for one in (*attributes(event), *event["Object"])]
    ids += [ref["uuid"] for one in event["Object"] for ref in one["ObjectReference"]]
    ids += [one["uuid"] for attribute in event["Attribute"] for one in attribute.get("Sighting", ())]

    assert len(set(ids)) == len(ids)
    assert made()["Event"] == event


def test_hostile_values_are_read_back_as_they_stand(made) -> None:
    data = made(row(actor=HOSTILE["actor"]), wanted=[Indicator("account", HOSTILE["actor"])])
    event = MISPEvent()
    event.from_dict(**json.loads(json.dumps(data)))

    assert HOSTILE["actor"] in {one.value for one in event.attributes}
