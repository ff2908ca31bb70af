"""What is sent to Google is what Google's own discovery documents describe: method, path, query and body."""

import importlib.util
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from support.preserving import only

_SPEC = importlib.util.find_spec("googleapiclient")
pytestmark = pytest.mark.skipif(_SPEC is None, reason="google-api-python-client is not installed")
DOCUMENTS = {"compute": "compute.v1", "storage": "storage.v1", "logging": "logging.v2"}


def described(api):
    root = Path(_SPEC.origin).parent / "discovery_cache" / "documents"
    return json.loads((root / f"{DOCUMENTS[api]}.json").read_text())


def methods_of(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)


def fits(document, method, path):
    """Say whether a path is one that a method describes; a slot of several components says so by its pattern."""
    template = document["servicePath"] + method.get("flatPath", method["path"])
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(f"/{pattern}", path) is not None


def faults(document, schema, value, at=""):
    """Yield what of a body is not in its schema, or is only ever said by Google."""
    known = schema.get("properties", {})
    for name, part in value.items():
        field = known.get(name)
        if field is None:
            yield f"{at}{name} is unknown"
            continue
        if "$ref" in field:
            yield from faults(document, document["schemas"][field["$ref"]], part, f"{at}{name}.")
        elif field["type"] == "object" and "properties" in field:
            yield from faults(document, field, part, f"{at}{name}.")
        else:
            kind = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}[field["type"]]
            if not isinstance(part, kind) or field.get("readOnly"):
                yield f"{at}{name} is {part!r}"


def judged(method, raw, query, body):
    """Return the id of the method that a request is, and what is wrong with it."""
    api, _, path = raw.lstrip("/").partition("/")
    document = described(api)
    # A slash within a name stays one component while it is escaped.
    found = [
        one
        for one in methods_of(document)
        if one["httpMethod"] == method and fits(document, one, f"/{path}") and ":" not in one["path"]
    ]
    assert found, (method, raw)
    # Cloud Logging has methods for whatever has logs beside those for projects: the one that says more is meant.
    one = min(found, key=lambda one: one.get("flatPath", one["path"]).count("{"))
    known = {*one.get("parameters", {}), *document.get("parameters", {})}
    wrong = [f"?{name}" for name in query if name not in known]
    if body:
        wrong += faults(document, document["schemas"][one["request"]["$ref"]], body)
    return one["id"], wrong


@pytest.fixture
def full(keeping):
    keeping.disks["europe-west4-a", "orders-1"] = {"name": "orders-1", "sizeGb": "200"}
    keeping.buckets["shop-audit"] = {"name": "shop-audit", "metageneration": "3"}
    keeping.objects["shop-audit"] = [{"name": "logs/a b", "generation": "1", "size": "10"}]
    keeping.log_buckets["global", "_Default"] = {"name": "b", "retentionDays": 30}
    return keeping


def test_every_request_is_one_that_google_describes(gcp, full):
    gcp.do("gcp.compute.snapshot_disk", disk="orders-1", zone="europe-west4-a")
    gcp.do("gcp.storage.retention", bucket="shop-audit", days="30")
    gcp.do("gcp.logging.retention", days="400")
    full.lose = 1  # so that the single object is looked at too
    for hold in ("temporary", "event-based"):
        assert only(gcp.do("gcp.storage.hold", bucket="shop-audit", prefix="logs/", hold=hold))[0] == "complete"
    found = dict(judged(*one) for one in full.asked)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert set(found) == {
        "compute.disks.get", "compute.snapshots.get", "compute.snapshots.insert", "storage.buckets.get",
        "storage.buckets.patch", "storage.objects.list", "storage.objects.get", "storage.objects.patch",
        "logging.projects.locations.buckets.get", "logging.projects.locations.buckets.patch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "raw", "query", "body"),
    [
        ("PATCH", "/storage/storage/v1/b/x/o/y", {}, {"temporaryHeld": True}),
        ("PATCH", "/storage/storage/v1/b/x/o/y", {"generatoin": "1"}, {"temporaryHold": True}),
        ("PATCH", "/storage/storage/v1/b/x", {}, {"retentionPolicy": {"retentionPeriod": 9}}),
        ("PATCH", "/logging/v2/projects/p/locations/l/buckets/b", {}, {"retentionDays": "9"}),
    ],
)
def test_a_request_that_google_does_not_describe_would_be_seen(method, raw, query, body):
    assert judged(method, raw, query, body)[1]


def test_a_path_that_google_does_not_have_would_be_seen():
    with pytest.raises(AssertionError):
        judged("POST", "/compute/compute/v1/projects/p/snapshots", {}, {})


def test_names_keep_their_slashes_within_one_component(gcp, full):
    gcp.do("gcp.storage.hold", bucket="shop-audit", prefix="logs/")
    (path,) = {raw for method, raw, _, _ in full.asked if method == "PATCH"}
    assert unquote(path.rpartition("/")[2]) == "logs/a b"
