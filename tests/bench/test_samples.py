"""The rates of labelled samples: what they count, and that they hold for those that are at hand."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

FOLDER = os.environ.get("EVIDENCE_KIT_SAMPLES", "")
LEAST = 0.98


@pytest.fixture
def samples(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "samples", module)
    spec.loader.exec_module(module)
    return module


def test_what_an_event_holds_is_counted_apart_from_what_is_found(samples, tmp_path) -> None:
    held = {"action": "repo.create", "actor": "dana", "actor_ip": "203.0.113.7", "created_at": "2026-11-20T10:00:00Z"}
    events = [
        held,
        {**held, "created_at": "2024-12-17 00:00:00000000"},
        {"action": "x"},
        {"eventType": "another log"},
    ]
    (tmp_path / "GitHub.Audit.jsonl").write_text("\n".join(map(json.dumps, events)) + "\nnot json\n")
    (tmp_path / "Nobody.Knows.jsonl").write_text("{}\n")
    (rate,) = samples.rates(tmp_path)
    assert (rate.events, rate.stubs) == (3, 2)
    assert rate.held == {"time": 1, "action": 3, "actor": 2, "src_ip": 2} == rate.found
    assert rate.mangled == ["2024-12-17 00:00:00000000"]
    assert rate.missed == []


def test_a_column_that_misses_what_is_held_is_shown(samples) -> None:
    rate = samples.Rate("x")
    rate.add({"a": "dana"}, {"actor": None}, {"actor": "a"})
    assert (rate.held["actor"], rate.found["actor"], rate.missed) == (1, 0, ["actor: dana"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-20T10:00:00Z", True),
        ("2022-10-08 20:03:39.234 Z", True),
        ("1795168800000", True),
        ("redacted", False),
        ("...", False),
        ("2024-12-17 00:00:00000000", False),
        ("2025-04-11:21:02.3387000Z", False),
    ],
)
def test_a_time_that_nobody_can_read_is_told_from_one_that_was_missed(samples, text, said) -> None:
    assert samples.is_time(text) is said


@pytest.mark.skipif(not FOLDER, reason="EVIDENCE_KIT_SAMPLES names no folder of labelled events")
def test_of_what_labelled_events_hold_no_column_misses_one_in_fifty(samples) -> None:
    found = list(samples.rates(Path(FOLDER)))
    assert found
    for rate in found:
        for column, held in rate.held.items():
            assert rate.found[column] >= LEAST * held, (rate.log, column, rate.missed)
