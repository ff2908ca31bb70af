"""moto, run in this process: started, reached behind its API where that would refuse, left as if never used.

moto keeps its state in module globals, hence one sandbox a process at a time.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.iam.models import get_account_id_from
from moto.logs.models import logs_backends
from moto.moto_api._internal import mock_random
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends

from evidence_kit.sandbox.applogs import LogGroup
from evidence_kit.sandbox.serving import LOOPBACK, free_port

# moto reads these while it runs: foreign records come with odd regions, public images take seconds to load, and a
# profile that this machine lacks would break the boto3 inside moto. None: unset.
_SETTINGS: Mapping[str, str | None] = {
    "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_ACCOUNT_ID": None,
    "AWS_PROFILE": None,
    "AWS_DEFAULT_PROFILE": None,
}
_UNKNOWN = get_account_id_from("")  # what moto says of keys it never made
_only_one = threading.Lock()


@contextmanager
def running_moto(seed: int) -> Iterator[int]:
    """Run an empty moto and yield its port; raise RuntimeError if one is already running here."""
    if not _only_one.acquire(blocking=False):
        raise RuntimeError("moto keeps its state in the process: only one sandbox at a time")
    try:
        with _quiet(), _settings():
            _forget()
            mock_random.seed(seed)
            server = ThreadedMotoServer(LOOPBACK, free_port(), verbose=False)
            server.start()
            try:
                yield server.get_host_and_port()[1]
            finally:
                server.stop()
                _forget()
    finally:
        _only_one.release()


def _forget() -> None:
    BackendDict.reset()
    reset_model_data()


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _settings() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _SETTINGS}
    _set(_SETTINGS)
    try:
        yield
    finally:
        _set(before)


def _set(settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def moto_account_of(access_key: str) -> str | None:
    """Return the account for which STS or IAM handed out `access_key`; None for a key they do not know."""
    account = str(get_account_id_from(access_key))
    return None if account == _UNKNOWN else account


class Bucket:
    """A versioned bucket behind S3's API, made if need be; the time of an object can be what the story needs."""

    def __init__(self, account: str, name: str) -> None:
        self._backend = s3_backends[account]["aws"]
        if name not in self._backend.buckets:
            self._backend.create_bucket(name, "us-east-1")
        self._backend.put_bucket_versioning(name, "Enabled")
        self.name = name

    def put(self, key: str, body: bytes, metadata: Mapping[str, str], *, modified: datetime) -> None:
        """Put an object, or a new version of it, as if at `modified`."""
        stored = self._backend.put_object(self.name, key, body)
        stored.set_metadata({f"x-amz-meta-{name}": value for name, value in metadata.items()})
        stored.last_modified = modified.astimezone(UTC).replace(tzinfo=None)

    def delete(self, key: str) -> None:
        """Delete an object as anybody would: a delete marker hides it, the versions stay."""
        self._backend.delete_object(self.name, key)

    def undo(self, key: str, versions: int) -> None:
        """Remove all but the oldest `versions` of an object, delete markers included."""
        keys = self._backend.get_bucket(self.name).keys
        keys.setlist(key, keys.getlist(key)[:versions])


def fill_log_group(group: LogGroup) -> None:
    """Put a log group with its events behind the API, which refuses events older than a fortnight."""
    backend = logs_backends[group.account][group.region]
    made = backend.create_log_group(group.name, {})
    for name, events in group.streams.items():
        made.create_log_stream(name)
        made.put_log_events(name, [{"timestamp": at, "message": message} for at, message in events])
    if group.retention_days:
        made.retention_in_days = group.retention_days
