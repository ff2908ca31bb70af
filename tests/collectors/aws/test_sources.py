"""Every AWS source of the catalogue, collected from a small account: all pages, the very bytes, nothing left over."""

import pytest
from support.amazon import (
    every_source,
    operations,
    read_fixture,
    single_pages,
    sources,
    staged,
    with_fixture,
)

from evidence_kit.errors import Exit

# Sources without a fixture, and where they are tested instead.
ELSEWHERE = {
    "aws.cloudtrail.s3": "the big sandbox writes real files, digests and late deliveries",
    "aws.cloudtrail.digest": "the big sandbox signs the chain that a fixture could not",
    "aws.cloudtrail.lookup": "the big sandbox has a store of events to look up",
    "aws.cloudtrail.aggregated": "with what peers lose: late files and folders beside the usual one",
    "aws.cloudtrail.insights": "with what peers lose: late files and folders beside the usual one",
    "aws.cloudtrail.network_activity": "with what peers lose: late files and folders beside the usual one",
}


@pytest.mark.parametrize("name", with_fixture())
def test_a_source_brings_every_page_as_it_was_sent(name, tmp_path, monkeypatch):
    spec = sources()[name]
    with staged(spec, tmp_path / "case", monkeypatch) as stage:
        result = stage.collect()
        assert stage.server.unexpected == []
        expect, found = stage.fixture.expect, sorted(one.status.value for one in result.outcomes)
        if "statuses" in expect:
            assert found == sorted(expect["statuses"]), result.outcomes
        else:
            assert set(found) == {expect.get("status", stage.usual().value)}, result.outcomes
        assert any(expect.get("reason", "") in one.reason for one in result.outcomes), result.outcomes
        assert stage.lab.digests() == stage.evidence(), "stored is not what was sent"
        assert stage.server.unserved == [], "the fixture has more than was asked for"
        assert operations(spec) <= {one.operation for one in stage.server.heard}
        if spec.records.path and spec.records.format in {"json", "json.gz"}:
            assert stage.records(), "the source's path finds no record"
        assert stage.lab.verify().exit() is Exit.OK


def test_every_aws_source_has_a_fixture_or_a_test_elsewhere():
    known = set(every_source())
    assert sorted(known - set(with_fixture()) - set(ELSEWHERE)) == []
    assert set(ELSEWHERE) <= known - set(with_fixture())


@pytest.mark.parametrize("name", with_fixture())
def test_what_pages_is_answered_in_pages(name):
    assert single_pages(read_fixture(sources()[name])) == [], "give two pages, or say in `one_page` why there is one"
