"""One acquisition from its first custody event to its seal, and the same again after a crash."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.acquire.callers import callers
from evidence_kit.acquire.clock import clock_record, local_clock
from evidence_kit.acquire.context import Memory, World
from evidence_kit.acquire.description import local_offset
from evidence_kit.acquire.dispatch import Away, Dispatch
from evidence_kit.acquire.environment import TOOL, environment, redacted
from evidence_kit.acquire.observer import Observer, Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.recorder import Attempt, Line, Recorder, outcome_json
from evidence_kit.acquire.recovery import Recovered, recover
from evidence_kit.acquire.scope import Order, planned_json, planned_unit
from evidence_kit.acquire.sealing import SealedBag, seal_bag
from evidence_kit.custody import bag, ledger, log, statement
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.log import Keeper
from evidence_kit.errors import EmptyError, EvidenceKitError, Exit
from evidence_kit.model.ports import Collector
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import compact, rfc3339
from evidence_kit.model.unit import Outcome, Unit
from evidence_kit.signers.file import KeySigner, acquisition_signer
from evidence_kit.vaults.local import LocalVault

# Units wait for their budgets most of the time; threads are sized by budgets, not by cores.
WORKERS = 256
_TAIL_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no letters that are read as digits


def _no_secret(name: str) -> str:
    raise EmptyError(f"no secret `{name}` was given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an acquisition ended, for the operator."""

    sealed: SealedBag
    outcomes: tuple[Outcome, ...]
    failure: EvidenceKitError | None = None

    @property
    def exit(self) -> Exit:
        """Return VAULT if storing failed, INCOMPLETE if anything is missing, else OK."""
        if self.failure:
            return self.failure.exit
        return Exit.INCOMPLETE if self.sealed.totals.missing else Exit.OK


