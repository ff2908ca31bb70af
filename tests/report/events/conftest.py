"""Records that every export has to bear: usual, hostile, without a time, with hardly anything."""

import json

import pytest
from support.evidence import HOSTILE, clock, evidence, row

from evidence_kit.report.disclosure.package import Package

FINDING = {"id": "f-1", "title": "An odd caller"}


@pytest.fixture
def found():
    """A table of two clouds, one whose clock is 40 s ahead."""
    rows = (
        row("2026-11-21T12:00:40.250Z", action="CreateUser", outcome="success"),
        row("2026-11-21T12:01:40Z", action="GetObject", src_ip="lambda.amazonaws.com", outcome="AccessDenied"),
        row("2026-11-21T12:02:00Z", source="gcp.logging.audit", provider="gcp", action="storage.objects.get"),
        row("2026-11-22T00:30:00Z", action="ConsoleLogin"),
        row("2026-11-22T12:00:00Z", source="aws.guardduty.findings", action="Recon:IAMUser", raw=json.dumps(FINDING)),
        row("2026-11-22T12:01:00Z", source="aws.vpc.flow_s3", action="ACCEPT", resource="10.0.0.9", actor=None),
        row("2026-11-22T12:02:00Z", source="aws.elb.access_logs", action="GET", resource="https://shop.example/?a=<b>"),
        row("2026-11-22T12:03:00Z", source="acme.audit", provider="partner", action="export", target="acme"),
        row("2026-11-22T12:04:00Z", action="GetCallerIdentity", src_ip=None),
        row("2026-11-22T12:05:00Z", **HOSTILE),
        row(None, action="lost"),
        row("2026-11-22T12:06:00Z", action=None, actor=None, credential=None, src_ip=None, user_agent=None,
            resource=None, outcome=None, region=None),
    )  # fmt: skip
    with evidence(*rows, clocks=(clock("aws", 40),)) as made:
        yield made


@pytest.fixture
def package(tmp_path):
    root = tmp_path / "package"
    root.mkdir()
    return Package(root)


@pytest.fixture
def lines(package):
    """Read a file of JSON lines."""

    def read(path):
        text = (package.root / path).read_bytes()
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]

    return read
