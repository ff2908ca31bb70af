"""What a trail leaves out is said in the words of its own selectors, of the old kind and of the new."""

import pytest

from evidence_kit.model.status import UnitStatus

ARN = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"
MANAGEMENT, DATA = f"{ARN} leaves out management events", f"{ARN} records no data events"
BUCKETS = "DataResources: [{Type: 'AWS::S3::Object', Values: ['arn:aws:s3']}]"


def advanced(*selectors):
    fields = (", ".join(f"{{Field: {name}, {said}}}" for name, said in one.items()) for one in selectors)
    return "AdvancedEventSelectors: [" + ", ".join(f"{{FieldSelectors: [{one}]}}" for one in fields) + "]"


def category(name, **more):
    return {"eventCategory": f"Equals: [{name}]", **more}


@pytest.fixture
def reasons(before):
    """Return how the source ends for a trail with these selectors and this state."""

    def ask(selectors, state="{IsLogging: true}"):
        text = f"""
    replies:
      - {{operation: ListTrails, pages: [{{Trails: [{{Name: t, HomeRegion: eu-west-1, TrailARN: "{ARN}"}}]}}]}}
      - {{operation: GetTrail, region: eu-west-1, pages: [{{Trail: {{Name: t, TrailARN: "{ARN}"}}}}]}}
      - {{operation: GetTrailStatus, region: eu-west-1, pages: [{state}]}}
      - {{operation: GetEventSelectors, region: eu-west-1, pages: [{{TrailARN: "{ARN}", {selectors}}}]}}
      - operation: GetInsightSelectors
        region: eu-west-1
        error: {{code: InsightNotEnabledException, message: none, status: 400}}"""
        (outcome,) = before("aws.cloudtrail.selectors", text).collect().outcomes
        return outcome.status, set(outcome.reason.split("; ")) - {""}

    return ask


@pytest.mark.parametrize(
    ("selectors", "left_out"),
    [
        (f"EventSelectors: [{{ReadWriteType: All, IncludeManagementEvents: true, {BUCKETS}}}]", set()),
        ("EventSelectors: [{ReadWriteType: All, IncludeManagementEvents: true, DataResources: []}]", {DATA}),
        (f"EventSelectors: [{{ReadWriteType: WriteOnly, IncludeManagementEvents: true, {BUCKETS}}}]", {MANAGEMENT}),
        (f"EventSelectors: [{{ReadWriteType: All, IncludeManagementEvents: false, {BUCKETS}}}]", {MANAGEMENT}),
        (
            "EventSelectors: [{ReadWriteType: All, ExcludeManagementEventSources: [kms.amazonaws.com]}]",
            {MANAGEMENT, DATA},
        ),
        (
            advanced(category("Management"), category("Data", **{"resources.type": "Equals: ['AWS::S3::Object']"})),
            set(),
        ),
        (advanced(category("Management")), {DATA}),
        (advanced(category("Management", readOnly="Equals: ['false']")), {MANAGEMENT, DATA}),
        (
            advanced(category("Management", eventSource="NotEquals: [kms.amazonaws.com]"), category("Data")),
            {MANAGEMENT},
        ),
        (advanced(category("Data")), {MANAGEMENT}),
        (advanced(category("NetworkActivity")), {MANAGEMENT, DATA}),
        (
            f"EventSelectors: [{{ReadWriteType: All}}, {{IncludeManagementEvents: false, {BUCKETS}}}]",
            set(),
        ),
        ("EventSelectors: []", {DATA}),
    ],
)
def test_what_the_selectors_leave_out_is_said_and_nothing_else(reasons, selectors, left_out):
    status = UnitStatus.EXCLUDED_AT_SOURCE if left_out else UnitStatus.COMPLETE
    assert reasons(selectors) == (status, left_out)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("{IsLogging: false}", f"{ARN} is stopped"),
        ("{IsLogging: true, LatestDeliveryError: NoSuchBucket}", f"{ARN} cannot deliver to S3"),
    ],
)
def test_a_trail_that_records_everything_and_does_not_run_is_not_complete(reasons, state, said):
    everything = f"EventSelectors: [{{ReadWriteType: All, IncludeManagementEvents: true, {BUCKETS}}}]"
    assert reasons(everything, state) == (UnitStatus.EXCLUDED_AT_SOURCE, {said})


def test_an_account_without_a_trail_has_none_configured(before):
    (outcome,) = (
        before("aws.cloudtrail.selectors", "replies: [{operation: ListTrails, pages: [{Trails: []}]}]")
        .collect()
        .outcomes
    )
    assert outcome.status is UnitStatus.NOT_CONFIGURED
