"""Objects of the benchmark's store are taken whole by everybody who is measured."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def objects(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("objects")


@pytest.mark.slow
def test_objects_of_the_small_store_are_taken_whole_by_us_and_by_an_sdk(objects, tmp_path):
    with objects.serving(1_003, 700, 0.0) as environ:
        runs = objects._runs(1_003, environ, None)
        named = {who: run for who, run in runs.items() if who.startswith(("evidence-kit", "obstore"))}
        rows = objects.side_by_side("take", named, tmp_path, rounds=1)
    assert [row.who.partition(":")[0] for row in rows if not row.missing] == ["evidence-kit", "obstore, 16 threads"]


def test_a_tool_that_leaves_an_object_out_is_not_measured(objects, tmp_path):
    with pytest.raises(RuntimeError, match="0 of 3 objects"):
        objects._counted(lambda _: None, 3)(tmp_path)
