"""Two hundred units that may each ask twice a second of a provider that takes 50 ms: who gets near 4.55 s.

Run with a name it is one of those that are compared, in a process of its own and, for a peer, by the peer's
interpreter; so nothing of the kit may be imported before ours is asked for.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measuring import ROUNDS, Row, Run, found, missing, program, side_by_side

UNITS = 200
PAGES = 10
RATE = 2.0
ANSWER = 0.05
IDEAL = (PAGES - 1) / RATE + ANSWER
WORK = f"{UNITS} units throttled at {RATE:g} a second, {PAGES} pages each"
_SELF = str(Path(__file__).resolve())


def waiting(base: Path, peers: Path | None, rounds: int = ROUNDS) -> list[Row]:
    """Compare the engine with plain threads, and with Dask's and Ray's on this machine."""
    runs: dict[str, Run | str] = {
        "evidence-kit: start, 2,000 signed and stored pages, seal": program(sys.executable, _SELF, "ours"),
        "ideal: sleeping so long": lambda _: time.sleep(IDEAL),
        "200 plain threads, nothing kept": program(sys.executable, _SELF, "threads"),
        "Dask local, 2 processes of 100 threads, nothing kept": _by("dask", peers),
        "Ray local, 2 actors of 100 threads, nothing kept": _by("ray", peers),
    }
    return side_by_side(WORK, runs, base, rounds=rounds)


def _by(name: str, peers: Path | None) -> Run | str:
    where = found(name, peers)
    return program(str(Path(where).with_name("python")), _SELF, name) if where else missing(name)


def unit(_: int) -> None:
    """Ask as often as one unit has pages, in its pace, without keeping anything."""
    ready = time.monotonic()
    for _number in range(PAGES):
        time.sleep(max(0.0, ready - time.monotonic()))
        ready = max(ready, time.monotonic()) + 1 / RATE
        time.sleep(ANSWER)


def ours() -> None:
    """Collect the same through the engine, each unit with a budget of its own."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from collections.abc import Iterable, Iterator
    from dataclasses import replace
    from datetime import UTC, datetime

    from support.casemaker import SOURCE, SPEC, TARGET, WINDOW, Case, exchange

    from evidence_kit.acquire.run import Engine
    from evidence_kit.acquire.scope import Order
    from evidence_kit.model.exchange import Item, Page
    from evidence_kit.model.ports import Context
    from evidence_kit.model.source import Limit, SourceSpec
    from evidence_kit.model.unit import Scope, Unit

    class Slow:
        spec: SourceSpec = replace(SPEC, step=None, limit=Limit(rps=RATE, burst=1))

        def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
            for number in range(UNITS):
                yield Unit(source=SOURCE, target=scope.target, region=f"r-{number}", window=scope.window)

        def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
            for number in range(PAGES):
                ctx.retrying((unit.region,), lambda _: time.sleep(ANSWER))
                body = b'{"unit":"%b","page":%d}' % (unit.region.encode(), number)
                cursor = str(number) if number < PAGES - 1 else None
                yield Page(name="List", body=body, exchange=exchange("List", body), next_cursor=cursor, records=1)

    case = Case(Path.cwd() / "case")
    case.open()
    vault = case.vault
    with vault.lock(), vault.working():
        engine = Engine(
            vault=vault, keeper=case.keeper_of(vault), collectors={SOURCE: Slow()}, now=lambda: datetime.now(UTC)
        )
        result = engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))
    if sum(outcome.pages for outcome in result.outcomes) != UNITS * PAGES:
        raise RuntimeError("the benchmark's own pages were not all taken")


def threads() -> None:
    """Do it in plain threads."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(UNITS) as pool:
        list(pool.map(unit, range(UNITS)))


def dask() -> None:
    """Do it on a local cluster."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=UNITS // 2, dashboard_address=None, local_directory=str(Path.cwd())
        ) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(unit, range(UNITS)))


def ray() -> None:
    """Do it on a local cluster: actors of a hundred threads each, as a process a task would be 200 processes."""
    import ray as its

    its.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

    @its.remote(max_concurrency=UNITS // 2)
    class Worker:
        def unit(self, number: int) -> None:
            unit(number)

    workers = [Worker.remote() for _ in range(2)]
    its.get([workers[number % 2].unit.remote(number) for number in range(UNITS)])
    its.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    {"ours": ours, "threads": threads, "dask": dask, "ray": ray}[sys.argv[1]]()
