"""A worker's side: it asks the provider, spools what arrives and hands it out. It holds no key and writes no case.

One site is what one acquisition has in one process: the collectors, the budgets and the spool. Nothing here knows
which cluster carries the calls.
"""

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import BinaryIO, Self

from evidence_kit.acquire.afar.frames import frame, frames
from evidence_kit.acquire.clock import local_clock
from evidence_kit.acquire.context import FIRST_BACKOFF, Memory, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.recorder import Artifact, Attempt, Line
from evidence_kit.acquire.scope import planned_unit
from evidence_kit.acquire.worker import Worker
from evidence_kit.collectors.partner.secrets import SecretStore
from evidence_kit.collectors.registry import build
from evidence_kit.errors import EvidenceKitError, PluginError, VaultError
from evidence_kit.model.exchange import Recorded
from evidence_kit.model.ports import Collector, Stored
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Outcome, Unit
from evidence_kit.sources.catalogue import load_catalogue
from evidence_kit.vaults.local import WORK, LocalVault

PROCESS = secrets.token_hex(8)  # tells this process from another that took its address
# A coordinator that has not been heard of for so long has died or was cut off: nobody will fetch what is here.
FORSAKEN = 300.0
INLINE = 128 << 10  # what is so small travels with the answer; most units are one page of a few kilobytes
_JOURNAL, _MEMORY = "journal", "memory"


@dataclass(slots=True)
class Site:
    """One acquisition in this process."""

    folder: Path
    collectors: Mapping[str, Collector]
    world: World
    forsaken: float
    timer: threading.Timer | None = None

    def heard(self, forget: Callable[[], None]) -> None:
        """Wait anew for the coordinator to fall silent."""
        if self.timer:
            self.timer.cancel()
        self.timer = threading.Timer(self.forsaken, forget)
        self.timer.daemon = True
        self.timer.start()


_SITES: dict[str, Site] = {}


# -- one acquisition -----------------------------------------------------------------------------------------------


def open_site(
    session: str,
    specs: Mapping[str, SourceSpec],
    below: str,
    *,
    backoff: float = FIRST_BACKOFF,
    forsaken: float = FORSAKEN,
) -> dict[str, object]:
    """Make ready for `session`; PluginError where this process would collect by other descriptions."""
    ours = load_catalogue()
    others = sorted(name for name, spec in specs.items() if name in ours and ours[name].digest != spec.digest)
    if others:
        raise PluginError(f"its description of `{others[0]}` is another")
    if session not in _SITES:
        folder = Path(below) / f"evidence-kit-{session}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        world = World(
            now=_now, secret=SecretStore(os.environ), pacer=Pacer(), observer=Silent(), backoff=backoff
        )  # fmt: skip
        _SITES[session] = Site(folder=folder, collectors=build(specs), world=world, forsaken=forsaken)
    return beat(session, stop=False, drop=())


def beat(session: str, *, stop: bool, drop: Sequence[str]) -> dict[str, object]:
    """Hear from the coordinator: whether to stop, and which spools it has; say who and when we are."""
    site = _site(session)
    if stop:
        site.world.stop.set()
    for token in drop:
        shutil.rmtree(_spool(site, token), ignore_errors=True)
    site.heard(lambda: close_site(session))
    clock = local_clock()
    return {"process": PROCESS, "host": gethostname(), "at": _now().timestamp(), "synchronized": clock.synchronized}


def close_site(session: str) -> None:
    """Stop what runs for `session` and drop its spool; what it brought is in the case or was never part of it."""
    site = _SITES.pop(session, None)
    if site is None:
        return
    site.world.stop.set()
    if site.timer:
        site.timer.cancel()
    shutil.rmtree(site.folder, ignore_errors=True)


def _site(session: str) -> Site:
    try:
        return _SITES[session]
    except KeyError:
        raise VaultError("this process knows nothing of the acquisition") from None


def _spool(site: Site, token: str) -> Path:
    if not token.isalnum():
        raise VaultError("this is no lease")
    return site.folder / token


def _now() -> datetime:
    return datetime.now(UTC)


# -- one lease -----------------------------------------------------------------------------------------------------


