"""A Dask cluster of real processes on loopback, a provider that they ask, and the plug-in with which they do."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from support.afar_source import BUG, MECHANISM, STREAMS
from support.casemaker import SPEC

from evidence_kit.acquire.afar.crew import Patience
from evidence_kit.model.source import Limit
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.serving import LOOPBACK, LoopbackServer, free_port, running

ROOT = Path(__file__).parents[2]
SOURCE = "aws.afar"
PASSWORD = "not of this machine"
START_SECONDS = 120
PAGES, OBJECTS = 2, 2
QUICK = Patience(workers=20.0, silence=3.0, call=20.0, stop=20.0, beat=0.2, leave=1.0)


def spec(rps: float = 1_000_000.0, burst: int = 1_000_000, *, per: tuple[str, ...] = ("account",)):
    """Return the description of the source that the plug-in collects."""
    limit = Limit(rps=rps, burst=burst, per=per)
    return replace(SPEC, name=SOURCE, mechanism=MECHANISM, limit=limit, settle=timedelta(0))


# -- the provider --------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """What a provider saw of one request."""

    account: str
    path: str
    process: str
    at: float


class Provider(LoopbackServer):
    """Answers every stream alike, to whoever knows the password; `gate` keeps requests waiting while it is shut.

    One that is `eventful` has an event a second in each stream, told to whoever asks for a window with it.
    """

    def __init__(self, *, size: int = 300, eventful: bool = False) -> None:
        super().__init__(_Visit)
        self.size, self.eventful = size, eventful
        self.asked: list[Asked] = []
        self.gate = threading.Event()
        self.gate.set()
        self.gated = "/"  # how the paths begin that pass through the gate
        self.gates = [self.gate]
        self.guard = threading.Lock()

    def admit(self) -> threading.Event:
        """Keep nobody waiting who asks from now on; return the gate at which those of before still wait."""
        before, self.gate = self.gate, threading.Event()
        self.gate.set()
        self.gates.append(self.gate)
        return before

    def target(self, account: str, streams: int, **access: str) -> Target:
        """Return an account with that many streams."""
        return Target(provider="aws", id=account, access={"url": self.url, STREAMS: str(streams), **access})

    def by_account(self) -> dict[str, list[Asked]]:
        """Return what was asked of each account, in order."""
        found: dict[str, list[Asked]] = defaultdict(list)
        for one in self.asked:
            found[one.account].append(one)
        return found

    def times(self) -> Counter[str]:
        """Return how often each path was asked for."""
        return Counter(one.path for one in self.asked)


class _Visit(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        _, account, stream, *rest = self.path.split("/")
        if self.headers["Authorization"] != PASSWORD:
            self.send_error(403)
            return
        with self.server.guard:
            self.server.asked.append(Asked(account, self.path, self.headers["X-Process"], time.monotonic()))
        if self.path.startswith(self.server.gated):
            self.server.gate.wait(START_SECONDS)
        body = self._object(rest[1]) if rest[0] == "object" else self._page(stream, int(rest[0]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _page(self, stream: str, number: int) -> bytes:
        objects = [f"{stream}/page-{number}-object-{n}.bin" for n in range(OBJECTS)]
        marks = self._seconds(number) if self.server.eventful else [f"{number}-{n}" for n in range(3)]
        records = [{"id": f"{stream}-{mark}"} for mark in marks]
        return json.dumps({"records": records, "objects": objects, "last": number == PAGES - 1}).encode()

    def _seconds(self, number: int) -> list[str]:
        """Return the seconds of the window that a page tells of: every other one."""
        start, end = (math.ceil(float(at)) for at in self.headers["X-Window"].split())
        return [str(second) for second in range(start, end) if second % PAGES == number]

    def _object(self, name: str) -> bytes:
        return (name * (1 + self.server.size // len(name)))[: self.server.size].encode()


@contextmanager
def provider(*, size: int = 300, eventful: bool = False) -> Iterator[Provider]:
    """Serve until the block is left."""
    server = Provider(size=size, eventful=eventful)
    with running(server):
        try:
            yield server
        finally:
            for gate in server.gates:
                gate.set()


# -- the cluster ---------------------------------------------------------------------------------------------------


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own without anything of our environment."""

    folder: Path
    path: str
    processes: ExitStack
    environ: dict[str, str]
    port: int = field(default_factory=free_port)
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    scheduler: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Return what `--executor` takes."""
        return f"dask://{LOOPBACK}:{self.port}"

    def begin(self) -> None:
        """Start the scheduler."""
        arguments = ["scheduler", "--host", LOOPBACK, "--port", str(self.port), "--no-dashboard"]
        self.scheduler = self._start("scheduler", arguments, self.path)
        self._await("scheduler", "Scheduler at:")

    def add(self, *names: str, path: str = "") -> None:
        """Start workers side by side, which is done when all have registered."""
        for name in names:
            self._launch(name, path or self.path)
        for name in names:
            self._await(name, "Registered to:")

    def lose(self) -> None:
        """Kill the scheduler and all workers; `begin` starts it anew at the same address."""
        for process in (self.scheduler, *self.workers.values()):
            if process:
                _end(process)
        self.workers.clear()

    def _launch(self, name: str, path: str) -> None:
        arguments = [
            *("worker", f"tcp://{LOOPBACK}:{self.port}", "--name", name, "--host", LOOPBACK),
            *("--worker-port", str(free_port()), "--nthreads", "2", "--memory-limit", "0"),
            *("--no-nanny", "--no-dashboard", "--local-directory", str(self.folder / name)),
        ]
        self.workers[name] = self._start(name, arguments, path)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a worker."""
        self.workers[name].send_signal(number)

    def spools(self, name: str) -> list[Path]:
        """Return what lies in a worker's folder of ours; what goes away meanwhile is passed over."""
        found = ((Path(place), inside) for place, folders, _ in os.walk(self.folder / name) for inside in folders)
        return [place / inside for place, inside in found if inside.startswith("evidence-kit-")]

    def _start(self, name: str, arguments: list[str], path: str) -> "subprocess.Popen[bytes]":
        log = self.folder / f"{name}.log"
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder), "PYTHONPATH": path,
            "AFAR_TOKEN": PASSWORD, **self.environ,
        }  # fmt: skip
        said = self.processes.enter_context(log.open("wb"))
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, env=environ, cwd=self.folder, stdout=said, stderr=said)
        self.processes.callback(_end, process)
        return process

    def _await(self, name: str, ready: str) -> None:
        log = self.folder / f"{name}.log"
        process = self.workers.get(name)
        deadline = time.monotonic() + START_SECONDS
        while ready not in log.read_text():
            if (process and process.poll() is not None) or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start\n{log.read_text()[-2000:]}")
            time.sleep(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()


def plugin(folder: Path) -> Path:
    """Install the source as a plug-in in a folder for PYTHONPATH."""
    info = folder / "afar_test-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: afar-test\nVersion: 1\n")
    points = f"[evidence_kit.collectors]\n{MECHANISM} = support.afar_source:Source\n"
    (info / "entry_points.txt").write_text(points)
    return folder


@contextmanager
def cluster(folder: Path, *workers: str, **environ: str) -> Iterator[Cluster]:
    """Start a scheduler and `workers` that have the plug-in; all are gone when the block is left."""
    with ExitStack() as processes:
        path = os.pathsep.join(map(str, (plugin(folder / "plugin"), ROOT, ROOT / "tests")))
        made = Cluster(folder, path, processes, environ)
        made.begin()
        made.add(*workers)
        yield made


def held(lab) -> Counter[tuple[str, str]]:
    """Return path and digest of all evidence of a lab's last bag, by the ledger."""
    found = [line["artifact"] for line in lab.exchanges() if line["artifact"]]
    return Counter((one["path"], one["sha256"]) for one in found)


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds, which it soon must."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


__all__ = ["BUG", "Cluster", "Provider", "cluster", "held", "plugin", "provider", "spec", "until"]
