"""Running rules: matches lead to artifact and line, and each rule says how it ended."""

import json

from support.sifting import TRAIL, Evidence, rule

from evidence_kit.analysis.sigma.words import End

STOP = {"eventName": "StopLogging"}


def test_a_match_names_artifact_and_line() -> None:
    held = Evidence({"eventName": "Other"}, STOP)

    (told,) = held.sift(rule(STOP))

    (match,) = told.matches
    assert (told.end, told.looked_at, match.artifact, match.line) == (End.MATCHED, 2, f"{TRAIL}.json", 2)


def test_matches_are_bounded_and_all_are_counted() -> None:
    (told,) = Evidence(*[STOP] * 30).sift(rule(STOP), limit=5)

    assert (told.total, len(told.matches)) == (30, 5)


def test_the_event_history_is_read_inside_its_envelope() -> None:
    held = Evidence({"EventId": "1", "CloudTrailEvent": json.dumps(STOP)}, source="aws.cloudtrail.lookup")
    held.add([{"CloudTrailEvent": "not json"}, "not json"], "aws.cloudtrail.lookup")

    assert held.lines(STOP) == [1]


def test_columns_stand_in_where_records_are_lines_of_text() -> None:
    held = Evidence()
    held.add(["2 123 eni-1 10.0.0.9 ACCEPT"], "aws.vpc.flow_s3", src_ip="10.0.0.9")

    (told,) = held.sift(rule({"src_ip|cidr": "10.0.0.0/24"}, product="aws", service="vpcflow"))

    assert told.total == 1


def test_no_records_of_a_kind_is_not_no_match() -> None:
    (told,) = Evidence(STOP).sift(rule({"eventType": "x"}, product="okta", service="okta"))

    assert (told.end, told.reason) == (End.NO_RECORDS, "it is about okta.system_log")


def test_no_match_says_which_fields_no_record_has() -> None:
    (told,) = Evidence(STOP).sift(rule({"eventName": "Other", "misspelt": "x"}))

    assert (told.end, told.looked_at, told.unseen) == (End.NO_MATCH, 1, ("misspelt",))


def test_a_rule_that_fails_spoils_no_other() -> None:
    held = Evidence(STOP, refuse="explode")

    told = held.sift(*[rule(STOP)] * 5, rule({"eventName": "explode"}), rule({"eventName": "Other"}))

    assert [one.end for one in told] == [*[End.MATCHED] * 5, End.FAILED, End.NO_MATCH]
    assert told[5].reason == "stopped after 60 seconds"


def test_a_rule_for_a_product_looks_at_each_of_its_logs() -> None:
    held = Evidence(STOP)
    held.add([{"eventName": "StopLogging"}], "aws.guardduty.findings")

    (told,) = held.sift(rule(STOP, product="aws"))

    assert (told.total, {match.source for match in told.matches}) == (2, {TRAIL, "aws.guardduty.findings"})


def test_expressions_that_explode_elsewhere_take_no_time_here() -> None:
    held = Evidence({"a": "a" * 200_000 + "!"})

    assert held.lines({"a|re": "^(a+)+$"}) == []
    assert held.lines({"a": "*a" * 30 + "*b"}) == []
