"""Every source of the catalogue, collected from a small project: all pages, the very bytes, nothing left over."""

import json
from collections import Counter

import jmespath
import pytest
from support.google import APIS, END, START, sources
from support.lab import LATER

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.google.estate import project_lists
from evidence_kit.sandbox.google.faults import Fault
from evidence_kit.sandbox.google.logs import make_entries

CALLS = sorted(name for name, spec in sources().items() if spec.mechanism == "gcp.call")
LOGS = sorted(name for name, spec in sources().items() if spec.mechanism == "gcp.logging")
READS = (":getIamPolicy", ":getAncestry", ":testIamPermissions", "entries:list")


@pytest.fixture
def shop(google):
    google.estate.lists = project_lists()
    return google


def calls(spec):
    def walk(some):
        for call in some:
            yield call
            yield from walk(call.get("then", []))

    return list(walk(spec.settings.get("calls", [])))


def usual(spec):
    """Return how a unit of a source ends where nothing goes wrong."""
    if "sampled" in spec.settings or "marks" in spec.settings:
        return UnitStatus.SAMPLED_AT_SOURCE
    return UnitStatus.COMPLETE_UNSETTLED if spec.windowed and END + spec.settle > LATER else UnitStatus.COMPLETE


@pytest.mark.parametrize("name", CALLS)
def test_a_source_of_calls_brings_every_page_as_it_was_sent(shop, name):
    spec = sources()[name]
    result = shop.collect(name, target=shop.target(organization="903218371"))
    assert {one.status for one in result.outcomes} == {usual(spec)}, result.outcomes
    asked = shop.evidence()
    if spec.scope == "region":
        asked = [one for one in asked if not one.path.endswith("/locations")]
    if name == "gcp.project.iam_policy":
        asked += [one for one in shop.asked(shop.estate.project) if one.path.startswith("/cloudres")][1:]
    assert shop.stored() == Counter(one.sha256 for one in asked)
    for path in {one.path for one in asked}:
        wanted = len(shop.estate.lists.get(path, [None]))
        assert sum(one.path == path for one in asked) >= wanted, f"{path} has {wanted} pages"
    bodies = {path: json.loads(body) for path, body in shop.lab.bodies(source=name)}
    assert {path.parent.name for path in bodies} == {str(call["operation"]) for call in calls(spec)}
    assert any(jmespath.search(spec.records.path, body) for body in bodies.values())
    assert shop.lab.verify().exit() is Exit.OK


def test_a_list_of_two_pages_is_two_files_of_one_call(shop):
    shop.collect("gcp.scc.findings")
    found = [
        (row["finding"]["state"], row["finding"]["mute"])
        for path, body in shop.lab.bodies(source="gcp.scc.findings")
        for row in json.loads(body).get("listFindingsResults", [])
    ]
    assert sorted(found) == [("ACTIVE", "MUTED"), ("ACTIVE", "UNMUTED"), ("INACTIVE", "UNMUTED")]


@pytest.mark.parametrize("name", LOGS)
def test_a_log_brings_the_entries_of_its_filter_and_no_others(shop, name):
    spec = sources()[name]
    organization = "{organization}" in str(spec.settings.get("resource"))
    resource = "organizations/903218371" if organization else "projects/shop-prod-1"
    if organization:
        at = f"/logging/v2/{resource}"
        shop.estate.lists |= {f"{at}/{part}": [{}] for part in ("sinks", "exclusions", "locations/-/buckets")}
    kinds = {"http_load_balancer", "gcs_bucket", "k8s_container"}
    logs = [str(log) for log in spec.settings["logs"]]
    for number, log in enumerate([*logs, "unrelated"]):
        for kind in (*sorted(kinds), "audited_resource"):
            made = make_entries(log, 40, start=START, end=END, resource=resource, kind=kind, seed=number)
            shop.estate.entries = (*shop.estate.entries, *made)
    result = shop.collect(name, target=shop.target(organization="903218371"))
    assert {one.status for one in result.outcomes} == {usual(spec)}
    brought = [entry for _, body in shop.lab.bodies() for entry in json.loads(body).get("entries", [])]
    assert brought
    assert {entry["logName"].rpartition("/")[2].replace("%2F", "/") for entry in brought} == set(logs)
    assert len({entry["insertId"] for entry in brought}) == len(brought)
    assert shop.stored() == Counter(one.sha256 for one in shop.asked("entries:list"))
    said = spec.settings.get("filter", "")
    assert len(brought) < 160 * len(logs) if said else len(brought) == 160 * len(logs)


