"""The bundle against OASIS's own validator and library, and what it says of where things come from."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import stix2
from stix2validator import ValidationOptions, validate_string
from support.evidence import HOSTILE, row

from evidence_kit.report.exports import stix
from evidence_kit.report.exports.indicators import Indicator
from evidence_kit.report.exports.marking import LEVELS
from evidence_kit.report.exports.sightings import look

AT = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)
# That ids are no random ones is meant: the same thing has the same id in every export.
NOT_RANDOM = "103"
OWN_KIND_OF_ACCOUNT = "{244}"
WANTED = (
    Indicator("address", "198.51.100.23"),
    Indicator("account", "arn:aws:iam::111122223333:user/ana"),
    Indicator("key", "AKIAEXAMPLE"),
)


@pytest.fixture
def made(origin, records, usual):
    """Return the document over some rows."""

    def make(*rows, wanted=WANTED, tlp="amber+strict", at=AT):
        with records(*(rows or usual)) as found:
            return stix.document(origin, look(found, wanted), tlp, {"tlp": tlp}, at)

    return make


def problems(data):
    options = ValidationOptions(version="2.1", disabled=[NOT_RANDOM])
    result = validate_string(json.dumps(data), options)
    warnings = [str(one) for one in result.warnings or ()]
    return [str(one) for one in result.errors or ()] + [one for one in warnings if OWN_KIND_OF_ACCOUNT not in one]


def of(data, kind):
    return [one for one in data["objects"] if one["type"] == kind]


@pytest.mark.parametrize("tlp", LEVELS)
def test_the_validator_and_the_library_accept_it(made, tlp) -> None:
    data = made(tlp=tlp).data

    assert problems(data) == []
    bundle = stix2.parse(data, allow_custom=False)
    assert len(bundle.objects) == len(data["objects"])


@pytest.mark.parametrize("kind", ["indicator", "sighting", "observed-data", "report", "file"])
def test_the_validator_catches_an_object_that_lacks_something(made, kind) -> None:
    data = made().data
    victim = of(data, kind)[0]
    del victim[{"indicator": "pattern", "sighting": "sighting_of_ref", "observed-data": "object_refs",
                "report": "published", "file": "id"}[kind]]  # fmt: skip

    assert problems(data)


def test_every_reference_leads_to_an_object_of_the_bundle(made) -> None:
    data = made().data
    ids = {one["id"] for one in data["objects"]}
    refs = {
        ref
        for one in data["objects"]
        for name, value in one.items()
        if name.endswith(("_ref", "_refs"))
        for ref in ([value] if isinstance(value, str) else value)
    }

    assert len(ids) == len(data["objects"])
    assert refs <= ids
    assert set(of(data, "report")[0]["object_refs"]) <= ids


def test_ids_of_observables_are_those_that_the_standard_gives_them(made) -> None:
    classes = {
        "ipv4-addr": stix2.v21.IPv4Address,
        "user-account": stix2.v21.UserAccount,
        "file": stix2.v21.File,
    }
    seen = set()
    for one in made().data["objects"]:
        if one["type"] in classes:
            fields = {name: value for name, value in one.items() if name not in {"type", "id", "spec_version"}}
            assert classes[one["type"]](**fields).id == one["id"]
            seen.add(one["type"])
    assert seen == set(classes)


def test_each_sighting_points_to_artifact_line_and_digest(made, usual) -> None:
    data = made(wanted=WANTED[:1]).data
    sightings, observed = of(data, "sighting"), {one["id"]: one for one in of(data, "observed-data")}
    files = {one["id"]: one for one in of(data, "file")}

    assert len(sightings) == 2
    for sighting in sightings:
        (place,) = sighting["external_references"]
        held = observed[sighting["observed_data_refs"][0]]
        file = next(files[ref] for ref in held["object_refs"] if ref in files)
        line = usual[0]["line"] if file["name"].endswith("a.json") else usual[2]["line"]
        assert place["external_id"] == f"{file['name']}:{line}"
        assert place["hashes"] == file["hashes"] == {"SHA-256": "5e" * 32}
        assert sighting["first_seen"] == held["first_observed"]
    by_count = sorted(one["count"] for one in sightings)
    assert by_count == [1, 2]  # the record without a time was not observed at any


def test_an_indicator_says_nothing_of_harm_and_a_key_is_its_fingerprint(made) -> None:
    data = made().data
    text = json.dumps(data)

    assert {tuple(one["indicator_types"]) for one in of(data, "indicator")} == {("unknown",)}
    assert "AKIAEXAMPLE" not in text
    assert WANTED[2].said in text


def test_the_bundle_itself_says_what_it_derives_from(made, origin) -> None:
    (report,) = of(made().data, "report")
    said = json.dumps(report["external_references"])

    assert origin.custody_log["root"] in said
    for known in origin.acquisitions:
        assert known["seal"]["sha256"] in said


def test_the_same_case_gives_the_same_ids_and_later_versions(made) -> None:
    first, later = made().data, made(at=AT + timedelta(days=1)).data
    assert made().data == first

    assert [one["id"] for one in first["objects"]] == [one["id"] for one in later["objects"]]
    assert {one["created"] for one in of(first, "indicator")} == {one["created"] for one in of(later, "indicator")}
    assert of(later, "indicator")[0]["modified"] > of(first, "indicator")[0]["modified"]


def test_only_records_without_a_time_are_pointed_to_and_not_observed(made) -> None:
    document = made(row(None), wanted=WANTED[:1])

    assert of(document.data, "observed-data") == []
    assert len(of(document.data, "file")) == 1
    assert document.left_out["recordsWithoutATime"] == 1
    assert problems(document.data) == []


@pytest.mark.parametrize("value", [HOSTILE["actor"], "it's \\ [x]", "a\u202eb\x1b[2J", "' OR '1' = '1"])
def test_hostile_values_stay_text_and_patterns_stay_whole(made, value) -> None:
    data = made(row(actor=value), wanted=[Indicator("account", value)]).data
    (indicator,) = of(data, "indicator")

    assert problems(data) == []
    assert stix2.parse(indicator).pattern.count("[user-account:user_id = '") == 1
    assert stix2.parse(of(data, "user-account")[0]).user_id == value


def test_a_fingerprint_can_be_made_with_a_shell() -> None:
    command = "printf %s AKIAEXAMPLE | sha256sum | cut -c1-64"
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)

    assert f"sha256:{told.stdout.strip()}" == WANTED[2].said
