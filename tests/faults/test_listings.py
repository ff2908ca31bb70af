"""A listing of a bucket on several pages, altered on its way: no object is lost unless the unit says so."""

import pytest
from faults.wire import Wire, between
from support.amazon import every_source, staged

SOURCE = "aws.s3.objects"
KEYS = [f"orders/{number:02}.csv" for number in range(9)]
OBJECTS = "".join(
    f'\n    - {{key: {key}, body: "{key}", modified: 2026-11-21T08:00:00Z, version: v1}}' for key in KEYS
)
TEXT = f"""params: {{bucket: shop-orders, prefix: orders/}}
bucket:
  name: shop-orders
  page: 2
  objects:{OBJECTS}
"""
LISTING = b"<ListVersionsResult"


def collected(folder, monkeypatch, wire):
    """Collect the bucket through `wire`; return how the unit ended, and the objects that are stored."""
    folder.mkdir()
    with between(wire), staged(every_source()[SOURCE], folder / "case", monkeypatch, TEXT.encode()) as stage:
        (outcome,) = stage.collect().outcomes
        return outcome, {body.decode() for _, body in stage.lab.bodies() if LISTING not in body}


def test_five_pages_are_read_to_their_end(tmp_path, monkeypatch):
    outcome, found = collected(tmp_path / "run", monkeypatch, Wire("drip", [LISTING]))
    assert outcome.status.is_whole
    assert found == set(KEYS)


@pytest.mark.parametrize("kind", ["hung_up", "garbage", "longer"])
def test_a_page_that_breaks_once_costs_nothing(kind, tmp_path, monkeypatch):
    outcome, found = collected(tmp_path / "run", monkeypatch, wire := Wire(kind, [LISTING]))
    assert wire.struck
    assert outcome.status.is_whole
    assert found == set(KEYS)


@pytest.mark.parametrize("kind", ["repeated", "again", "stale", "swapped"])
def test_a_page_in_another_ones_place_is_never_taken_for_all_there_is(kind, tmp_path, monkeypatch):
    outcome, found = collected(tmp_path / "first", monkeypatch, wire := Wire(kind, [LISTING]))
    if kind == "swapped":
        wire = wire.swapping(lists=True)
        outcome, found = collected(tmp_path / "second", monkeypatch, wire)
    assert wire.struck
    assert found == set(KEYS) or not outcome.status.is_whole
