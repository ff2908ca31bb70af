"""The benchmark of verification still runs; what it measures is not asserted anywhere."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def digests(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("digests")


def test_large_and_small_files_are_verified_beside_programs_that_hash(digests, tmp_path) -> None:
    rows = digests.verifying(tmp_path, 0.000_01, 1)
    assert [row.work for row in rows if row.who == "evidence-kit verify"] == [
        "verify 1 file of 16 MB",
        "verify 16 files of 1 MB",
        "verify 100 files of 4 KB",
    ]
    assert {"evidence-kit verify --each-signature", "bagit.py --validate --processes 2"} <= {row.who for row in rows}


def test_everybody_takes_turns_in_a_fresh_folder(digests, tmp_path) -> None:
    seen = []
    runs = {name: lambda folder, name=name: seen.append((name, folder)) for name in ("a", "b")}
    rows = digests.in_turns("work", runs, tmp_path, 2)
    assert [name for name, _ in seen] == ["a", "b", "a", "b"]
    assert len({folder for _, folder in seen}) == 4
    assert [row.who for row in rows] == ["a", "b"]
