import pytest

from evidence_kit.model.status import UnitStatus

NOTHING_LOST = {"complete", "not_enabled", "not_configured", "region_disabled"}


@pytest.mark.parametrize("status", UnitStatus)
def test_every_status_says_what_a_person_should_understand(status):
    assert status.meaning
    assert not status.meaning.endswith(".")


def test_only_these_lost_nothing():
    assert {status.value for status in UnitStatus if status.is_whole} == NOTHING_LOST


@pytest.mark.parametrize("status", UnitStatus)
def test_what_lost_nothing_is_not_tried_again(status):
    assert not (status.is_whole and status.is_open)


def test_what_the_provider_no_longer_has_is_neither_whole_nor_open():
    lost = {s for s in UnitStatus if not s.is_whole and not s.is_open}
    assert UnitStatus.EXPIRED_RETENTION in lost
    assert UnitStatus.SAMPLED_AT_SOURCE in lost


def test_meanings_are_all_different():
    assert len({status.meaning for status in UnitStatus}) == len(UnitStatus)
