"""The benchmark of the case page still runs; what it measures is not asserted anywhere."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def casepage(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("casepage")


def test_the_page_of_a_case_is_read_and_rendered_beside_a_script(casepage, tmp_path) -> None:
    rows = casepage.building(tmp_path, 48)
    assert {row.work for row in rows} == {"case page of 48 artifacts"}
    assert [row.who.split(":")[0] for row in rows] == ["evidence-kit"] * 3 + ["a script"]
    written = [path.read_text() for path in tmp_path.glob("*/case.html")]
    assert len(written) == 6
    assert all("48 files of evidence" in text for text in written)
