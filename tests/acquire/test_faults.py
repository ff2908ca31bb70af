"""Whatever goes wrong on the wire ends in the status that says so, and what is transient costs nothing."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from support.clouds import unharmed
from support.lab import END, Lab, fast, target

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.faults import Fault

S = UnitStatus
BYSTANDER = "aws.cloudtrail.trails"
NIGHT = Window(END.replace(hour=0) - timedelta(hours=2), END.replace(hour=0) + timedelta(hours=2))


@dataclass(frozen=True)
class Mechanism:
    source: str
    operation: str
    window: Window | None = NIGHT
    region: str = "us-east-1"
    pages: int = 1  # successful answers to the operation in an undisturbed run, at least


MECHANISMS = {
    "call-json": Mechanism("aws.guardduty.findings", "ListFindings", None, pages=2),
    "call-query": Mechanism("aws.iam.account", "GetAccountAuthorizationDetails"),
    "call-ec2": Mechanism("aws.ec2.config", "DescribeInstances"),
    "lookup": Mechanism("aws.cloudtrail.lookup", "LookupEvents", None, "ap-southeast-2", pages=4),
    "s3-list": Mechanism("aws.cloudtrail.s3", "ListObjectVersions", pages=2),
    "s3-get": Mechanism("aws.cloudtrail.s3", "GetObject", pages=4),
    "digest-get": Mechanism("aws.cloudtrail.digest", "GetObject", pages=3),
    "logs": Mechanism("aws.cloudwatch.logs", "FilterLogEvents", None, pages=3),
}
FAULTS = {
    "throttle": (Fault(kind="throttle"), S.PARTIAL_THROTTLED),
    "500": (Fault(kind="status", status=500), S.PARTIAL_ERROR),
    "503": (Fault(kind="status", status=503), S.PARTIAL_ERROR),
    "short": (Fault(kind="short"), S.PARTIAL_ERROR),
    "html": (Fault(kind="html"), S.PARTIAL_ERROR),
    "empty_json": (Fault(kind="empty_json"), S.PARTIAL_ERROR),
    "nothing": (Fault(kind="status", status=200, body=b""), S.PARTIAL_ERROR),
    "null": (Fault(kind="status", status=200, body=b"null"), S.PARTIAL_ERROR),
    "list": (Fault(kind="status", status=200, body=b"[]"), S.PARTIAL_ERROR),
    "string": (Fault(kind="status", status=200, body=b'"x"'), S.PARTIAL_ERROR),
    "other xml": (Fault(kind="status", status=200, body=b"<ok/>"), S.PARTIAL_ERROR),
    "reset": (Fault(kind="reset"), S.PARTIAL_ERROR),
    "drip": (Fault(kind="drip", seconds=0.00001), S.COMPLETE),
    "delay": (Fault(kind="delay", seconds=0.03), S.COMPLETE),
    "expired": (Fault(kind="expired"), S.DENIED),
    "denied": (Fault(kind="denied"), S.DENIED),
}
LOOPING = ["call-json", "lookup", "logs"]
# One mechanism of each protocol meets every fault in the normal run; the whole matrix is for `-m slow`.
USUAL = {"throttle", "500", "short", "html", "empty_json", "reset", "expired", "denied"}
THOROUGH = {"call-json", "s3-list", "s3-get"}


def matrix(kinds):
    for name in MECHANISMS:
        for kind in kinds:
            if name == "s3-list" and FAULTS[kind][1] is S.DENIED:
                continue  # has a way out, and a test of its own
            usual = kind in USUAL or name in THOROUGH
            yield pytest.param(name, kind, id=f"{name} {kind}", marks=[] if usual else pytest.mark.slow)


PASSING = [kind for kind, (_, end) in FAULTS.items() if end is not S.DENIED]
STAYING = [kind for kind, (_, end) in FAULTS.items() if end is not S.COMPLETE]


def collect(lab, mechanism, *more):
    sources = (mechanism.source, *more)
    specs = {name: replace(spec, step=None) for name, spec in fast(*sources).items()}
    place = target("111122223333", mechanism.region)
    return lab.collect(*sources, targets=(place,), window=mechanism.window, specs=specs, workers=4, backoff=0.000_01)


def brought(lab):
    """Return what a run brought, in terms that do not change from run to run."""
    answers = Counter(line["request"]["operation"] for line in lab.exchanges() if line["artifact"])
    return answers, lab.looked_up(), lab.delivered(), lab.log_events(), lab.found()


def ends(lab, source):
    return Counter(end for unit, end in lab.outcomes().items() if unit.startswith(source))


@pytest.fixture(scope="module")
def undisturbed(clouds, tmp_path_factory):
    """What each mechanism brings when nothing goes wrong, asked for when first needed."""
    known = {}

    def get(name):
        if name not in known:
            with pytest.MonkeyPatch.context() as patch, unharmed(clouds.get(end=END, lookup_tps=None)) as cloud:
                for variable, value in cloud.environ.items():
                    patch.setenv(variable, value)
                lab = Lab(tmp_path_factory.mktemp("undisturbed") / "case", cloud.window).open()
                assert collect(lab, MECHANISMS[name]).exit is Exit.OK
                known[name] = brought(lab), ends(lab, MECHANISMS[name].source)
                assert known[name][0][0][MECHANISMS[name].operation] >= MECHANISMS[name].pages
        return known[name]

    return get


def assert_every_attempt_is_on_record(cloud, lab, operation):
    told = [line for line in lab.exchanges() if line["request"]["operation"] == operation]
    assert len(told) == len(cloud.door.sent.of(operation))


@pytest.mark.parametrize(("name", "kind"), list(matrix(PASSING)))
def test_a_fault_that_passes_costs_nothing(undisturbed, cloud, lab, name, kind):
    expected, complete = undisturbed(name)
    mechanism, (fault, _) = MECHANISMS[name], FAULTS[kind]
    cloud.door.sent.clear()
    skip = 1 if mechanism.pages > 1 else 0
    times = 2 if fault.kind not in {"drip", "delay"} else 1
    cloud.door.faults.add(replace(fault, operation=mechanism.operation, skip=skip, times=times))
    result = collect(lab, mechanism)
    assert (result.exit, ends(lab, mechanism.source)) == (Exit.OK, complete), result.outcomes
    assert brought(lab) == expected
    assert_every_attempt_is_on_record(cloud, lab, mechanism.operation)
    assert lab.verify().exit() is Exit.OK


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), list(matrix(STAYING)))
def test_a_fault_that_stays_ends_its_unit_as_what_it_is_and_no_other(cloud, lab, name, kind):
    mechanism, (fault, end) = MECHANISMS[name], FAULTS[kind]
    skip = 1 if mechanism.pages > 1 else 0
    cloud.door.faults.add(replace(fault, operation=mechanism.operation, skip=skip, times=None))
    result = collect(lab, mechanism, BYSTANDER)
    found = ends(lab, mechanism.source)
    assert found[end], [(o.status, o.reason) for o in result.outcomes]
    assert found.keys() <= {end, S.COMPLETE}
    assert ends(lab, BYSTANDER) == {S.COMPLETE: 1}
    assert result.failure is None
    assert result.exit is Exit.INCOMPLETE
    assert_every_attempt_is_on_record(cloud, lab, mechanism.operation)
    report = lab.verify()
    assert (report.exit(), report.exit(require_complete=True)) == (Exit.OK, Exit.INCOMPLETE)


@pytest.mark.parametrize("name", LOOPING)
def test_a_page_token_that_comes_back_ends_the_unit_with_all_that_arrived(cloud, lab, name):
    mechanism = MECHANISMS[name]
    cloud.door.faults.add(Fault(kind="token_loop", operation=mechanism.operation, times=None))
    result = collect(lab, mechanism)
    reasons = [o.reason for o in result.outcomes if o.status is S.PARTIAL_ERROR]
    assert reasons
    assert all("repeats a page token" in reason for reason in reasons)
    told = {line["artifact"]["sha256"] for line in lab.exchanges() if line["artifact"]}
    arrived = {one.sha256 for one in cloud.door.sent.of(mechanism.operation)}
    assert arrived <= told
    assert len(cloud.door.sent.of(mechanism.operation)) <= 2 * len(result.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "status"),
    [("AccessDenied", S.DENIED), ("an explicit deny in a service control policy", S.DENIED_BY_POLICY)],
)
def test_listing_without_versions_takes_what_is_there_and_ends_as_denied(undisturbed, cloud, lab, kind, status):
    expected, _ = undisturbed("s3-list")
    cloud.door.sent.clear()
    body = f"<Error><Code>AccessDenied</Code><Message>{kind}</Message></Error>".encode()
    cloud.door.faults.add(Fault(kind="status", status=403, body=body, operation="ListObjectVersions", times=None))
    result = collect(lab, MECHANISMS["s3-list"])
    assert result.exit is Exit.INCOMPLETE
    (outcome,) = result.outcomes
    assert outcome.status is status
    assert outcome.reason.endswith(f"stay invisible: AccessDenied: {kind}")
    assert lab.delivered() == expected[2]
    assert {finding["kind"] for finding in lab.findings()} == {"versions_denied"}


def test_one_object_that_cannot_be_had_is_named_and_all_others_are_taken(cloud, lab, undisturbed):
    expected, _ = undisturbed("s3-get")
    cloud.door.sent.clear()
    objects = expected[0]["GetObject"]
    for skip in (2, objects - 1):  # when it is fetched among the others, and when it is asked for once more
        cloud.door.faults.add(Fault(kind="denied", operation="GetObject", skip=skip))
    result = collect(lab, MECHANISMS["s3-get"])
    assert ends(lab, "aws.cloudtrail.s3") == {S.DENIED: 1}
    (finding,) = lab.findings()
    assert finding["kind"] == "object_not_obtained"
    asked = [request.path for request in cloud.door.sent.of("GetObject")]
    assert finding["facts"]["key"] in asked[objects]
    assert asked.count(asked[objects]) == 2
    assert sum(brought(lab)[0].values()) == sum(expected[0].values()) - 1
    assert result.exit is Exit.INCOMPLETE


@pytest.mark.parametrize(
    ("operation", "source"), [("GetDetector", "aws.guardduty.findings"), ("GetEventSelectors", BYSTANDER)]
)
def test_an_answer_without_its_result_is_never_taken_for_an_empty_one(cloud, lab, operation, source):
    cloud.door.faults.add(Fault(kind="empty_json", operation=operation, times=None))
    collect(lab, Mechanism(source, operation))
    assert ends(lab, source) == {S.PARTIAL_ERROR: 1}
    assert not [line for line in lab.exchanges() if line["artifact"] and line["request"]["operation"] == operation]
