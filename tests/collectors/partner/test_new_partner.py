"""A new partner is one YAML file and no Python."""

import pytest
from support.partner import kiosk

from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus

CONNECTOR = b"""
apiVersion: evidence-kit/connector.v1
kind: Connector
name: acme.audit
provider: acme
version: "1"
summary: Audit log of Acme
docs: https://acme.example.com/api
evidence: [audit_logs]
params:
  - {name: org, help: "name of the organisation", required: true, pattern: "[a-z-]+"}
server: "https://api.acme.example.com"
auth: {type: bearer, secret: token}
request: {path: "/orgs/{org}/events", query: {limit: 100}}
window: {start: {query: since}, end: {query: until}, format: rfc3339, bounds: "[)"}
paging: {type: link_header}
records: {path: "@", id: id, time: at}
"""
FIXTURE = b"""
connector: acme.audit
params: {org: shop}
replies:
  - path: /orgs/shop/events
    pages:
      size: 2
      records:
        - {id: a, at: 2026-11-19T23:59:59Z}
        - {id: b, at: 2026-11-20T00:00:00Z}
        - {id: c, at: 2026-11-20T12:00:00Z}
        - {id: d, at: 2026-11-20T23:59:59Z}
        - {id: e, at: 2026-11-21T00:00:00Z}
"""


def test_a_partner_described_by_one_file_is_collected_whole(lab, tmp_path):
    with kiosk(tmp_path, CONNECTOR, FIXTURE) as partner:
        result = partner.collect(lab)

        (outcome,) = result.outcomes
        assert (outcome.status, outcome.reason, outcome.records, outcome.pages) == (UnitStatus.COMPLETE, "", 3, 2)
        assert sorted(lab.digests().elements()) == partner.evidence


def test_the_certificate_of_the_partner_and_the_digest_of_its_file_are_on_record(lab, tmp_path):
    with kiosk(tmp_path, CONNECTOR, FIXTURE) as partner:
        partner.collect(lab)

        (opened,) = [line for line in lab.ledger() if line["type"] == "opened"]
        assert opened["sources"] == [
            {"name": "acme.audit", "mechanism": "partner.rest", "digest": partner.spec.digest}
        ]
        assert {len(line["peer"]) for line in lab.exchanges()} == {64}


def test_a_target_without_what_the_connector_needs_is_settled_unasked(lab, tmp_path):
    with kiosk(tmp_path, CONNECTOR, FIXTURE) as partner:
        (outcome,) = partner.collect(lab, **{"param.org": ""}).outcomes

        assert outcome.status is UnitStatus.OUT_OF_SCOPE
        assert "names no `org`" in outcome.reason
        assert partner.server.sent == []


def test_a_value_that_does_not_fit_its_pattern_is_refused(lab, tmp_path):
    with kiosk(tmp_path, CONNECTOR, FIXTURE) as partner, pytest.raises(UsageError, match="cannot be the `org`"):
        partner.collect(lab, **{"param.org": "../admin"})


def test_the_last_request_that_is_allowed_is_followed_by_a_pause(lab, tmp_path):
    limited = CONNECTOR + b"rate: {remaining: X-Left, reset: X-Reset, resetFormat: seconds}\n"
    waits = []

    class Patient:
        def waiting(self, unit, seconds, reason):
            waits.append((seconds, reason))

        def __getattr__(self, name):
            return lambda *_, **__: None

    with kiosk(tmp_path, limited, FIXTURE) as partner:
        partner.server.replies[0].headers = {"X-Left": "0", "X-Reset": "0.01"}
        order = lab.order("acme.audit", targets=(partner.target(),), window=partner.fixture.window)
        with lab.vault.lock(), lab.vault.working():
            partner.engine(lab, observer=Patient()).collect(order)

    assert (0.01, "the provider allows no more requests for now") in waits
