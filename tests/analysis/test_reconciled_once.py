"""What coverage notes on its way spares reconciling the ledgers, and changes nothing of what it finds."""

from collections import Counter
from dataclasses import replace

import pytest
from support.casemaker import make_case
from support.sealed_records import FLOW, TRAIL, case_of, collect, event, trail
from support.watched import Watched

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.passes import changes
from evidence_kit.analysis.reconciliation import reconcile
from evidence_kit.custody import bag
from evidence_kit.sources.catalogue import load_catalogue

SPECS = load_catalogue()
LOST = b"version account-id log-status\n2 111122223333 SKIPDATA\n"


@pytest.fixture
def twice(tmp_path):
    """A case of flow logs that lost data and of a trail that was collected again with one event more."""
    case = case_of(tmp_path / "case", {FLOW: {"a.log": LOST}, TRAIL: {"a.json.gz": trail([event(1)])}})
    collect(case, {TRAIL: {"a.json.gz": trail([event(1), event(2)])}})
    return case


def test_with_and_without_what_coverage_noted_the_same_is_found(twice) -> None:
    noted = read_coverage(twice.vault)
    unknown = replace(noted, held=None, passes=None)
    found = reconcile(twice.vault, noted, None, SPECS)
    assert found == reconcile(twice.vault, unknown, None, SPECS)
    assert {one.kind for one in found} == {"skipped_by_provider", "delivered_late"}


def test_coverage_notes_the_sources_of_artifacts_and_what_was_collected_again(twice) -> None:
    noted = read_coverage(twice.vault)
    assert noted.held == {FLOW, TRAIL}
    ((unit, (before, after)),) = noted.passes.items()
    assert unit.startswith(f"{TRAIL}|")
    assert before != after
    assert changes(twice.vault, SPECS) == changes(twice.vault, SPECS, noted.passes)


def test_a_case_with_nothing_to_compare_has_its_ledger_read_once(tmp_path) -> None:
    vault = Watched(make_case(tmp_path / "case").root)
    assert reconcile(vault, read_coverage(vault), None, SPECS) == ()
    assert set(vault.ledgers().values()) == {1}


def test_whoever_asks_is_told_every_line_once(twice) -> None:
    told = Counter()
    read_coverage(twice.vault, seen=lambda root, entry: told.update([(root, entry.end)]))
    assert set(told.values()) == {1}
    assert len(told) == sum(
        len((twice.root / root / bag.LEDGER).read_bytes().splitlines()) for root in {root for root, _ in told}
    )