def keep(session: str, token: str, memory: bytes) -> None:
    """Take what an earlier run of the unit stored, frame by frame, before its lease begins."""
    folder = _spool(_site(session), token)
    folder.mkdir(mode=0o700, exist_ok=True)
    with _storing(), (folder / _MEMORY).open("ab") as out:
        out.write(memory)


def run_lease(
    session: str, token: str, planned: Mapping[str, object], downloads: Mapping[str, tuple[int, str]], pages: int
) -> dict[str, object]:
    """Acquire one unit into a spool of its own, and say what is there; `error` where the spool failed."""
    said: dict[str, object] = {"process": PROCESS, "token": token}
    try:
        site = _site(session)
        unit = planned_unit(planned)
        folder = _spool(site, token)
        (folder / WORK).mkdir(mode=0o700, parents=True)
        with Journal(folder / _JOURNAL) as journal:
            worker = Worker(
                unit=unit,
                collector=site.collectors[unit.source],
                vault=LocalVault(folder, reserve=0),
                recorder=journal,
                world=site.world,
                memory=_remembered(folder / _MEMORY, downloads, pages),
            )
            worker.run()
    except (EvidenceKitError, OSError) as error:
        return {**said, "error": str(error)}
    whole = journal.size + journal.stored
    return {
        **said,
        "journal": (journal.sha256, journal.size),
        "inline": _inlined(folder, journal.handles) if whole <= INLINE else {},
    }


def _inlined(folder: Path, handles: Sequence[str]) -> dict[str, bytes]:
    return {handle: (folder / handle).read_bytes() for handle in (_JOURNAL, *handles)}


def read(session: str, token: str, wanted: Sequence[tuple[str, int, int]]) -> list[bytes]:
    """Return pieces of the files of a spool: `(handle, offset, length)` each."""
    folder = _spool(_site(session), token)
    found: list[bytes] = []
    for handle, offset, length in wanted:
        name = handle.removeprefix(f"{WORK}/")
        if "/" in name or name.startswith("."):
            raise VaultError("this is no file of a spool")
        with _storing(), (folder / handle).open("rb") as stream:
            stream.seek(offset)
            found.append(stream.read(length))
    return found


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VaultError(f"the worker's spool fails: {(error.strerror or '').lower()}") from error


@dataclass(slots=True)
class Journal:
    """Takes what a recorder takes, in its order, without signing or recording any of it."""

    path: Path
    size: int = 0
    stored: int = 0
    handles: list[str] = field(default_factory=list)
    sha256: str = ""
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _out: BinaryIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Begin the file."""
        with _storing():
            self._out = self.path.open("xb")
        return self

    def __exit__(self, *_: object) -> None:
        """End the file."""
        self.sha256 = self._hash.hexdigest()
        if self._out:
            with _storing():
                self._out.close()

    def submit(self, work: Artifact | Attempt | Line) -> None:
        """Note one piece of work."""
        self._write(work, work.stored if isinstance(work, Artifact) else None)

    def close_unit(self, unit: Unit, outcome: Outcome) -> None:
        """Note how the unit ended, behind everything else."""
        del unit
        self._write(outcome)

    def _write(self, record: object, stored: Stored | None = None) -> None:
        data = frame(record)
        with self._lock, _storing():  # a unit may bring in bulk, by threads of its own
            if self._out is None:
                raise VaultError("the worker's spool is closed")
            self._out.write(data)
            self._hash.update(data)
            self.size += len(data)
            if stored:
                self.handles.append(stored.handle)
                self.stored += stored.size


def _remembered(path: Path, downloads: Mapping[str, tuple[int, str]], pages: int) -> Memory:
    """Return what an earlier run stored; bodies stay in the file until they are asked for."""
    memory = Memory(downloads=dict(downloads), pages=pages)
    if not path.exists():
        return memory
    with path.open("rb") as stream:
        offset = 0
        for one in frames(stream):
            if isinstance(one, Recorded):
                memory.answers[one.exchange.request.digest].append(_answer(path, offset))
            offset = stream.tell()
    return memory


def _answer(path: Path, offset: int) -> Callable[[], Recorded]:
    def again() -> Recorded:
        with path.open("rb") as stream:
            stream.seek(offset)
            one = next(frames(stream))
        if not isinstance(one, Recorded):
            raise VaultError("the worker's spool was altered")
        return one

    return again