@dataclass(slots=True, kw_only=True)
class Engine:
    """Everything that acquisitions into one case need."""

    vault: LocalVault
    keeper: Keeper
    collectors: Mapping[str, Collector]
    now: Callable[[], datetime]
    arguments: Sequence[str] = ()
    secret: Callable[[str], str] = _no_secret
    observer: Observer = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)
    executor: Callable[[int], Executor] = ThreadPoolExecutor
    workers: int = WORKERS
    backoff: float = 0.5
    away: Away | None = None

    def world(self) -> World:
        """Return what the units of one run share."""
        return World(
            now=self.now,
            secret=self.secret,
            pacer=Pacer(),
            observer=self.observer,
            stop=self.stop,
            backoff=self.backoff,
        )

    # -- a new acquisition ---------------------------------------------------------------------------------

    def collect(self, order: Order, plan: Plan | None = None) -> Result:
        """Plan, acquire and seal. A `plan` made elsewhere takes up open units again."""
        plan = plan if plan is not None else make_plan(order, self.collectors, self.world())
        if not plan.units:
            raise EmptyError("nothing is open; there is nothing to take up again")
        name = f"{compact(self.now())}-{''.join(secrets.choice(_TAIL_ALPHABET) for _ in range(6))}"
        return self._begin(log.STARTED, name, order, plan)

    def _begin(self, event: str, name: str, order: Order, plan: Plan) -> Result:
        """Take up an empty bag: a key of its own, the whole plan on record, then the evidence."""
        signer = acquisition_signer()
        self._endorse(event, name, signer, order)
        root = f"bags/{name}"
        self.vault.append(f"{root}/{bag.ATTESTATIONS}", b"")
        recorder = self._recorder(root, name, signer, Chain())
        recorder.start()
        self._record_plan(recorder, name, signer, order, plan)
        return self._run(self.world(), name, signer, recorder, order, plan.units, {})

    def _endorse(self, event: str, name: str, signer: KeySigner, order: Order) -> None:
        """Let the identity key vouch for the acquisition's own key, before that signs anything."""
        path = f"bags/{name}/{bag.ACQUISITION_KEYS}#{signer.keyid}"
        subject = statement.Subject(path, hashlib.sha256(signer.public_key_pem).hexdigest())
        said = {
            "id": name,
            "keyid": signer.keyid,
            "publicKey": signer.public_key_pem.decode(),
            "order": order.to_json(),
        }
        self.keeper.append(event, at=self.now(), subjects=[subject], fields={"acquisition": said})

    def _recorder(self, root: str, name: str, signer: KeySigner, chain: Chain) -> Recorder:
        context = {"case": self.keeper.state().case, "acquisition": name, "collector": TOOL}
        return Recorder(
            vault=self.vault, root=root, signer=signer, chain=chain, context=context, observer=self.observer
        )

    def _record_plan(self, recorder: Recorder, name: str, signer: KeySigner, order: Order, plan: Plan) -> None:
        specs = [self.collectors[source].spec for source in order.sources if source in self.collectors]
        opened = {
            "acquisition": name,
            "at": rfc3339(self.now()),
            "keyid": signer.keyid,
            "order": order.to_json(),
            "sources": [{"name": s.name, "mechanism": s.mechanism, "digest": s.digest} for s in specs],
        }
        recorder.submit(Line(ledger.OPENED, opened))
        for exchange in plan.exchanges:
            recorder.submit(Attempt("plan", exchange))
        for unit in plan.units:
            recorder.submit(Line(ledger.PLANNED, planned_json(unit)))
        recorder.submit(Line(ledger.PLAN_CLOSED, {"units": len(plan.units)}))
        recorder.flush()

    # -- running -------------------------------------------------------------------------------------------

    def _run(
        self,
        world: World,
        name: str,
        signer: KeySigner,
        recorder: Recorder,
        order: Order,
        units: Sequence[Unit],
        memory: Mapping[str, Memory],
    ) -> Result:
        self.observer.planned(tuple(units))
        dispatch = Dispatch(
            vault=self.vault,
            collectors=self.collectors,
            recorder=recorder,
            world=world,
            order=order,
            executor=self.executor,
            workers=self.workers,
            away=self.away,
        )
        outcomes, failure = dispatch.run(units, memory)
        failure = failure or self._close(recorder)
        if failure is not None:
            outcomes += self._close_after_failure(name, recorder)
        signer.destroy()
        sealed = self._seal(name, order)
        return Result(sealed=sealed, outcomes=outcomes, failure=failure)

    def _close(self, recorder: Recorder) -> EvidenceKitError | None:
        try:
            recorder.submit(Line(ledger.CLOSED, {"at": rfc3339(self.now())}))
            recorder.flush()
            recorder.stop()
        except EvidenceKitError as error:
            return error
        return None

    def _close_after_failure(self, name: str, recorder: Recorder) -> tuple[Outcome, ...]:
        """After a full or failing disk: bring the bag back to what is acknowledged and close what is open."""
        root = f"bags/{name}"
        with suppress(EvidenceKitError):  # it is the failure that is being reported already
            recorder.stop()
        self.vault.close()
        self.vault.release_reserve()
        found = recover(self.vault, root, self.keeper.state().acquisitions[name].keys)
        lines = [found.chain.line(ledger.RESUMED, {"at": rfc3339(self.now()), "torn": found.torn.to_json()})]
        outcomes = tuple(
            Outcome(unit=unit, status=UnitStatus.PARTIAL_ERROR, reason="the store failed before this was finished")
            for unit in found.open
        )
        lines += [found.chain.line(ledger.UNIT, outcome_json(outcome)) for outcome in outcomes]
        lines.append(found.chain.line(ledger.CLOSED, {"at": rfc3339(self.now())}))
        self.vault.append(f"{root}/{bag.LEDGER}", ledger.lines(lines))
        return outcomes

    def _seal(self, name: str, order: Order) -> SealedBag:
        acquisition = self.keeper.state().acquisitions[name]
        record = {
            "acquisition": name,
            "case": self.keeper.state().case,
            "examiner": {"name": self.keeper.actor, "keyid": self.keeper.signer.keyid},
            "order": order.to_json(),
            "environment": environment(),
            "commandLine": redacted(self.arguments),
            "clock": clock_record(self.vault, acquisition.bag, local_clock()),
            "localOffset": local_offset(self.now()),
            "principals": list(callers(self.vault, acquisition.bag)),
        }
        return seal_bag(
            vault=self.vault,
            keeper=self.keeper,
            acquisition=acquisition,
            record=record,
            sealed_at=rfc3339(self.now()),
        )

    # -- after a crash -------------------------------------------------------------------------------------

    def resume(self, name: str, order: Order, plan: Callable[[], Plan] | None = None) -> Result:
        """Continue the unsealed acquisition `name`; what is complete is checked, not asked for again.

        `plan` makes the plan anew where the crash came before it was whole, if not the order alone decides it.
        """
        root = f"bags/{name}"
        plan = plan or (lambda: make_plan(order, self.collectors, self.world()))
        if self.vault.stat(f"{root}/{bag.LEDGER}") is None:
            return self._begin(log.RESUMED, name, order, plan())
        if self.vault.stat(f"{root}/{bag.SEAL}") is not None:
            # Mending could add a file that the seal does not cover; all that is left to do is to announce it.
            return Result(sealed=self._seal(name, order), outcomes=())
        found = recover(self.vault, root, self.keeper.state().acquisitions[name].keys)
        if found.closed:
            return Result(sealed=self._seal(name, order), outcomes=())
        if not found.plan_complete:
            self.vault.set_aside(f"{root}/{bag.LEDGER}", f"{found.torn.folder}/unfinished-plan.jsonl")
            return self._begin(log.RESUMED, name, order, plan())
        return self._continue(name, order, found)

    def _continue(self, name: str, order: Order, found: Recovered) -> Result:
        signer = acquisition_signer()
        self._endorse(log.RESUMED, name, signer, order)
        recorder = self._recorder(f"bags/{name}", name, signer, found.chain)
        recorder.start()
        line = {"at": rfc3339(self.now()), "keyid": signer.keyid, "torn": found.torn.to_json()}
        recorder.submit(Line(ledger.RESUMED, line))
        recorder.flush()
        units = tuple(found.open.values())
        return self._run(self.world(), name, signer, recorder, order, units, found.memory)


def unit_ends(
    vault: LocalVault, root: str, is_wanted: Callable[[ledger.Entry], bool]
) -> tuple[tuple[str, ...], tuple[Unit, ...]]:
    """Return the ids of all units of a bag, and those whose end `is_wanted`."""
    planned: dict[str, Unit] = {}
    wanted: list[str] = []
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        for entry in ledger.read(stream):
            if entry.kind == ledger.PLANNED:
                unit = planned_unit(entry.fields)
                planned[unit.id] = unit
            elif entry.kind == ledger.UNIT and is_wanted(entry):
                wanted.append(entry.text("unit"))
    return tuple(planned), tuple(planned[unit] for unit in wanted)
