"""The benchmark of verification still runs; what it measures is not asserted anywhere."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def digests(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("digests")


def test_large_and_small_files_are_verified_beside_programs_that_hash(digests, tmp_path) -> None:
    rows = digests.verifying(tmp_path, 0.000_01, None, 1)
    assert [row.work for row in rows if row.who == "evidence-kit verify"] == [
        "verify 1 file of 16 MB",
        "verify 16 files of 1 MB",
        "verify 100 files of 4 KB",
    ]
    assert {"evidence-kit verify --each-signature", "bagit.py --validate --processes 2"} <= {row.who for row in rows}
    assert all(row.memory > 10 for row in rows if row.who.startswith("evidence-kit"))
