"""One real case with its report and its custody record, a module each; and a document of each name."""

import pytest
from support.case_reports import full, poisoned, reported

from evidence_kit.report.custody.record import build
from evidence_kit.report.documents.making import NAMES, make


@pytest.fixture(scope="package")
def real(tmp_path_factory):
    """A case, its tables and its report."""
    return reported(tmp_path_factory.mktemp("documented"))


@pytest.fixture(scope="package")
def record(real):
    """The custody record of the case."""
    return build(real.case.vault)


@pytest.fixture(params=list(NAMES))
def name(request):
    """Return each document's name in turn."""
    return request.param


@pytest.fixture
def document(name, real, record):
    """Return a document about the case with every part that a report can have."""
    return make(name, full(real.report), record)


@pytest.fixture
def hostile(name, real, record):
    """Return the same where every text is hostile."""
    report = poisoned(full(real.report))
    return make(name, _with_times(report, real.report), record)


def _with_times(report, sane):
    from dataclasses import replace

    return replace(report, events=tuple(replace(one, at=sane.events[-1].at) for one in report.events))
