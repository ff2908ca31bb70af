"""Node, asked again where it hangs: version 20 now and then deadlocks as it exits, with everything said."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 30  # seconds; a check takes one
TRIES = 5


def run(
    command: Sequence[str | Path], *, text: bool = True, **more: object
) -> subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]:
    """Run a command and return how it ended; one that hangs every time raises TimeoutExpired."""
    for attempt in range(TRIES):
        try:
            return subprocess.run(command, capture_output=True, text=text, check=False, timeout=PATIENCE, **more)  # type: ignore[call-overload]
        except subprocess.TimeoutExpired:
            if attempt == TRIES - 1:
                raise
    raise AssertionError
