"""What the provider sent is what lies in the bag: neither more, nor less, nor other bytes."""

from collections import Counter
from contextlib import closing

import pytest
from support.clouds import unharmed
from support.lab import BOTH, END, QUESTIONS, Lab, fast, sent, target, truth_of

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.sources import SOURCES
from evidence_kit.sources.catalogue import load_catalogue

SAMPLED = {"aws.sagemaker.capture_state", "aws.sagemaker.data_capture"}
EVENTS = ("aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudwatch.logs", "aws.guardduty.findings")


@pytest.fixture
def organisation(cloud):
    with closing(cloud.client("organizations")) as client:
        client.create_organization(FeatureSet="ALL")
        cloud.door.sent.clear()
        yield
        client.delete_organization()


@pytest.fixture(scope="module")
def whole(clouds, tmp_path_factory):
    """Everything that happened in both accounts, collected once, and what there was to find."""
    with pytest.MonkeyPatch.context() as patch, unharmed(clouds.get(end=END, lookup_tps=None)) as cloud:
        for name, value in cloud.environ.items():
            patch.setenv(name, value)
        lab = Lab(tmp_path_factory.mktemp("whole") / "case", cloud.window).open()
        result = lab.collect(*EVENTS, targets=BOTH, workers=32)
        assert result.exit is Exit.OK
        return lab, cloud.truth


@pytest.mark.parametrize("source", SOURCES)
def test_the_bag_holds_exactly_the_answers_that_the_door_sent(cloud, lab, organisation, source):
    result = lab.collect(source)
    assert result.exit is (Exit.INCOMPLETE if source in SAMPLED else Exit.OK)
    assert sum(lab.digests().values()) > 0
    assert lab.digests() == sent(cloud, fast(source))
    asked = Counter((one.operation, one.status) for one in cloud.door.sent)
    told = Counter((line["request"]["operation"], line["status"]) for line in lab.exchanges())
    assert told == asked
    kept = {line["request"]["operation"] for line in lab.exchanges() if line["artifact"]}
    assert not kept & QUESTIONS[load_catalogue()[source].mechanism]
    assert lab.verify().exit() is Exit.OK


def test_lookup_brings_every_management_event_of_both_accounts_once(whole):
    lab, truth = whole
    assert lab.looked_up() == truth_of(truth.lookup, *BOTH)


def test_log_files_bring_every_delivered_event_of_both_accounts_once(whole):
    lab, truth = whole
    assert lab.delivered() == truth_of(truth.delivered, *BOTH)


def test_log_groups_bring_every_event_once(whole):
    lab, truth = whole
    events = lab.log_events()
    assert sum(events.values()) == len(events) == sum(truth.log_events.values())


def test_findings_of_all_accounts_and_regions_are_brought_once(whole):
    lab, truth = whole
    assert lab.found() == truth_of(truth.findings, *BOTH)
    ends = Counter(end for unit, end in lab.outcomes().items() if unit.startswith("aws.guardduty"))
    assert ends == {UnitStatus.COMPLETE: 4, UnitStatus.NOT_ENABLED: 2}


def test_every_stored_file_is_named_by_exactly_one_ledger_line(whole):
    lab, _ = whole
    listed = Counter(line["artifact"]["path"] for line in lab.exchanges() if line["artifact"])
    on_disk = Counter(str(path.relative_to(lab.bags[-1])) for path, _ in lab.bodies())
    assert listed == on_disk
    assert set(listed.values()) == {1}


def test_each_signature_of_a_large_bag_verifies(whole):
    lab, _ = whole
    assert lab.verify().exit(require_complete=True) is Exit.OK


def test_a_stopped_trail_loses_nothing_because_the_event_history_has_it(cloud, lab):
    place = target()
    lab.collect("aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudtrail.digest", targets=(place,))
    silent = set(lab.looked_up()) - set(lab.delivered())
    assert silent == set(truth_of(cloud.truth.lookup, place)) - set(truth_of(cloud.truth.delivered, place))
    assert len(silent) >= 2
    assert "not_logged" in {finding["kind"] for finding in lab.findings()}