def test_there_are_enough_sources_and_each_names_what_it_needs():
    assert len(sources()) >= 26
    for name, spec in sources().items():
        assert name.startswith("gcp.")
        assert "resourcemanager.projects.get" in spec.permissions
        assert spec.docs.startswith(("https://cloud.google.com/", "https://developers.google.com/"))
        assert spec.records.path or spec.mechanism == "gcp.gcs_objects", "files of lines have no path"
        assert len(set(spec.permissions)) == len(spec.permissions)


@pytest.mark.parametrize("name", CALLS)
def test_a_source_only_reads(name):
    spec = sources()[name]
    for call in calls(spec):
        assert call.get("method", "GET") == "GET" or str(call["path"]).endswith(READS), call
        assert str(spec.settings["api"]).rpartition("-")[2] in APIS


def test_logs_share_one_budget_of_sixty_a_minute():
    from evidence_kit.sources.catalogue import load_catalogue

    paces = {spec.limit.rps for spec in load_catalogue().values() if spec.mechanism == "gcp.logging"}
    assert paces == {1.0}


# -- what is not whole says so ---------------------------------------------------------------------------------


def test_a_place_that_did_not_answer_keeps_the_unit_from_being_complete(shop):
    path = "/container/v1/projects/shop-prod-1/locations/-/clusters"
    shop.estate.lists[path] = [{"clusters": [{"name": "shop"}], "missingZones": ["us-east1-b"]}]
    (outcome,) = shop.collect("gcp.gke.clusters").outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "us-east1-b" in outcome.reason
    assert outcome.pages == 2, "what came is kept"


def test_one_bucket_that_is_closed_to_us_does_not_hide_the_others(shop):
    shop.server.faults.add(Fault(kind="denied", path="/b/shop-models/iam"))
    (outcome,) = shop.collect("gcp.storage.buckets").outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert outcome.pages == 3, "two pages of buckets, and the policy of the other one"
    (finding,) = shop.lab.findings()
    assert finding["facts"] == {"status": "denied", "of": "shop-models"}


def test_an_api_that_is_off_is_not_enabled(shop):
    shop.server.faults.add(Fault(kind="disabled", path="/keyRings", times=None))
    shop.server.faults.add(Fault(kind="disabled", path="/cloudkms/v1/projects/shop-prod-1/locations", times=None))
    (outcome,) = shop.collect("gcp.kms.keys").outcomes
    assert outcome.status is UnitStatus.NOT_ENABLED


def test_a_later_call_that_finds_nothing_does_not_speak_for_the_unit(shop):
    del shop.estate.lists["/logging/v2/projects/shop-prod-1/settings"]
    (outcome,) = shop.collect("gcp.logging.config").outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR


@pytest.mark.parametrize("kind", ["html", "short", "throttle", "status", "unauthenticated", "reset"])
def test_a_fault_in_a_list_loses_nothing(shop, kind):
    shop.server.faults.add(Fault(kind=kind, path="/serviceAccounts", skip=1, retry_after="0"))
    (outcome,) = shop.collect("gcp.iam.service_accounts").outcomes
    assert (outcome.status, outcome.pages) == (UnitStatus.COMPLETE, 6)
    assert not shop.server.faults.unspent


def test_a_list_that_loops_ends_in_an_error(shop):
    shop.server.faults.add(Fault(kind="token_loop", path="/serviceAccounts", times=None))
    path = "/iam/v1/projects/shop-prod-1/serviceAccounts"
    shop.estate.lists[path] = [*shop.estate.lists[path], *shop.estate.lists[path]]
    (outcome,) = shop.collect("gcp.iam.service_accounts").outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "loop" in outcome.reason


def test_regions_of_the_inventory_are_asked_and_no_others(shop):
    from dataclasses import replace

    target = replace(shop.target(), regions=("europe-west4",))
    result = shop.collect("gcp.vertex.models", target=target)
    assert [one.status for one in result.outcomes] == [UnitStatus.COMPLETE]
    assert not shop.asked("/locations")
