"""Questions of playbooks, asked of evidence that few estates have: more projects, events of the history alone."""

import json
from functools import cache

import duckdb
import pyarrow as pa
import pytest

from evidence_kit.analysis.tables.schema import arrow_schema
from evidence_kit.playbook.library import Library

SHOP, TEST = "shop-prod-1", "shop-test-1"
INVENTORY = "gcp.asset.inventory"


@cache
def _sql(playbook, step):
    return next(one.fields["sql"] for one in Library().find(playbook).steps if one.id == step)


def asked(playbook, step, evidence, units=(), **params):
    """Return what a step's own SQL answers, of tables that have the columns of a case's."""
    with duckdb.connect() as tables:
        tables.execute("SET TimeZone = 'UTC'")
        for table, rows in {"evidence": evidence, "units": units}.items():
            schema = arrow_schema(table)
            assert all(row.keys() <= {*schema.names} for row in rows)
            tables.register(table, pa.Table.from_pylist([*rows], schema=schema))
        return tables.sql(_sql(playbook, step), params=params).to_arrow_table().to_pylist()


# -- more than one project ------------------------------------------------------------------------------------------


def projects(**services):
    """Return what the inventory says of projects: each as a thing, and with its policy and what that logs."""
    for project, logged in services.items():
        name = f"//cloudresourcemanager.googleapis.com/projects/{project}"
        reads = [{"service": one, "auditLogConfigs": [{"logType": "DATA_READ"}]} for one in logged]
        for said in ({"resource": {}}, {"iamPolicy": {"bindings": [], **({"auditConfigs": reads} if reads else {})}}):
            raw = json.dumps({"name": name, **said})
            yield {"source": INVENTORY, "target": project, "event_id": name, "raw": raw}


def units(*names):
    return [
        {"source": INVENTORY, "target": one, "target_name": f"the {one}", "region": "", "status": "complete"}
        for one in names
    ]


ALL = ["allServices"]
SETTINGS = [
    ({"a": ALL, "b": ALL}, []),
    ({"a": ALL, "b": []}, ["b"]),
    ({"a": [], "b": ALL}, ["a"]),
    ({"a": [], "b": []}, ["a", "b"]),
]


@pytest.mark.parametrize(("services", "silent"), SETTINGS)
def test_reads_that_one_project_logs_say_nothing_about_another(services, silent):
    evidence = list(projects(**services))
    facts = asked("forensic-readiness-check", "facts", evidence, units("a", "b"), days=1, partners=0, agreed=0)
    judged = {one["target"]: one["verdict"] for one in facts if one["name"] == "gcp_reads"}
    assert judged == {f"the {name}": "not" if name in silent else "met" for name in ("a", "b")}
    (ready,) = {one["verdict"] for one in facts if one["name"] == "gcp-sa-key-leak"}
    assert ready == ("not_ready" if silent else "ready")

    told = asked("gcp-sa-key-leak", "blind", evidence, account="x@example.com")
    assert [one["what"] for one in told] == (["reads"] if silent else [])

    told = asked("vertex-ai-abuse-or-tamper", "blind", evidence)
    assert [one["what"] for one in told] == (["calls", "reads_of_files"] if silent else [])


def test_calls_that_one_project_logs_and_files_that_another_does_are_both_missing():
    evidence = list(projects(a=["aiplatform.googleapis.com"], b=["storage.googleapis.com"]))
    told = asked("vertex-ai-abuse-or-tamper", "blind", evidence)
    assert [one["what"] for one in told] == ["calls", "reads_of_files"]


# -- events that only the history has, or both have -----------------------------------------------------------------


def event(number, action, *, history, **more):
    """Return one event as the event history or as a trail's file brings it."""
    doc = {"eventID": f"e{number}", "eventName": action, "eventSource": "s3.amazonaws.com", **more}
    raw = {"EventId": f"e{number}", "CloudTrailEvent": json.dumps(doc)} if history else doc
    return {
        "source": "aws.cloudtrail.lookup" if history else "aws.cloudtrail.s3",
        "event_id": f"e{number}",
        "action": action,
        "outcome": "success",
        "time": f"2026-11-21T06:0{number}:00Z",
        "raw": json.dumps(raw),
    }


def test_a_key_that_only_the_history_tells_of_is_followed():
    made = {"responseElements": {"accessKey": {"accessKeyId": "AKIA2"}}}
    opened = {"responseElements": {"credentials": {"accessKeyId": "ASIA3"}}}
    evidence = [
        event(1, "CreateAccessKey", history=True, **made) | {"credential": "AKIA1", "src_ip": "198.51.100.1"},
        event(2, "AssumeRole", history=False, **opened) | {"credential": "AKIA2", "src_ip": "198.51.100.2"},
        event(3, "ListBuckets", history=True) | {"credential": "ASIA3", "src_ip": "198.51.100.3"},
    ]
    told = asked("aws-credential-compromise", "pivot", evidence, key="AKIA1")
    assert [(one["key"], one["src_ip"][-1]) for one in told] == [("AKIA1", "1"), ("AKIA2", "2"), ("ASIA3", "3")]


def test_a_read_that_history_and_trail_both_have_counts_once():
    evidence = [
        event(n, "GetSecretValue", history=history) | {"credential": "AKIA1", "resource": "pricing"}
        for n in (1, 2)
        for history in (True, False)
    ]
    told = asked("aws-credential-compromise", "data_read", evidence, keys=["AKIA1"])
    assert [(one["resource"], one["reads"]) for one in told] == [("pricing", 2)]


