"""What one run left: on disk, on the wire, in logs. Made once a run and asked by many tests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.custody import ledger
from evidence_kit.model.check import Report
from evidence_kit.model.unit import Outcome
from evidence_kit.testing.bench import Bench, Run
from evidence_kit.testing.provider import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One run and its case. `secrets` counts credentials in play; `leaked` says where one turned up, not which."""

    run: Run
    answers: tuple[Answer, ...]
    truth: int
    stored: tuple[bytes, ...]
    amiss: Mapping[str, int]
    planned: tuple[str, ...]
    ended: tuple[str, ...]
    exchanges: tuple[dict[str, object], ...]
    told: frozenset[datetime]
    secrets: int
    leaked: tuple[str, ...]
    report: Report

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Return how each unit ended."""
        return self.run.outcomes

    @property
    def failed(self) -> list[dict[str, object]]:
        """Return every attempt on record that was no success."""
        attempts = [line for line in self.exchanges if line["artifact"] is None]
        return [line for line in attempts if line["error"] or not str(line["status"]).startswith("2")]


def left(bench: Bench) -> Left:
    """Run, and gather what that left."""
    run = bench.run()
    secrets = {*bench.provider.secrets.values(), *bench.provider.canaries()}
    return Left(
        run=run,
        answers=tuple(bench.provider.answers()),
        truth=len(bench.provider.truth),
        stored=tuple(bench.stored()),
        amiss=bench.amiss(),
        planned=tuple(str(line["unit"]) for line in bench.ledger(ledger.PLANNED)),
        ended=tuple(str(line["unit"]) for line in bench.ledger(ledger.UNIT)),
        exchanges=tuple(bench.ledger(ledger.EXCHANGE)),
        told=frozenset(bench.clock.told),
        secrets=len(secrets),
        leaked=_leaked(bench, run, secrets),
        report=bench.verify(),
    )


def _leaked(bench: Bench, run: Run, secrets: set[str]) -> tuple[str, ...]:
    if not all(secrets):
        raise AssertionError("a credential that is empty is found everywhere")
    places = {
        "case": bench.everything(),
        "log": run.said.encode(),
        "errors": json.dumps([outcome.reason for outcome in run.outcomes]).encode(),
        "repr": repr(bench.make(bench.provider.source)).encode(),
    }
    return tuple(place for place, held in places.items() if any(one.encode() in held for one in secrets))
