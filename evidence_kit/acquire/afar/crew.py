"""The workers of one acquisition: who is there, who has which budget, and who is not believed any more."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from evidence_kit.acquire.afar import site
from evidence_kit.errors import EvidenceKitError, PluginError, ProviderError
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Unit

Lane = tuple[str, ...]


class Lost(Exception):  # noqa: N818 - a worker's end, after which its unit is leased anew
    """A worker has gone, does not answer, or answers what cannot be taken."""


class Running(Protocol):
    """A lease that a worker works on."""

    def wait(self, seconds: float) -> Mapping[str, object] | None:
        """Return what the worker said, or None while it works; Lost if it never will."""
        ...

    def cancel(self) -> None:
        """Have nothing more to do with it."""
        ...


class Cluster(Protocol):
    """What carries calls to workers. A worker is named by its address."""

    def workers(self) -> Mapping[str, str]:
        """Return every worker that is there and where it keeps its files; ProviderError if nobody can be asked."""
        ...

    def versions(self, workers: Sequence[str]) -> Mapping[str, str | Exception]:
        """Return which evidence-kit each worker has; none is an exception."""
        ...

    def ask(self, worker: str, call: Callable[..., object], *args: object, seconds: float, **more: object) -> object:
        """Return what `call` returns on `worker`; Lost if it does not within `seconds`, or fails."""
        ...

    def ask_all(
        self, calls: Mapping[str, Mapping[str, object]], call: Callable[..., object], *args: object, seconds: float
    ) -> Mapping[str, object]:
        """Return what `call` returns on each worker, whose own arguments `calls` has, or the exception."""
        ...

    def start(self, worker: str, token: str, call: Callable[..., Mapping[str, object]], *args: object) -> Running:
        """Let `worker`, and no other, work on a lease. Never repeated by the cluster."""
        ...

    def close(self) -> None:
        """Let go of the cluster, which goes on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what is waited for, in seconds."""

    workers: float = 60.0  # a cluster without workers: adaptive ones start some within a minute
    silence: float = 60.0  # a worker that does not answer: longer than any pause of a garbage collector
    call: float = 120.0  # one answer of a worker: a piece of a spool over a slow line
    stop: float = 60.0  # what still runs when all were asked to stop
    beat: float = 2.0
    connect: float = 20.0  # a scheduler that is there answers within one
    leave: float = 5.0  # what a worker has to answer when we go; it closes by itself later


@dataclass(slots=True, kw_only=True)
class Hand:
    """One worker that acquires for us."""

    address: str
    process: str
    host: str
    synchronized: bool | None = None
    offset: float = 0.0  # its clock minus ours, in seconds, where that was measured best
    within: float = float("inf")  # how far the offset may be off
    heard: float = 0.0
    leases: int = 0
    done: list[str] = field(default_factory=list)  # spools that it may drop
    lost: str = ""

    def measured(self, at: float, asked: float, answered: float) -> None:
        """Take a sample of its clock; the one that took least time is the best."""
        if (half := (answered - asked) / 2) < self.within:
            self.offset, self.within = at - (asked + half), half


class Crew:
    """Keeps the workers. Units of one lane share budgets at the provider, so one worker has them all."""

    def __init__(
        self,
        cluster: Cluster,
        session: str,
        specs: Mapping[str, SourceSpec],
        *,
        now: Callable[[], datetime],
        note: Callable[[str], None],
        patience: Patience,
    ) -> None:
        self.cluster, self.session, self.patience = cluster, session, patience
        self._specs, self._now, self._note = specs, now, note
        providers = {spec.provider for spec in specs.values()}
        self._by_region = {
            name: all("region" in spec.limit.per for spec in specs.values() if spec.provider == name)
            for name in providers
        }
        self._hands: dict[str, Hand] = {}
        self._lanes: dict[Lane, Hand] = {}
        self._refused: set[str] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()  # the operator's
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._run, name="crew", daemon=True)

    # -- coming and going ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Greet the workers; PluginError if one would not collect as we would, ProviderError if there is none."""
        until = time.monotonic() + self.patience.workers
        told = False
        while not (found := self.cluster.workers()):
            if time.monotonic() > until:
                raise ProviderError(
                    f"the cluster has had no worker for {self.patience.workers:g} seconds",
                    hint="start one: `dask worker HOST:PORT`",
                )
            if not told:
                self._note(f"waiting for a worker of the cluster, {self.patience.workers:g} seconds at most")
            told = True
            time.sleep(min(0.2, self.patience.beat))
        for refusal in self._greet(found):
            raise refusal
        self._watch.start()

    def close(self) -> None:
        """Have every worker drop what it holds of this acquisition."""
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()
        calls: dict[str, Mapping[str, object]] = {address: {} for address in self._hands}
        self.cluster.ask_all(calls, site.close_site, self.session, seconds=self.patience.leave)
        self.cluster.close()

    def stop_with(self, stop: threading.Event) -> None:
        """Ask the workers to stop as soon as `stop` is set."""
        self._stop = stop

    def _greet(self, found: Mapping[str, str]) -> list[EvidenceKitError]:
        """Make the workers `found` ready; return why those are not that cannot be used."""
        from evidence_kit import __version__

        refusals: list[EvidenceKitError] = []
        fitting: dict[str, Mapping[str, object]] = {}
        for address, version in self.cluster.versions(list(found)).items():
            if isinstance(version, Exception):
                refusals.append(_refusal(address, f"has no evidence-kit that can be asked: {_told(version)}"))
            elif version != __version__:
                refusals.append(_refusal(address, f"has evidence-kit {version}, and this is {__version__}"))
            else:
                fitting[address] = {"below": found[address]}
        asked = self._now().timestamp()
        said = self.cluster.ask_all(fitting, site.open_site, self.session, self._specs, seconds=self.patience.call)
        answered = self._now().timestamp()
        for address, answer in said.items():
            if isinstance(answer, Mapping):
                self._take_on(address, answer, asked, answered)
            else:
                refusals.append(_refusal(address, f"cannot collect this: {_told(answer)}"))
        self._refused |= found.keys() - self._hands.keys()
        return refusals

    def _take_on(self, address: str, said: Mapping[str, object], asked: float, answered: float) -> None:
        hand = Hand(address=address, process=str(said["process"]), host=str(said["host"]))
        hand.synchronized, hand.heard = _truth(said["synchronized"]), time.monotonic()
        hand.measured(float(str(said["at"])), asked, answered)
        with self._changed:
            self._hands[address] = hand
            self._changed.notify_all()

    # -- watching ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.wait(self.patience.beat):
            with suppress(ProviderError):  # who cannot be asked has not left; silence tells in the end
                self._look(self.cluster.workers())
            self._beat()

    def _look(self, there: Mapping[str, str]) -> None:
        """Write off who has gone, and greet who came."""
        for hand in list(self._hands.values()):
            if hand.address not in there:
                self.write_off(hand, "it has left the cluster")
                with self._changed:
                    del self._hands[hand.address]
        self._refused &= there.keys()
        new = {
            address: below for address, below in there.items() if address not in self._hands.keys() | self._refused
        }
        for refusal in self._greet(new) if new else ():
            self._note(f"not used: {refusal.message}")

    def _beat(self) -> None:
        """Hear from every worker, the lost ones too: whoever comes back is told to stop."""
        hands = dict(self._hands)
        stop = self._stop.is_set()
        drops = {address: tuple(hand.done) for address, hand in hands.items()}
        calls = {
            address: {"stop": stop or bool(hand.lost), "drop": drops[address]} for address, hand in hands.items()
        }
        asked = self._now().timestamp()
        said = self.cluster.ask_all(calls, site.beat, self.session, seconds=max(5.0, self.patience.beat))
        answered = self._now().timestamp()
        for address, hand in hands.items():
            answer = said.get(address)
            if isinstance(answer, Mapping) and answer["process"] == hand.process:
                hand.heard = time.monotonic()
                with self._changed:
                    hand.done = hand.done[len(drops[address]) :]
                hand.measured(float(str(answer["at"])), asked, answered)
            elif isinstance(answer, EvidenceKitError):
                self.write_off(hand, answer.message)
                with self._changed:
                    self._hands.pop(address, None)
            elif time.monotonic() - hand.heard > self.patience.silence:
                self.write_off(hand, f"it did not answer for {self.patience.silence:g} seconds")

    # -- leasing -------------------------------------------------------------------------------------------

    def lane(self, unit: Unit) -> Lane:
        """Return what shares budgets with `unit`: its target, and its region where every source counts by region."""
        provider = self._specs[unit.source].provider
        return (provider, unit.target.id, *((unit.region,) if self._by_region[provider] else ()))

    def take(self, lane: Lane) -> Hand:
        """Return the worker of `lane`, for one more lease; Lost if there has been none for too long."""
        until = time.monotonic() + self.patience.workers
        with self._changed:
            while True:
                hand = self._lanes.get(lane)
                if hand is None or hand.lost:
                    able = [one for one in self._hands.values() if not one.lost]
                    hand = min(able, key=lambda one: one.leases, default=None)
                if hand is not None:
                    self._lanes[lane] = hand
                    hand.leases += 1
                    return hand
                left = until - time.monotonic()
                if left <= 0 or self._stop.is_set():
                    raise Lost("the cluster has no worker left")
                self._changed.wait(min(left, 1.0))

    def give_back(self, hand: Hand, token: str) -> None:
        """End one lease; its spool may go."""
        with self._changed:
            hand.leases -= 1
            hand.done.append(token)

    def write_off(self, hand: Hand, why: str) -> None:
        """Take nothing of this worker from here on; its leases are void."""
        with self._changed:
            if hand.lost:
                return
            hand.lost = why
            self._changed.notify_all()
        self._note(f"worker    {hand.host} ({hand.address}) is given up: {why}; its units are asked for anew")


def _refusal(address: str, why: str) -> PluginError:
    return PluginError(
        f"the worker {address} {why}",
        hint="every worker needs the same evidence-kit as the coordinator, with the plug-ins that are used",
    )


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _told(error: object) -> str:
    said = error.message if isinstance(error, EvidenceKitError) else f"{type(error).__name__}: {error}"
    return said[:300]
