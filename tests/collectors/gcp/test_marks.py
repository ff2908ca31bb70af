"""What endpoints say of their own logging decides how a unit ends; the rows that they logged are taken whole."""

import json

import pytest

from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.google.estate import project_lists

LOGGING, ROWS = "gcp.vertex.request_logging", "gcp.vertex.request_rows"
ENDPOINTS = "/aiplatform/v1/projects/shop-prod-1/locations/europe-west4/endpoints"


@pytest.fixture
def shop(google):
    google.estate.lists = project_lists()
    return google


def endpoint(number, **config):
    config = {"predictRequestResponseLoggingConfig": config} if config else {}
    return {"name": f"{ENDPOINTS.removeprefix('/aiplatform/v1/')}/{number}", **config}


def on(rate, table="bq://shop-prod-1.logs.requests"):
    return {"enabled": True, "samplingRate": rate, "bigqueryDestination": {"outputUri": table}}


def test_an_endpoint_that_logs_a_share_ends_the_unit_sampled_and_names_rate_and_table(shop):
    (outcome,) = shop.collect(LOGGING).outcomes
    assert outcome.status is UnitStatus.SAMPLED_AT_SOURCE
    (finding,) = shop.lab.findings()
    assert finding["kind"] == "sampled_at_source"
    assert (finding["facts"]["rate"], finding["facts"]["table"]) == ("0.25", "bq://shop-prod-1.logs.requests")


def test_endpoints_that_log_nothing_end_the_unit_not_enabled(shop):
    shop.estate.lists[ENDPOINTS] = [{"endpoints": [endpoint(1)]}, {"endpoints": [endpoint(2, enabled=False)]}]
    (outcome,) = shop.collect(LOGGING).outcomes
    assert outcome.status is UnitStatus.NOT_ENABLED
    assert "(2 of 2)" in outcome.reason
    assert [finding["facts"]["of"][-1] for finding in shop.lab.findings()] == ["1", "2"]


def test_one_endpoint_that_logs_all_keeps_the_unit_from_being_not_enabled(shop):
    shop.estate.lists[ENDPOINTS] = [{"endpoints": [endpoint(1)]}, {"endpoints": [endpoint(2, **on(1))]}]
    (outcome,) = shop.collect(LOGGING).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert [finding["kind"] for finding in shop.lab.findings()] == ["not_enabled"]


def test_a_rate_that_is_not_told_counts_as_a_share(shop):
    shop.estate.lists[ENDPOINTS] = [{"endpoints": [endpoint(2, **{**on(1), "samplingRate": None})]}]
    assert shop.collect(LOGGING).outcomes[0].status is UnitStatus.SAMPLED_AT_SOURCE


def test_no_endpoint_is_complete(shop):
    shop.estate.lists[ENDPOINTS] = [{}]
    assert shop.collect(LOGGING).outcomes[0].status is UnitStatus.COMPLETE


def test_all_rows_of_the_table_are_taken_page_by_page(shop):
    shop.collect(ROWS)
    rows = [
        row["f"][0]["v"]
        for path, body in shop.lab.bodies(source=ROWS)
        if path.parent.name == "tabledata.list"
        for row in json.loads(body)["rows"]
    ]
    assert rows == ["1", "1", "2"]


@pytest.mark.parametrize("table", ["bq://shop-prod-1", "bq://shop-prod-1.logs", "bq://other.gone.requests"])
def test_a_table_that_is_not_named_or_not_there_keeps_the_unit_from_being_whole(shop, table):
    shop.estate.lists[ENDPOINTS] = [{"endpoints": [endpoint(1, **on(1, table))]}]
    (outcome,) = shop.collect(ROWS).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert [finding["kind"] for finding in shop.lab.findings()] == ["not_answered"]


def test_no_table_with_costs_is_not_configured_and_says_that_another_project_may_have_it(shop):
    shop.estate.lists["/cloudasset/v1/projects/shop-prod-1:searchAllResources"] = [{}]
    (outcome,) = shop.collect("gcp.billing.export").outcomes
    assert outcome.status is UnitStatus.NOT_CONFIGURED
    assert "another one" in outcome.reason


def test_a_folder_that_may_not_be_read_does_not_hide_the_organisation(shop):
    from evidence_kit.sandbox.google.faults import Fault

    shop.server.faults.add(Fault(kind="denied", path="/folders/51/sinks"))
    (outcome,) = shop.collect("gcp.logging.ancestors").outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert outcome.pages == 6, "what the project is shown, its ancestry, and four of five lists of its ancestors"
