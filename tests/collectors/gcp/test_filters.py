"""Filters of Cloud Logging are read as far as the name of a log decides, and no further."""

import pytest
from support.google import USUAL_FILTER

from evidence_kit.collectors.gcp.filters import passes

HERE = "projects/shop-prod-1"
DATA = "cloudaudit.googleapis.com/data_access"
ACTIVITY = "cloudaudit.googleapis.com/activity"
FULL = f"{HERE}/logs/cloudaudit.googleapis.com%2Fdata_access"


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("", True),
        ("  \n ", True),
        (USUAL_FILTER, True),
        (f'logName="{FULL}"', True),
        (f"logName={FULL}", True),
        (f"logName='{FULL}'", True),
        (f'log_name = "{FULL}" OR severity="ERROR"', True),
        (f'logName=("{FULL}" OR "x")', True),
        (f'logName=("x" OR "{HERE}/logs/y")', False),
        (f'logName="{FULL}" AND severity>=ERROR', None),
        (f'logName="{FULL}" severity>=ERROR', None),
        ('LOG_ID("cloudaudit.googleapis.com/data_access")', True),
        ('log_id("cloudaudit.googleapis.com%2Fdata_access")', True),
        ('log_id("cloudaudit.googleapis.com/activity")', False),
        ('NOT log_id("cloudaudit.googleapis.com/data_access")', False),
        ('-log_id("cloudaudit.googleapis.com/data_access")', False),
        ('NOT (log_id("x") OR log_id("cloudaudit.googleapis.com/data_access"))', False),
        ('NOT (log_id("x") OR log_id("y"))', True),
        ('severity="ERROR" AND log_id("x")', False),
        ('severity="ERROR" OR log_id("x")', None),
        (f'logName!="{FULL}"', False),
        ('logName!="projects/shop-prod-1/logs/other"', True),
        ('logName:"cloudaudit"', True),
        ('logName:"/logs/compute"', False),
        ('logName:"projects/415104041262/logs/cloud"', None),
        ('logName="projects/415104041262/logs/cloudaudit.googleapis.com%2Fdata_access"', None),
        ('logName=~".*data.*"', None),
        ('NOT logName=~".*data.*"', None),
        ('resource.type="gcs_bucket"', None),
        ('resource.type=("gcs_bucket" OR "gce_instance") AND log_id("x")', False),
        ("sample(insertId, 0.1)", None),
        ('sample(insertId, 0.1) AND log_id("x")', False),
        ('ip_in_net(jsonPayload.ip, "10.0.0.0/8") = true', None),
        ("a word", None),
        ('-- a remark with log_id("x")\nlog_id("cloudaudit.googleapis.com/data_access")', True),
        # NOT binds closer than OR, and OR closer than AND.
        (f'log_id("x") AND log_id("y") OR logName="{FULL}"', False),
        (f'logName="{FULL}" OR log_id("y") AND log_id("x")', False),
        # What cannot be read says nothing, whatever it begins with.
        ('log_id("x"', None),
        ('log_id("x") AND', None),
        ('log_id("x") )', None),
        ("AND", None),
        ("= 3", None),
        ('logName="', None),
        ("(" * 5000 + 'log_id("x")' + ")" * 5000, None),
        ("-" * 300 + "\n" + "- " * 300 + "=", None),
        ("x" * 20_001, None),
    ],
)
def test_a_filter_lets_a_log_through_or_not_or_it_depends_on_the_entry(text, truth):
    assert passes(text, HERE, DATA) is truth


def test_the_usual_filter_keeps_from_a_bucket_only_what_another_one_takes():
    assert passes(USUAL_FILTER, HERE, ACTIVITY) is False
    assert passes(USUAL_FILTER, HERE, "externalaudit.googleapis.com/system_event") is False
    assert passes(USUAL_FILTER, HERE, "dns.googleapis.com/dns_queries") is True
