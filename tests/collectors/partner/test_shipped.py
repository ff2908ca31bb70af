"""Every shipped connector against a server that plays its fixture: whole, as sent, and no secret anywhere."""

import json
from pathlib import Path

import pytest
from support.partner import kiosk

from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sources.catalogue import load_catalogue

FOLDER = Path(__file__).parents[2] / "fixtures" / "partners"
CONNECTORS = {name: spec for name, spec in load_catalogue().items() if spec.mechanism == "partner.rest"}


def fixture_of(name):
    path = FOLDER / f"{name}.yaml"
    return parse_fixture(path.read_bytes(), name=path.name)


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_has_a_fixture_of_its_own(name):
    assert fixture_of(name).connector == name


def test_every_fixture_is_of_a_connector_that_is_shipped():
    assert {path.stem for path in FOLDER.glob("*.yaml")} <= set(CONNECTORS)


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_a_connector_brings_what_its_partner_has(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        expect = partner.fixture.expect
        result = partner.collect(lab)

        (outcome,) = result.outcomes
        assert (outcome.status, expect.status) == (expect.status, outcome.status), outcome.reason
        if expect.records is not None:
            assert outcome.records == expect.records
        if expect.files is not None:
            assert outcome.artifacts == expect.files
        assert sorted({finding.kind for finding in outcome.findings}) == sorted(set(expect.findings))
        assert set(lab.digests().elements()) <= {one.sha256 for one in partner.server.sent}
        assert not lab.verify().defects


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_no_secret_of_a_connector_is_left_anywhere(name, lab, tmp_path, capfd, caplog):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        result = partner.collect(lab)
        told = json.dumps([[one.reason, str(one.findings)] for one in result.outcomes])

        for text in (*partner.secrets.values(), *partner.server.gate.tokens):
            needle = text.split("\n")[1] if "PRIVATE KEY" in text else text
            assert needle not in told + caplog.text + "".join(capfd.readouterr())
            kept = [path for path in lab.root.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]
            assert kept == []
