"""What `resume` takes up: an unsealed acquisition first, else exactly the units that are still open."""

import pytest
from support.casemaker import SOURCE, TARGET, WINDOW, Crash, CrashingVault, PagesFromMemory

from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag
from evidence_kit.errors import EmptyError, Exit

ORDER = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
TWO = ("eu-west-1", "us-east-1")
HALF = PagesFromMemory(regions=TWO, partial=frozenset({"us-east-1"}))
WHOLE = PagesFromMemory(regions=TWO)


def run(case, collector, vault=None):
    vault = vault or case.vault
    with vault.lock(), vault.working():
        return find_work(vault).run(case.engine(collector, vault))


def test_only_the_open_units_of_sealed_acquisitions_are_taken_up(small_case) -> None:
    small_case.collect(HALF)
    result = run(small_case, WHOLE)

    assert [outcome.unit.split("|")[2] for outcome in result.outcomes] == ["us-east-1"]
    with pytest.raises(EmptyError):
        find_work(small_case.vault)


def test_a_unit_that_stays_open_is_offered_again(small_case) -> None:
    small_case.collect(HALF)
    run(small_case, HALF)

    assert [unit.region for unit in find_work(small_case.vault).units] == ["us-east-1"]


def test_an_unsealed_acquisition_comes_first(unsealed_case) -> None:
    work = find_work(unsealed_case.vault)

    assert work.acquisition
    run(unsealed_case, PagesFromMemory())
    assert unsealed_case.verify(each_signature=True).exit() == 0


class NoLedger(CrashingVault):
    """Loses power when the acquisition is endorsed, but nothing of its bag is there yet."""

    def append(self, path, data) -> None:
        if path.endswith(bag.ATTESTATIONS):
            raise Crash
        super().append(path, data)


def test_a_crash_while_open_units_were_taken_up_again_does_not_widen_the_order(small_case) -> None:
    small_case.collect(HALF)
    with pytest.raises(Crash):
        run(small_case, WHOLE, NoLedger(small_case.root))

    result = run(small_case, WHOLE)

    assert [outcome.unit.split("|")[2] for outcome in result.outcomes] == ["us-east-1"]
    assert small_case.verify().missing_units == 0


def test_resume_clears_the_working_folder_that_a_crash_after_the_last_event_left(small_case) -> None:
    left = small_case.root / ".work/reserve"
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"\0" * 10)
    assert small_case.verify().exit() is Exit.UNEXPECTED

    with pytest.raises(EmptyError):
        find_work(small_case.vault)

    assert small_case.verify().exit() is Exit.OK
