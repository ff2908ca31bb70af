"""A sealed case, and a table of records as its evidence; both small and real."""

from contextlib import contextmanager

import pytest
from support.casemaker import make_case
from support.evidence import evidence, row

from evidence_kit.report.exports.derivation import read_origin

SHA256 = "5e" * 32


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A case of one sealed acquisition with hostile names."""
    return make_case(tmp_path_factory.mktemp("case") / "case")


@pytest.fixture
def origin(case):
    return read_origin(case.vault)


@pytest.fixture
def records():
    """Open a table of records beside a manifest that has a digest for each artifact."""

    @contextmanager
    def opened(*rows, clocks=()):
        with evidence(*rows, clocks=clocks) as found:
            found.connection.execute('CREATE TABLE manifest (artifact VARCHAR, sha256 VARCHAR, "case" VARCHAR)')
            for one in {(one["artifact"], one["case"]) for one in rows}:
                found.connection.execute("INSERT INTO manifest VALUES (?, ?, ?)", [one[0], SHA256, one[1]])
            yield found

    return opened


@pytest.fixture
def usual():
    """Two artifacts of two providers; what they say of one address, one key and one account."""
    return (
        row("2026-11-21T12:00:00.250Z", artifact="bags/b/data/a.json"),
        row("2026-11-21T12:05:00Z", artifact="bags/b/data/a.json"),
        row("2026-11-21T12:10:00Z", artifact="bags/b/data/b.json", provider="gcp", target="shop-1"),
        row(None, artifact="bags/b/data/b.json", provider="gcp", target="shop-1"),
        row("2026-11-21T13:00:00Z", src_ip="203.0.113.9", actor="someone", credential="AKIAOTHER"),
    )
