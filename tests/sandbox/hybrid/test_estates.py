"""Each estate's piece of the incident, collected by the real engine."""

import gzip
import json
import socket
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import parse_instant
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.estates import Hybrid
from evidence_kit.sandbox.hybrid.microsoft import STOLEN_CALLS
from evidence_kit.sandbox.hybrid.sources import BY_PROVIDER, SOURCES
from evidence_kit.sandbox.hybrid.story import BY_NAME, SUPPLIER_AHEAD, of

# Of what the provider itself logs less, or nothing: the gaps of the story.
GAPS = {
    "aws.sagemaker.capture_state": "sampled_at_source",
    "aws.sagemaker.data_capture": "sampled_at_source",
    "gcp.vertex.request_logging": "not_enabled",
}


def records(told, source):
    """Return every stored record of a source that is one JSON document a page, or one a line."""
    found = []
    for _, body in told.lab.bodies(source=source):
        pages = body.splitlines() if source == cast.ACME_SOURCE else [body]
        for page in map(json.loads, pages):
            parts = page if isinstance(page, list) else page.get("value", page.get("entries", [page]))
            found += parts
    return found


def rows(told, source):
    """Return the rows of a table as mappings."""
    found = []
    for path, body in told.lab.bodies(source=source):
        if path.parent.name == "query":
            (table,) = json.loads(body)["tables"]
            names = [column["name"] for column in table["columns"]]
            found += [dict(zip(names, row, strict=True)) for row in table["rows"]]
    return found


@pytest.mark.slow
def test_every_source_of_every_estate_ends_whole_but_for_the_gaps_of_the_story(told):
    ends = told.ends()
    assert set(ends) == set(SOURCES)
    for name, found in ends.items():
        whole = {"complete", "not_configured", "not_enabled"}
        assert set(found) <= whole | {GAPS.get(name, "complete")}, name
    assert all(ends[name][status] for name, status in GAPS.items())
    providers = ("azure", "gcp", "partners")
    assert {name for provider in providers for name in BY_PROVIDER[provider] if ends[name]["complete"]} == {
        name for provider in providers for name in BY_PROVIDER[provider]
    } - {"gcp.vertex.request_logging"}


@pytest.mark.parametrize(
    ("source", "address", "count"),
    [("github.org_audit", "actor_ip", 30), (cast.ACME_SOURCE, "ip_address", 29)],
)
def test_partners_tell_the_story_among_ordinary_days(told, source, address, count):
    found = records(told, source)
    ids = Counter(one.get("_document_id") or one["id"] for one in found)
    assert set(ids.values()) == {1}
    assert len(ids) == count
    attacks = [one["action"] for one in found if one.get(address) == cast.ATTACKER]
    assert attacks == [event.action for event in of(source) if event.address == cast.ATTACKER]


def test_the_supplier_s_calls_come_from_its_own_address_first(told):
    addresses = [one["ip_address"] for one in records(told, cast.ACME_SOURCE) if one.get("token_id") == cast.API_KEY]
    assert addresses[0] == cast.SUPPLIER
    assert Counter(addresses)[cast.ATTACKER] == 2


def test_google_tells_the_story_among_ordinary_changes_and_that_no_request_is_logged(told):
    found = records(told, "gcp.logging.admin_activity")
    callers = Counter(one["protoPayload"]["requestMetadata"]["callerIp"] for one in found)
    assert callers == {cast.ATTACKER: len(of("gcp.logging.admin_activity")), "private": 22}
    assert "an endpoint logs no requests" in {finding["message"] for finding in told.lab.findings()}
    (endpoint,) = [one for one in records(told, "gcp.vertex.endpoints") if "endpoints" in one]
    assert endpoint["endpoints"][0]["trafficSplit"] == {"5002": 100}


def test_azure_tells_who_signed_in_and_who_took_the_keys(told):
    signed_in = Counter(row["IPAddress"] for row in rows(told, "azure.la.signins_service_principal"))
    assert signed_in[cast.ATTACKER] == 1 < len(list(signed_in.elements()))
    ids = {one["eventDataId"]: one for one in records(told, "azure.activity.subscription")}
    taken = [one for one in ids.values() if one["operationName"]["value"].endswith("listKeys/action")]
    assert [one["httpRequest"]["clientIpAddress"] for one in taken] == [cast.ATTACKER]
    added = [one["activityDisplayName"] for one in records(told, "entra.directory_audits")]
    assert Counter(added)["Add service principal credentials"] == 1


def test_azure_openai_tells_of_calls_and_never_of_their_text(told):
    found = rows(told, "azure.la.openai")
    assert Counter(row["CallerIPAddress"] for row in found)[cast.ATTACKER] == STOLEN_CALLS
    assert not [name for name in found[0] if "prompt" in name.lower() or "content" in name.lower()]


