"""What `collect` and `resume` share: open the case, run under watch, stop on Ctrl-C, tell how it ended."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
from evidence_kit.acquire.run import Engine, Result
from evidence_kit.cli import elsewhere, output, progress, settings, timestamp
from evidence_kit.collectors.registry import build
from evidence_kit.errors import EmptyError, Exit
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.vaults.local import LocalVault

_SHOWN = 12  # findings a person reads at once
Work = Callable[[Engine], Result]


def run(
    case: Path,
    specs: Mapping[str, SourceSpec],
    *,
    key: str | None,
    workers: int,
    as_json: bool,
    work: Work,
    tsas: Sequence[str] = (),
    shared: MutableMapping[str, object] | None = None,
    executor: str | None = None,
) -> None:
    """Run `work` on a case, have the seal time-stamped where authorities are named, and exit with what it says."""
    authorities = timestamp.named(tsas)
    vault = LocalVault(case)
    described = read_description(vault)
    keeper = keeper_of(vault, settings.key_ring(), key)
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=settings.now())
        output.note(f"case      {described.get('id')}  {described.get('title')}  examiner {keeper.actor}")
        watch = progress.watch()
        engine = Engine(
            vault=vault,
            keeper=keeper,
            collectors=build(specs, shared),
            now=settings.now,
            secret=settings.secret,
            arguments=sys.argv[1:],
            observer=watch,
            workers=workers,
        )
        with interruptible(engine), elsewhere.away(executor, specs) as engine.away, watch:
            result = work(engine)
        if result.failure is None:
            timestamp.after_seal(vault, keeper, authorities, case)
    tell(result, case, as_json=as_json)


@contextmanager
def interruptible(engine: Engine) -> Iterator[None]:
    """Let the first Ctrl-C seal what is here, and the second stop at once."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if engine.stop.is_set():
            raise KeyboardInterrupt
        output.note("stopping: what has arrived is being sealed (Ctrl-C again to stop without the seal)")
        engine.stop.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(result: Result, case: Path, *, as_json: bool) -> None:
    """Say how an acquisition ended and exit with its code; the last line names the case."""
    sealed, totals = result.sealed, result.sealed.totals
    statuses = Counter(outcome.status for outcome in result.outcomes if not outcome.status.is_whole)
    if as_json:
        output.document(
            {
                "case": str(case),
                "acquisition": sealed.acquisition,
                "bag": sealed.bag,
                "seal": sealed.seal_sha256,
                "artifacts": totals.artifacts,
                "bytes": totals.bytes,
                "units": totals.units,
                "unitsMissing": totals.missing,
                "missing": [{"name": status.value, "units": count} for status, count in statuses.items()],
                "exit": int(result.exit),
            }
        )
    else:
        told = f"{output.plural(totals.artifacts, 'artifact')} · {output.size(totals.bytes)}"
        output.note(f"sealed    {sealed.bag} · {told} · seal {sealed.seal_sha256[:12]}")
        _tell_missing(result, case, statuses)
        output.data(f"case: {case}")
    if result.failure:
        raise result.failure
    if not totals.artifacts and totals.missing == 0:
        raise EmptyError("nothing was there to collect", hint="`evidence-kit coverage` shows what was asked")
    if result.exit is not Exit.OK:
        raise typer.Exit(result.exit)


def _tell_missing(result: Result, case: Path, statuses: Counter[UnitStatus]) -> None:
    findings = {f.message: f for outcome in result.outcomes for f in outcome.findings}
    for message in list(findings)[:_SHOWN]:
        output.note(f"finding   {message}")
    if len(findings) > _SHOWN:
        output.note(f"finding   … and {len(findings) - _SHOWN} more: `evidence-kit coverage {case}`")
    for status, count in statuses.items():
        example = next(o for o in result.outcomes if o.status is status)
        output.note(f"missing   {output.plural(count, 'unit')} {status.value}: {example.reason}")
    if statuses:
        output.note(
            f"hint: `evidence-kit coverage {case}` shows what; `evidence-kit resume {case}` tries the open ones again"
        )