@pytest.mark.parametrize("history", [True, False])
def test_what_opens_the_whole_account_is_found_and_what_opens_another_bucket_or_a_file_system_is_not(history):
    def asking(bucket):
        return {"requestParameters": {"bucketName": bucket}}

    evidence = [
        event(1, "PutBucketPolicy", history=history, **asking("mine")),
        event(2, "PutBucketPolicy", history=history, **asking("other")),
        event(3, "DeleteAccountPublicAccessBlock", history=history, requestParameters={"x-amz-account-id": "1"}),
        event(4, "CreateAccessPoint", history=history, requestParameters={"name": "ap"}),
        event(5, "CreateAccessPoint", history=history, eventSource="elasticfilesystem.amazonaws.com"),
        event(6, "GetAccessPointPolicy", history=history, requestParameters={"name": "ap"}),
        event(7, "CreateMultiRegionAccessPoint", history=history, requestParameters=None),
    ]
    told = asked("aws-s3-exfiltration", "opened", evidence, buckets=["mine"])
    assert [one["time"][15] for one in told] == ["1", "3", "4", "7"]


# -- keys of objects in a listing -----------------------------------------------------------------------------------

KEYS = {
    "dt%3D2026-11-20/a+b.csv": "dt=2026-11-20/a b.csv",
    "a%2Bb%20%26%2525": "a+b &%25",
    "plain/ü.csv": "plain/ü.csv",
}


def listing(*keys):
    """Return a page of versions as S3 answers it; each key has one of before and one of after the attack."""
    versions = "".join(
        f"<Version><Key>{key}</Key><VersionId>{key[:1]}{day}</VersionId><IsLatest>true</IsLatest>"
        f"<LastModified>2026-11-{day}T06:00:00.000Z</LastModified></Version>"
        for key in keys
        for day in (20, 21)
    )
    raw = f"<ListVersionsResult><Name>mine</Name><EncodingType>url</EncodingType>{versions}</ListVersionsResult>"
    return {"source": "aws.s3.object_versions", "raw": raw}


@pytest.mark.parametrize("listed", KEYS)
def test_a_listing_that_is_not_encoded_names_keys_as_they_are(listed):
    plain = {name: text.replace("<EncodingType>url</EncodingType>", "") for name, text in listing(listed).items()}
    at = {"encrypted_from": "2026-11-21T00:00:00Z", "deleted_from": ""}
    told = asked("cloud-ransomware", "recoverable", [plain], lost=[f"mine/{listed}"], **at)
    assert [one["recoverable"] for one in told] == [f"mine/{listed}"]
    asking = {"objects": [listed], "versions": [], "first_at": "2026-11-21T06:00:00Z"}
    assert len(asked("supplier-data-poisoning", "clean", [plain], **asking)) == 1


@pytest.mark.parametrize(("listed", "key"), KEYS.items())
def test_a_key_that_a_listing_writes_as_addresses_are_written_is_the_key_of_the_trail(listed, key):
    at = {"encrypted_from": "2026-11-21T00:00:00Z", "deleted_from": ""}
    (told,) = asked("cloud-ransomware", "recoverable", [listing(listed)], lost=[f"mine/{key}"], **at)
    assert (told["recoverable"], told["gone"]) == (f"mine/{key}", None)

    written = event(0, "PutObject", history=False, requestParameters={"bucketName": "mine", "key": key})
    evidence = [listing(listed), written | {"src_ip": "198.51.100.1"}]
    where = {"bucket": "mine", "prefix": "", "addresses": ["198.51.100.1"]}
    (told,) = asked("supplier-data-poisoning", "poisoned", evidence, **where)
    assert (told["object"], told["version"]) == (key, f"{listed[:1]}21")

    asking = {"objects": [key], "versions": [f"{key} {listed[:1]}21"], "first_at": "2026-11-21T06:00:00Z"}
    (told,) = asked("supplier-data-poisoning", "clean", [listing(listed)], **asking)
    assert told["object_version"] == f"{key} {listed[:1]}20"


# -- what an endpoint served, and since when ------------------------------------------------------------------------


def changed(number, action, config):
    asking = {"requestParameters": {"endpointName": "fraud", **({"endpointConfigName": config} if config else {})}}
    return event(number, action, history=True, **asking)


def scored(minute, score):
    at = f"2026-11-21T06:{minute:02d}:30Z"
    return {
        "raw": json.dumps(
            {
                "captureData": {"endpointOutput": {"data": str(score)}},
                "eventMetadata": {"eventId": f"s{minute}", "inferenceTime": at},
            }
        )
    }


def test_each_score_is_told_of_the_config_that_served_it_though_configs_come_back_and_changes_name_none():
    changes = [
        changed(1, "UpdateEndpoint", "new"),
        changed(3, "UpdateEndpointWeightsAndCapacities", None),
        changed(4, "UpdateEndpoint", "old"),
        changed(6, "UpdateEndpoint", "new"),
    ]
    told = asked("fraud-pipeline-manipulation", "changes", changes, endpoint="fraud", roles=[])
    spans = [one["span"] for one in told if one["span"] is not None]  # as an output keeps them
    decisions = [scored(0, 8), scored(2, 1), scored(3, 1), scored(5, 8), scored(7, 1)]
    told = asked("fraud-pipeline-manipulation", "scores", decisions, spans=spans)
    assert [(one["config"], one["kept"], one["average"]) for one in told] == [
        ("before", 1, 8.0),
        ("new", 2, 1.0),
        ("old", 1, 8.0),
        ("new", 1, 1.0),
    ]


def test_where_nobody_changed_anything_every_score_is_of_before():
    (told,) = asked("fraud-pipeline-manipulation", "scores", [scored(0, 8)], spans=[])
    assert (told["config"], told["kept"]) == ("before", 1)
