"""Every error of AWS means something for a unit, and none means that all is well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.collectors.aws.verdicts import (
    DENIED,
    NOT_CONFIGURED,
    NOT_ENABLED,
    THROTTLED,
    TOKEN_REFUSED,
    verdict,
)
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus


@pytest.mark.parametrize("code", sorted(THROTTLED))
@pytest.mark.parametrize("http", [400, 503])
def test_throttling_is_known_by_its_code_whatever_the_status(code, http):
    found = verdict(code, "slow", http, "3")
    assert isinstance(found, Retryable)
    assert (found.throttled, found.after) == (True, 3.0)


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        (DENIED, UnitStatus.DENIED),
        (NOT_ENABLED, UnitStatus.NOT_ENABLED),
        (NOT_CONFIGURED, UnitStatus.NOT_CONFIGURED),
        (TOKEN_REFUSED, UnitStatus.PARTIAL_TRUNCATED),
        ({"SomethingNew"}, UnitStatus.PARTIAL_ERROR),
    ],
)
def test_a_refusal_ends_the_unit_as_what_it_is(codes, status):
    for code in codes:
        found = verdict(code, "message", 400, "")
        assert isinstance(found, Stop)
        assert found.status is status
        assert code in found.reason


def test_no_code_means_two_things():
    tables = [THROTTLED, DENIED, NOT_ENABLED, NOT_CONFIGURED, TOKEN_REFUSED]
    assert sum(map(len, tables)) == len(frozenset().union(*tables))


@given(
    code=st.text(max_size=20), message=st.text(max_size=900), http=st.integers(300, 599), after=st.text(max_size=9)
)
def test_no_error_is_ever_taken_for_success(code, message, http, after):
    found = verdict(code, message, http, after)
    if isinstance(found, Stop):
        assert not found.status.is_whole or code in NOT_ENABLED | NOT_CONFIGURED
        assert len(found.reason) <= 600
    else:
        assert found.after is None or found.after >= 0


@pytest.mark.parametrize(("http", "kind"), [(429, True), (500, False), (599, False)])
def test_a_status_speaks_where_the_code_says_nothing(http, kind):
    assert verdict("X", "", http, "").throttled is kind


@pytest.mark.parametrize("http", [401, 403])
def test_a_forbidden_status_is_a_denial_whatever_the_code(http):
    assert verdict("X", "", http, "").status is UnitStatus.DENIED
