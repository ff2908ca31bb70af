"""One real case with its report, a module each."""

import pytest
from support.case_reports import full, reported


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A case of CloudTrail events, its tables and its report."""
    return reported(tmp_path_factory.mktemp("reported"))


@pytest.fixture
def report(real):
    """The report of the real case."""
    return real.report


@pytest.fixture
def everything(real):
    """The same with every part that a report can have."""
    return full(real.report)
