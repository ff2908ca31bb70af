"""Dask's side of it: calls go to one named worker, and a lease is a task that Dask neither moves nor repeats.

The only module that knows `distributed`. Addresses, TLS and time limits are those of Dask's own configuration.
"""

import asyncio
import pkgutil
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, cast

import distributed

from evidence_kit.acquire.afar.crew import Lost
from evidence_kit.errors import EvidenceKitError, ProviderError

_ANSWER = 20.0  # seconds for what is at hand: a version, a result that has come
_DASK: Any = distributed  # it has next to no types
_VERSION = "evidence_kit:__version__"
_HINT = "is `dask scheduler` running there, and does Dask's configuration name the certificates it wants?"


class DaskCluster:
    """A cluster that is there already; it is used and left as it was."""

    def __init__(self, address: str, *, connect: float) -> None:
        self._address = address
        self._client = _DASK.Client.__new__(_DASK.Client)
        try:
            with _reaching(address):
                # Another's configuration must not take this cluster for its own: `set_as_default` stays off.
                self._client.__init__(address, timeout=connect, set_as_default=False, name="evidence-kit")
        except ProviderError:
            self._client.status = "closed"  # or it is closed once more at exit, in vain and in many words
            raise

    def workers(self) -> Mapping[str, str]:
        """Return the addresses of the workers and their folders; ProviderError if the scheduler does not answer."""
        with _reaching(self._address):
            known = self._client.scheduler_info(n_workers=-1)["workers"]
        return {address: str(one["local_directory"]) for address, one in known.items()}

    def versions(self, workers: Sequence[str]) -> Mapping[str, str | Exception]:
        """Ask with what every Python has, so that a worker without evidence-kit can say so."""
        said = self._gather(dict.fromkeys(workers, (pkgutil.resolve_name, _VERSION)), _ANSWER)
        return {one: answer if isinstance(answer, Exception) else str(answer) for one, answer in said.items()}

    def ask(self, worker: str, call: Callable[..., object], *args: object, seconds: float, **more: object) -> object:
        """Return what `call` returns on `worker`."""
        answer = self.ask_all({worker: more}, call, *args, seconds=seconds).get(worker)
        if isinstance(answer, EvidenceKitError):
            raise Lost(answer.message) from answer
        if isinstance(answer, Exception):
            raise Lost(f"it does not answer: {type(answer).__name__}: {answer}"[:300]) from answer
        return answer

    def ask_all(
        self, calls: Mapping[str, Mapping[str, object]], call: Callable[..., object], *args: object, seconds: float
    ) -> Mapping[str, object]:
        """Return by worker what `call` returned, or the exception that it or the way there raised."""
        # A thread of the worker's own: its event loop must go on hearing the scheduler.
        return self._gather({one: (_beside, call, args, dict(more)) for one, more in calls.items()}, seconds)

    def _gather(self, calls: Mapping[str, tuple[object, ...]], seconds: float) -> Mapping[str, object]:
        async def one(worker: str, call: tuple[object, ...]) -> object:
            asked = self._client.run(*call, workers=[worker], on_error="return")
            said = await asyncio.wait_for(cast("Awaitable[Mapping[str, object]]", asked), seconds)
            return said.get(worker, ConnectionError("it is not there"))

        async def every() -> list[object]:
            return await asyncio.gather(*(one(*item) for item in calls.items()), return_exceptions=True)

        try:
            return dict(zip(calls, cast("list[object]", self._client.sync(every)), strict=True))
        except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever a client without its scheduler raises
            return dict.fromkeys(calls, ConnectionError(str(error) or type(error).__name__))

    def start(self, worker: str, token: str, call: Callable[..., Mapping[str, object]], *args: object) -> "DaskLease":
        """Submit a lease to `worker` alone. Should Dask repeat it all the same, its token tells."""
        try:
            task = self._client.submit(
                _perform,
                call,
                args,
                key=f"evidence-kit-{token}",
                workers=[worker],
                allow_other_workers=False,
                pure=False,
                retries=0,
            )
        except Exception as error:  # whatever a client that lost its scheduler raises
            raise Lost(f"the cluster takes no lease: {type(error).__name__}: {error}"[:300]) from error
        return DaskLease(task)

    def close(self) -> None:
        """Leave the cluster; it goes on."""
        self._client.close(timeout=5)


class DaskLease:
    """One lease as Dask runs it."""

    def __init__(self, task: Any) -> None:  # noqa: ANN401 - a `Future` of Dask
        self._task = task
        self._done = threading.Event()
        task.add_done_callback(lambda _: self._done.set())

    def wait(self, seconds: float) -> Mapping[str, object] | None:
        """Return the worker's word, None while there is none; Lost where there will be none."""
        if not self._done.wait(seconds):
            return None
        try:
            return cast("Mapping[str, object]", self._task.result(timeout=_ANSWER))
        except (Exception, CancelledError) as error:  # whatever the worker or Dask raised for it
            raise Lost(f"its lease failed: {type(error).__name__}: {error}"[:300]) from error

    def cancel(self) -> None:
        """Let Dask forget the task; one that runs goes on to its end, and nobody hears of it."""
        try:
            if not self._done.is_set():
                self._task.cancel(force=True)
            self._task.release()
        except Exception:  # noqa: BLE001, S110 - it is forgotten with the client at the latest
            pass


def _perform(call: Callable[..., Mapping[str, object]], args: tuple[object, ...]) -> Mapping[str, object]:
    """Run a lease beside the worker's few threads: units wait for budgets most of the time."""
    _DASK.secede()
    return call(*args)


async def _beside(call: Callable[..., object], args: tuple[object, ...], more: Mapping[str, object]) -> object:
    return await asyncio.to_thread(call, *args, **more)


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    try:
        yield
    except (Exception, CancelledError) as error:
        said = f"the cluster at `{address}` cannot be reached: {str(error) or type(error).__name__}"
        raise ProviderError(said[:400], hint=_HINT) from error
