"""What every collector must do, whatever it speaks to; docs/writing-a-collector.md says how to inherit it."""
# ruff: noqa: D102, S101 - a test's name is its claim, and assert is how it speaks

import hashlib
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar, get_args

import pytest

from evidence_kit.collectors.registry import build
from evidence_kit.custody import ledger
from evidence_kit.errors import Exit
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.testing.bench import Bench
from evidence_kit.testing.left import Left, left
from evidence_kit.testing.provider import Fault, Kind, Provider

_ASKED_TO_WAIT = 7  # seconds; longer than any back-off that comes before it
_SETTLED = (UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED)
# Other bytes than a provider's own checksum promises may end in a word that is stronger yet.
_OUTAGE = {UnitStatus.PARTIAL_THROTTLED, UnitStatus.PARTIAL_ERROR, UnitStatus.INTEGRITY_FAILED}
# What can be exempted beside a kind of fault, with a reason.
PAGING, RETRY_AFTER, RESUME, SECRETS = "paging", "retry_after", "resume", "secrets"
EXEMPTIONS = frozenset({*get_args(Kind), PAGING, RETRY_AFTER, RESUME, SECRETS})


# One run a class and a fault; many tests ask of it.
_KNOWN: dict[tuple[type, Fault | None], Left] = {}