def test_aws_tells_of_the_poisoned_files_and_of_all_that_was_there_before(told):
    cloud = told.estates.cloud.truth
    assert set(told.lab.delivered().values()) == {1}
    assert {(a, r, i) for (a, r), ids in cloud.delivered.items() for i in ids} == set(told.lab.delivered())
    assert {(a, r, i) for (a, r), ids in cloud.lookup.items() for i in ids} == set(told.lab.looked_up())
    puts = [
        record
        for path, body in told.lab.bodies(source="aws.cloudtrail.s3")
        if path.name.endswith(".json.gz")
        for record in json.loads(gzip.decompress(body))["Records"]
        if record["eventName"] == "PutObject"
    ]
    evil = [put["requestParameters"]["key"] for put in puts if put["sourceIPAddress"] == cast.ATTACKER]
    assert evil == [cast.NEW_FILE, cast.OVERWRITTEN]
    assert Counter(put["sourceIPAddress"] for put in puts)[cast.SUPPLIER] == 2


def test_the_poisoned_file_took_the_place_of_an_honest_version(told):
    versions = [one for one in told.versions if one["Key"] == cast.OVERWRITTEN]
    assert [one["IsLatest"] for one in versions] == [True, False]
    assert versions[0]["LastModified"] == BY_NAME["overwritten"].at(told.estates.window)
    assert versions[0]["ETag"] != versions[1]["ETag"]


def test_sagemaker_tells_what_was_trained_on_the_features_and_who_approved_it(told):
    def described(source, operation):
        (found,) = [
            json.loads(body) for path, body in told.lab.bodies(source=source) if path.parent.name == operation
        ]
        return found

    job = described("aws.sagemaker.training_jobs", "DescribeTrainingJob")
    package = described("aws.sagemaker.model_packages", "DescribeModelPackage")
    assert cast.FEATURES in json.dumps(job["InputDataConfig"])
    assert package["SourceUri"] == job["TrainingJobArn"]
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["LastModifiedBy"]["UserProfileName"] == cast.APPROVER


def test_the_case_verifies_with_every_digest_of_cloudtrail(told):
    report = told.lab.verify()
    assert report.defects == ()
    (proof,) = [check for check in report.checks if "CloudTrail" in check.summary]
    assert proof.status is CheckStatus.PASS
    digests = sum(map(len, told.estates.cloud.truth.digest_keys.values()))
    assert f"{digests} of {digests} digests chain" in proof.summary


def test_the_supplier_s_clock_is_measured(told):
    (bag,) = told.lab.bags
    clock = json.loads((bag / "record" / "acquisition.json").read_bytes())["clock"]
    ahead = {one["name"]: one["median"] for one in clock["providers"]}
    assert ahead[cast.ACME] - ahead["github"] > (SUPPLIER_AHEAD / 2).total_seconds()


def test_no_secret_of_any_estate_is_in_the_case(told):
    environ = told.estates.environ
    secrets = [value for name, value in environ.items() if name.startswith("SANDBOX_") or "SECRET" in name]
    assert len(secrets) == 4
    for path in told.lab.root.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            assert not [name for name, value in environ.items() if value in secrets and value.encode() in body], path


def test_the_inventory_says_what_was_agreed_and_whose_data_lie_where(told):
    listed = parse_inventory(told.estates.inventory.encode(), name="inventory.yaml")
    supplier = next(entry for entry in listed.entries if entry.target.provider == cast.ACME)
    assert supplier.agreement.notify_within == timedelta(hours=24)
    assert not supplier.agreement.is_over(told.estates.window.end)
    assert supplier.jurisdiction.data == ("EU",)
    assert {entry.target.provider for entry in listed.entries} == {"aws", "azure", "gcp", "github", cast.ACME}


def test_records_of_the_supplier_bear_its_own_time(told):
    window = told.estates.window
    times = {one["action"]: parse_instant(one["created_at"]) for one in records(told, cast.ACME_SOURCE)}
    assert times["key.revoke"] == BY_NAME["revoked"].at(window) + SUPPLIER_AHEAD


def test_sources_are_named_once_and_the_connector_is_a_file(told):
    assert len(set(Hybrid.sources)) == len(Hybrid.sources)
    assert told.estates.connectors.name == f"{cast.ACME_SOURCE}.yaml"


def test_closing_leaves_neither_keys_nor_anybody_who_listens(told):
    listed = parse_inventory(told.estates.inventory.encode(), name="inventory.yaml")
    access = [value for entry in listed.entries for value in entry.target.access.values()]
    files = [value for value in access if value.endswith((".pem", ".json"))]
    ports = {urlsplit(value).port for value in access if value.startswith("https://")}
    assert len(set(files)) == 2
    assert not [path for path in files if Path(path).exists()]
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
