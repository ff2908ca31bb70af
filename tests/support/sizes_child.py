"""Collects one source from a bucket into a new case, verifies it, and tells what came and how much memory it took."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from support.casemaker import Case
from support.memory import peak

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sources.catalogue import choose, load_catalogue

ACCOUNT = "111122223333"


def main(folder: Path, source: str) -> None:
    """Collect, verify, tell."""
    case = Case(folder / "case")
    case.open()
    vault = case.vault
    target = Target(provider="aws", id=ACCOUNT, name="large", regions=("us-east-1",))
    window = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    order = Order(sources=(source,), targets=(target,), window=window, params={"bucket": "large"})
    with vault.lock(), vault.working():
        engine = Engine(
            vault=vault,
            keeper=case.keeper_of(vault),
            collectors=build(choose((source,), load_catalogue())),
            now=lambda: datetime.now(UTC),
        )
        started = peak() >> 10
        (outcome,) = engine.collect(order).outcomes
    told = {
        "status": outcome.status.value,
        "reason": outcome.reason,
        "pages": outcome.pages,
        "artifacts": outcome.artifacts,
        "bytes": outcome.bytes,
        "started": started,
        "collected": peak() >> 10,
        "verdict": case.verify().exit().name,
        "verified": peak() >> 10,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
