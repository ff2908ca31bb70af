"""Collects or verifies a large bag in a process of its own, and prints what it cost as one JSON object."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from support import memory
from support.casemaker import SOURCE, SPEC, exchange
from support.lab import END, Lab, from_pem, target, to_pem

from evidence_kit.acquire.observer import Silent
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Outcome, Scope, Unit

UNITS = 20
WINDOW = Window(END - timedelta(hours=26), END)


class Pages:
    """As many small pages as are wanted, as LookupEvents would describe them."""

    spec = SPEC

    def __init__(self, pages: int) -> None:
        self._pages = pages

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        for n in range(UNITS):
            yield Unit(source=SOURCE, target=scope.target, region=f"region-{n}", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        each = self._pages // UNITS
        for n in range(each):
            body = json.dumps({"Events": [{"EventId": f"{unit.region}-{n}"}]}).encode()
            told = replace(exchange(f"LookupEvents {n}", body), sent_at=ctx.now(), received_at=ctx.now())
            if stored := ctx.replay(told.request.digest):
                body, told = stored.body, stored.exchange
            cursor = None if n + 1 == each else f"{n}"
            yield Page(name="LookupEvents", body=body, exchange=told, next_cursor=cursor, records=1)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Stopwatch(Silent):
    """Notes when the last unit has ended, which is when sealing begins."""

    def __init__(self) -> None:
        self.at = self.cpu = 0.0

    def closed(self, unit: Unit, outcome: Outcome) -> None:
        self.at, self.cpu = time.monotonic(), cpu()


def collect(root: Path, pages: int) -> dict[str, float]:
    lab = Lab(root, WINDOW).open()
    for name, signer in (("signer", lab.signer), ("log", lab.log_signer)):
        (root.parent / f"{name}.pem").write_text(to_pem(signer))
    watch = Stopwatch()
    began, began_cpu = time.monotonic(), cpu()
    with lab.vault.lock(), lab.vault.working():
        engine = lab.engine({SOURCE: Pages(pages)}, observer=watch)
        result = engine.collect(lab.order(SOURCE, targets=(target(),)))
    ended = time.monotonic()
    assert result.exit == 0, result
    return {
        "pages": result.sealed.totals.artifacts,
        "seconds": watch.at - began,
        "cpu": watch.cpu - began_cpu,
        "seal_seconds": ended - watch.at,
    }


def reopen(root: Path) -> Lab:
    keys = [from_pem((root.parent / f"{name}.pem").read_text()) for name in ("signer", "log")]
    return Lab(root, WINDOW, signer=keys[0], log_signer=keys[1])


def resume(root: Path, pages: int) -> dict[str, float]:
    lab = reopen(root)
    began = time.monotonic()
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
        (name,) = lab.keeper.state().acquisitions
        result = lab.engine({SOURCE: Pages(pages)}).resume(name, lab.order(SOURCE, targets=(target(),)))
    assert result.exit == 0, result
    return {"pages": result.sealed.totals.artifacts, "seconds": time.monotonic() - began}


def verify(root: Path, *, each: bool) -> dict[str, float]:
    lab = reopen(root)
    began = time.monotonic()
    report = lab.verify(each_signature=each)
    assert report.exit(require_complete=True) == 0, report.defects[:3]
    return {"seconds": time.monotonic() - began}


def main() -> None:
    act, root, pages = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    acts = {"collect": collect, "resume": resume}
    cost = acts[act](root, pages) if act in acts else verify(root, each=act == "verify-each")
    rss = memory.peak() / 1024
    sys.stdout.write(json.dumps({**cost, "rss_mb": rss}) + "\n")


if __name__ == "__main__":
    main()
