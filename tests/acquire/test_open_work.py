"""What `resume` takes up: an unsealed acquisition first, else exactly the units that are still open."""

from dataclasses import replace

import pytest
from support.casemaker import SOURCE, SPEC, TARGET, WINDOW, Crash, CrashingVault, PagesFromMemory
from support.lab import Lab
from support.preserving import Room

from evidence_kit.acquire.open_work import find_unsettled, find_work
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag
from evidence_kit.errors import EmptyError, Exit, UsageError
from evidence_kit.model.exchange import Closed, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target, Unit

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


# -- what changes a target -----------------------------------------------------------------------------------------

SNAPSHOT, INSTANCE = "aws.ec2.snapshot_volumes", {"instance_id": "i-0123456789abcdef0"}


@pytest.fixture
def room(tmp_path):
    """A case at a target that the inventory lets nobody change."""
    lab = Lab(tmp_path / "case", WINDOW).open()
    return Room(lab, Target(provider="aws", id="111122223333", name="shop", regions=("us-east-1",)))


class Copying:
    """A snapshot whose copy is not finished: what the provider answers for hours."""

    spec = replace(SPEC, name=SNAPSHOT)

    def units(self, scope, ctx):
        yield Unit(source=SNAPSHOT, target=scope.target, region="us-east-1", window=None)

    def acquire(self, unit, ctx):
        yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason="still being copied")


def collect(lab, collectors, vault=None):
    lab.vault = vault or lab.vault
    with lab.vault.lock(), lab.vault.working():
        return lab.engine(collectors).collect(lab.order(*collectors, targets=(TARGET,)))


def test_an_action_is_left_to_its_playbook_and_hides_nothing_else_that_is_open(room):
    (denied,) = room.do(SNAPSHOT, **INSTANCE).outcomes
    assert denied.status is UnitStatus.DENIED
    collect(room.lab, {SOURCE: HALF})

    work = find_work(room.lab.vault)

    assert (work.order.sources, [unit.source for unit in work.units]) == ((SOURCE,), [SOURCE])
    assert work.summary.endswith(f"; what is open of `{SNAPSHOT}` is left to its playbook")


def test_where_only_actions_are_open_they_are_named(room):
    room.do(SNAPSHOT, **INSTANCE)
    with pytest.raises(EmptyError, match=f"nothing is open that collects; what is open of `{SNAPSHOT}`"):
        find_work(room.lab.vault)


def test_a_snapshot_that_is_still_copied_is_not_reconciled(room):
    collect(room.lab, {SNAPSHOT: Copying()})
    with pytest.raises(EmptyError, match=f"nothing is left to reconcile; what is open of `{SNAPSHOT}`"):
        find_unsettled(room.lab.vault, lambda _: True)


def test_an_unsealed_action_is_its_playbooks_to_finish(room):
    with pytest.raises(Crash):
        collect(room.lab, {SNAPSHOT: Copying()}, NoLedger(room.lab.root))
    with pytest.raises(UsageError, match="belongs to a playbook") as refused:
        find_work(room.lab.vault)
    assert "playbook resume" in refused.value.hint


# -- what could not be enumerated ----------------------------------------------------------------------------------


class Shut(PagesFromMemory):
    """A provider that does not say which regions there are."""

    def units(self, scope, ctx):
        raise Stop(UnitStatus.DENIED, "the regions cannot be listed")


def test_what_could_not_be_planned_is_answered_by_the_units_that_stand_for_it(small_case) -> None:
    case = small_case
    case.collect(Shut(regions=TWO))
    (whole,) = find_work(case.vault).units
    result = run(case, WHOLE)

    ends = {outcome.unit: outcome for outcome in result.outcomes}
    assert (ends[whole.id].status, ends[whole.id].artifacts) == (UnitStatus.COMPLETE, 0)
    assert ends[whole.id].reason == "planned since, as 2 units with ends of their own"
    assert case.verify().exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError):
        find_work(case.vault)


def test_what_still_cannot_be_planned_stays_open(small_case) -> None:
    small_case.collect(Shut())
    run(small_case, Shut())

    assert [unit.region for unit in find_work(small_case.vault).units] == [""]
