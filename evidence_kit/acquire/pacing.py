"""One budget of requests per (provider, account, region, API), shared by all threads of a run."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from evidence_kit.model.source import Limit

Quota = tuple[str, ...]


@dataclass(slots=True)
class _Bucket:
    """When the next request of this quota may leave, on the monotonic clock."""

    ready: float = 0.0


@dataclass(slots=True)
class Pacer:
    """Hands out departure times. Waiting itself is the caller's, outside the lock."""

    clock: Callable[[], float] = time.monotonic
    _buckets: dict[Quota, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, quota: Quota, limit: Limit) -> float:
        """Take the next slot of `quota` and return how many seconds to wait for it."""
        interval = 1 / limit.rps
        with self._lock:
            now = self.clock()
            bucket = self._buckets.setdefault(quota, _Bucket(now))
            # A bucket that stood idle may send `burst` requests at once, never more.
            slot = max(bucket.ready, now - interval * (limit.burst - 1))
            bucket.ready = slot + interval
            return max(0.0, slot - now)

    def hold(self, quota: Quota, seconds: float) -> None:
        """Keep everyone who shares `quota` from sending for a while: the provider said so."""
        with self._lock:
            bucket = self._buckets.setdefault(quota, _Bucket())
            bucket.ready = max(bucket.ready, self.clock() + seconds)
