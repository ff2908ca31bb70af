"""A server in a process of its own: started, awaited, and ended with the block."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3

START_SECONDS = 120  # within one on an idle machine
END_SECONDS = 10


@contextmanager
def serving(command: Sequence[str], ready: str, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Run `command` until the block is left, which begins when `ready` answers 200; what it says goes to `folder`.

    It sees nothing of our own environment but PATH.
    """
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    log = folder / "server.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(command, env={**own, **environ}, cwd=folder, stdout=said, stderr=said) as process,
    ):
        try:
            if not _answers(ready, process):
                raise RuntimeError(f"nothing answers at {ready}, ended: {process.poll()}\n{log.read_text()[-2000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", url, timeout=5, retries=False).status == 200:
                return True
        time.sleep(0.05)
    return False