class CollectorConformance(ABC):
    """Inherit, and define `provider`; also `collector`, where the registry does not know the mechanism.

    `exempt` names what the provider cannot do (a fault it has not, `paging`, `retry_after`, `resume`, `secrets`) and
    why; each is a skip that says so. `skip` is how many requests pass before a fault strikes that then passes: one,
    so that it strikes in the middle.
    """

    exempt: ClassVar[Mapping[str, str]] = {}
    skip: ClassVar[int] = 1

    def __init_subclass__(cls, **more: object) -> None:
        """Refuse a test that lacks what is abstract: pytest passes over an abstract class without a word."""
        super().__init_subclass__(**more)
        missing = [name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False)]
        if missing and cls.__name__.startswith("Test"):
            raise TypeError(f"`{cls.__name__}` would test nothing: it does not define `{'`, `'.join(missing)}`")

    @abstractmethod
    def provider(self, folder: Path) -> AbstractContextManager[Provider]:
        """Start a provider with known answers: two pages or objects at least. `folder` is empty, and its own."""

    def collector(self, source: SourceSpec) -> Collector:
        """Return a new collector."""
        return build({source.name: source})[source.name]

    # -- fixtures ----------------------------------------------------------------------------------------------

    @contextmanager
    def _serving(self, folder: Path) -> Iterator[Bench]:
        (own := folder / "provider").mkdir()
        with self.provider(own) as provider, pytest.MonkeyPatch.context() as patch:
            for name, value in provider.environ.items():
                patch.setenv(name, value)
            yield Bench(folder, provider, self.collector)

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Return a case in front of a provider that is as new."""
        with self._serving(tmp_path) as bench:
            yield bench

    @pytest.fixture
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
        """Return what makes a new folder."""
        return lambda: tmp_path_factory.mktemp("conformance")

    @pytest.fixture
    def undisturbed(self, folder: Callable[[], Path]) -> Left:
        """Return what a run leaves in which nothing goes wrong."""
        return self._left(folder, None)

    @pytest.fixture
    def passing(self, folder: Callable[[], Path], kind: Kind) -> Left:
        """Return what a run leaves in the middle of which something goes wrong, once."""
        self._require(kind)
        return self._left(folder, Fault(kind=kind, skip=self.skip, after=_ASKED_TO_WAIT))

    @pytest.fixture
    def staying(self, folder: Callable[[], Path], kind: Kind) -> Left:
        """Return what a run leaves in which something goes wrong from the beginning to the end."""
        self._require(kind)
        return self._left(folder, Fault(kind=kind, times=None))

    def _left(self, folder: Callable[[], Path], fault: Fault | None) -> Left:
        key = (type(self), fault)
        if key not in _KNOWN:
            with self._serving(folder()) as bench:
                if fault is not None:
                    bench.provider.strike(fault)
                _KNOWN[key] = left(bench)
        return _KNOWN[key]

    def _require(self, what: str) -> None:
        if reason := self.exempt.get(what):
            pytest.skip(f"{what}: {reason}")

    # -- the suite itself --------------------------------------------------------------------------------------

    def test_every_exemption_is_one_that_the_suite_knows_and_has_a_reason(self) -> None:
        assert set(self.exempt) <= EXEMPTIONS
        assert all(self.exempt.values())

    def test_the_provider_has_something_to_lose(self, undisturbed: Left) -> None:
        assert undisturbed.truth > 1
        assert sum(answer.evidence for answer in undisturbed.answers) > 1

    # -- what arrives ------------------------------------------------------------------------------------------

    def test_the_bytes_stored_are_the_bytes_sent(self, undisturbed: Left) -> None:
        sent = (answer.body for answer in undisturbed.answers if answer.evidence)

        assert _digests(undisturbed.stored) == _digests(sent)

    def test_everything_there_is_to_find_is_stored_once(self, undisturbed: Left) -> None:
        assert undisturbed.amiss == {}

    def test_every_unit_ends_in_exactly_one_status(self, undisturbed: Left) -> None:
        assert undisturbed.planned
        assert Counter(undisturbed.ended) == Counter(set(undisturbed.planned))

    def test_an_undisturbed_run_is_whole(self, undisturbed: Left) -> None:
        ends = {outcome.unit: (outcome.status, outcome.reason) for outcome in undisturbed.outcomes}

        assert undisturbed.run.is_whole, ends
        assert UnitStatus.COMPLETE in {status for status, _ in ends.values()}

    def test_the_sealed_case_verifies(self, undisturbed: Left) -> None:
        report = undisturbed.report

        assert report.exit(require_complete=True) is Exit.OK, report.defects

    @pytest.mark.parametrize("kind", ["empty"])
    def test_zero_rows_are_said_to_be_zero(self, staying: Left) -> None:
        assert staying.run.is_whole, staying.outcomes
        for outcome in staying.outcomes:
            if outcome.status in _SETTLED:
                assert (outcome.records, outcome.artifacts > 0) == (0, True)
            else:
                assert outcome.reason

    # -- when what is asked ------------------------------------------------------------------------------------

    def test_nothing_is_asked_during_construction(self, bench: Bench) -> None:
        bench.make(bench.provider.source)

        assert list(bench.provider.answers()) == []

    def test_planning_asks_for_no_evidence_and_names_the_same_units_again(self, bench: Bench) -> None:
        first, second = ([unit.id for unit in bench.plan().units] for _ in range(2))

        assert first
        assert first == second
        assert bench.provider.evidence == []

    def test_no_page_is_asked_for_before_the_one_before_is_taken(self, undisturbed: Left) -> None:
        assert undisturbed.run.seen.items > 0
        assert undisturbed.run.seen.ahead == 0

    # -- paging ------------------------------------------------------------------------------------------------

    def test_every_page_names_the_next_one_and_the_last_of_a_call_none(self, undisturbed: Left) -> None:
        self._require(PAGING)
        cursors: defaultdict[tuple[str, str], list[str | None]] = defaultdict(list)
        for page in undisturbed.run.seen.pages:
            cursors[page.unit, page.name].append(page.cursor)

        assert {one[-1] for one in cursors.values()} == {None}
        assert any(cursor for one in cursors.values() for cursor in one)

    def test_an_end_before_the_last_page_is_a_truncation(self, bench: Bench) -> None:
        self._require(PAGING)
        run = bench.run(cut=True)

        assert UnitStatus.PARTIAL_TRUNCATED in {outcome.status for outcome in run.outcomes}

    @pytest.mark.parametrize("kind", ["loop"])
    def test_a_page_token_that_comes_back_ends_the_unit_and_not_as_whole(self, staying: Left) -> None:
        assert not staying.run.seen.ran_away
        assert not staying.run.is_whole

    # -- what goes wrong ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", ["throttled", "unavailable"])
    def test_an_outage_that_passes_costs_nothing(self, passing: Left) -> None:
        assert passing.run.is_whole, passing.outcomes
        assert passing.amiss == {}
        assert passing.report.exit(require_complete=True) is Exit.OK

    @pytest.mark.parametrize("kind", ["short", "html", "dropped", "expired"])
    def test_an_answer_that_is_none_loses_nothing_or_the_unit_says_so(self, passing: Left) -> None:
        if passing.run.is_whole:
            assert passing.amiss == {}
        assert passing.report.exit() is Exit.OK

    @pytest.mark.parametrize("kind", ["throttled", "unavailable", "short", "html", "dropped", "expired"])
    def test_every_failed_attempt_is_on_record(self, passing: Left) -> None:
        assert passing.failed

    @pytest.mark.parametrize("kind", ["throttled", "unavailable", "short", "html", "dropped"])
    def test_an_outage_that_stays_is_no_completeness(self, staying: Left) -> None:
        ends = {outcome.status for outcome in staying.outcomes}

        assert ends & _OUTAGE, staying.outcomes
        assert not ends & set(_SETTLED), staying.outcomes

    @pytest.mark.parametrize("kind", ["throttled"])
    def test_the_wait_that_the_provider_asks_for_is_kept(self, passing: Left) -> None:
        self._require(RETRY_AFTER)

        assert max(passing.run.waits, default=0) >= _ASKED_TO_WAIT

    @pytest.mark.parametrize("kind", ["denied"])
    def test_denied_is_denied_and_not_asked_again(self, staying: Left) -> None:
        ends = {outcome.status for outcome in staying.outcomes if not outcome.status.is_whole}

        assert ends, staying.outcomes
        assert ends <= {UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY}
        assert not {outcome.status for outcome in staying.outcomes} & set(_SETTLED)
        assert {line["attempt"] for line in staying.failed} == {1}

    # -- secrets and clocks ------------------------------------------------------------------------------------

    def test_no_credential_is_stored_recorded_or_logged(self, undisturbed: Left) -> None:
        self._require(SECRETS)
        assert undisturbed.secrets > 0
        assert undisturbed.leaked == ()

    @pytest.mark.parametrize("kind", ["denied", "expired", "unavailable", "html", "dropped"])
    def test_no_credential_is_in_what_is_said_of_a_failure(self, staying: Left) -> None:
        self._require(SECRETS)
        assert staying.secrets > 0
        assert staying.leaked == ()

    def test_every_time_on_record_has_a_zone(self, undisturbed: Left) -> None:
        times = [time for one in undisturbed.run.seen.exchanges for time in (one.sent_at, one.received_at)]

        assert times
        assert [time for time in times if time.utcoffset() is None] == []

    def test_every_time_on_record_is_one_that_the_context_told(self, undisturbed: Left) -> None:
        times = [str(line[name]) for line in undisturbed.exchanges for name in ("sentAt", "receivedAt")]

        assert times
        assert [time for time in times if datetime.fromisoformat(time) not in undisturbed.told] == []

    # -- resuming ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("torn", ["at the beginning", "before the end"])
    def test_a_torn_run_resumed_repeats_nothing_and_loses_nothing(
        self,
        undisturbed: Left,  # first, for it may run only now, and at a provider that is the bench's too
        bench: Bench,
        torn: str,
    ) -> None:
        self._require(RESUME)
        whole = len(undisturbed.stored)
        bench.tear(1 if torn == "at the beginning" else whole - 1)
        run = bench.resume()

        ends = {str(line["status"]) for line in bench.ledger(ledger.UNIT)}
        assert ends == {line.status.value for line in undisturbed.outcomes}, run.outcomes
        assert bench.amiss() == {}
        assert bench.verify().exit(require_complete=True) is Exit.OK
        # What had arrived and could not be stored is asked for again, and nothing else.
        assert len(bench.provider.evidence) <= whole + 1


def _digests(bodies: Iterable[bytes]) -> Counter[str]:
    return Counter(hashlib.sha256(body).hexdigest() for body in bodies)
