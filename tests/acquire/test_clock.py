"""What a case says about clocks: the machine's own, and the providers' against it."""

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import casemaker
from support.casemaker import SOURCE, TARGET, WINDOW, PagesFromMemory, make_case

from evidence_kit.acquire import clock
from evidence_kit.acquire.clock import LocalClock, Spread, local_clock, provider_offsets
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag
from evidence_kit.custody.ledger import Chain


def test_a_clock_that_the_kernel_keeps_in_step_is_synchronised() -> None:
    assert local_clock(lambda: (0, 0x2001, 1500)) == LocalClock("adjtimex", synchronized=True, max_error_us=1500)


@pytest.mark.parametrize(("state", "status"), [(5, 0x2001), (0, 0x2041), (5, 0x40)])
def test_a_clock_that_drifts_freely_is_not(state, status) -> None:
    assert local_clock(lambda: (state, status, 16_000_000)).synchronized is False


@pytest.mark.parametrize("error", [OSError(1, "not permitted"), AttributeError("adjtimex")])
def test_where_nobody_says_it_is_unknown(error) -> None:
    def ask():
        raise error

    said = local_clock(ask).to_json()
    assert said == {"source": "unknown", "synchronized": None, "maxErrorMicroseconds": None}


@pytest.mark.skipif(sys.platform != "linux", reason="this is not Linux")
def test_this_machines_kernel_answers() -> None:
    said = local_clock()

    assert said.source == "adjtimex"
    assert isinstance(said.synchronized, bool)
    assert said.max_error_us is not None
    assert said.max_error_us >= 0


def line(chain, unit, skew, **more):
    fields = {"unit": unit, "request": {"host": "h.example.com", "params": {}}, "clockSkew": skew, **more}
    return chain.line("exchange", fields)


def test_offsets_are_told_apart_by_provider() -> None:
    chain = Chain()
    lines = [line(chain, "aws.a|1|-|-|-", skew) for skew in (-1.5, 0.2, 3.0)]
    lines += [line(chain, "gcp.b|1|-|-|-", 0.0), line(chain, "aws.a|1|-|-|-", None), line(chain, "plan", 7.1)]
    lines.append(chain.line("unit", {"unit": "aws.a|1|-|-|-", "clockSkew": 99.0}))
    found = provider_offsets(lines)

    assert {name: (s.samples, s.low, s.median, s.high) for name, s in found.items()} == {
        "aws": (3, -1.5, 0.2, 3.0),
        "gcp": (1, 0.0, 0.0, 0.0),
        "h.example.com": (1, 7.1, 7.1, 7.1),
    }


def test_what_a_provider_writes_cannot_pass_for_an_offset() -> None:
    hostile = '","clockSkew":999.0,"x":"'
    chain = Chain()
    found = provider_offsets([line(chain, "aws.a|1", 0.5, a=hostile, headers={"date": hostile})])

    assert (found["aws"].samples, found["aws"].high) == (1, 0.5)


def test_providers_are_bounded() -> None:
    chain = Chain()
    assert len(provider_offsets(line(chain, f"p{n}.x|1", 0.1) for n in range(200))) == clock.MAX_PROVIDERS


@given(st.lists(st.integers(-600, 600), min_size=1, max_size=200))
def test_the_median_is_the_lower_median(tenths) -> None:
    spread = Spread()
    for value in tenths:
        spread.add(value / 10)

    assert spread.median == pytest.approx(sorted(tenths)[(len(tenths) - 1) // 2] / 10)
    assert (spread.low, spread.high) == (min(tenths) / 10, max(tenths) / 10)


def test_wild_offsets_take_bounded_memory_and_stay_about_right() -> None:
    spread = Spread()
    for value in range(-50_000, 50_001):
        spread.add(value * 1.7)

    assert len(spread.counts) <= clock.MAX_BUCKETS
    assert abs(spread.median) < 20
    assert spread.samples == 100_001


def record(case):
    return json.loads((case.root / case.bag / bag.ACQUISITION).read_bytes())["clock"]


@pytest.mark.parametrize("sealed", [True, False])
def test_an_acquisition_records_both_clocks_also_when_it_was_resumed(tmp_path, monkeypatch, sealed) -> None:
    real = casemaker.exchange

    def ahead(operation, body):
        return replace(real(operation, body), headers={"date": "Sat, 21 Nov 2026 21:30:04 GMT"})

    monkeypatch.setattr(casemaker, "exchange", ahead)
    case = make_case(tmp_path / "case", sealed=sealed, names=())
    if not sealed:
        vault = case.vault
        order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
        with vault.lock(), vault.working():
            case.engine(PagesFromMemory(), vault).resume(case.bag.removeprefix("bags/"), order)

    said = record(case)
    assert set(said["local"]) == {"source", "synchronized", "maxErrorMicroseconds"}
    assert said["providers"] == [{"name": "test", "samples": 2, "min": 3.9, "median": 3.9, "max": 3.9}]
    assert case.verify().authentic
