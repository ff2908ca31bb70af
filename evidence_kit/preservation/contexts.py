"""What an action is given of the world: as a collector is, but never an answer of an earlier run.

How a target stood before a crash says nothing of how it stands now, and what a run did before it died has to be
found at the target, not in its own files.
"""

from collections.abc import Callable
from typing import TypeVar

from evidence_kit.model.exchange import Recorded
from evidence_kit.model.onward import Onward
from evidence_kit.model.ports import Context

T = TypeVar("T")


class Anew(Onward):
    """A context in which every question is asked anew, as often as the engine allows: asking changes nothing."""

    def replay(self, request_digest: str) -> Recorded | None:  # noqa: ARG002 - the port's
        """Return nothing: what was stored is of the past."""
        return None


class Once(Anew):
    """A context in which a request is sent once: whether it goes out again is decided after a look."""

    def __init__(self, ctx: Context, attempt: int) -> None:
        super().__init__(ctx)
        self._attempt = attempt

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:  # noqa: ARG002 - paced outside
        """Call `send` once; a failure is the caller's."""
        return send(self._attempt)
