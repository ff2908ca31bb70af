"""Keeps one sandbox cloud open for many tests; moto allows one a process and seeding takes seconds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from evidence_kit.sandbox.cloud import Cloud


class Clouds:
    """Hands out the open cloud while the same one is asked for; another one takes its place."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._asked: dict[str, Any] | None = None
        self._cloud: Cloud | None = None

    def get(self, **asked: Any) -> Cloud:
        """Return the cloud that `Cloud(**asked)` is."""
        if self._cloud is None or self._asked != asked:
            self.close()
            self._cloud = self._stack.enter_context(Cloud(**asked))
            self._asked = asked
        return self._cloud

    def close(self) -> None:
        """Make room for a cloud that a test opens itself."""
        self._stack.close()
        self._cloud = None


@contextmanager
def unharmed(cloud: Cloud) -> Iterator[Cloud]:
    """Lend `cloud` with an empty record; afterwards nothing is broken, and nothing may have gone wrong in it."""
    cloud.door.sent.clear()
    try:
        yield cloud
    finally:
        unspent, failures = cloud.door.faults.unspent, list(cloud.door.failures)
        cloud.door.faults.clear()
        cloud.door.failures.clear()
        cloud.door.sent.clear()
        cloud.restore_logs()
    assert unspent == (), "a fault that a test set up never struck"
    assert failures == []
