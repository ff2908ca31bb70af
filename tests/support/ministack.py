"""A second AWS on loopback (ministack): unlike moto's, its KMS signs digests and its Object Lock holds."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.process import serving

from evidence_kit.sandbox.serving import LOOPBACK, free_port

REGION = "eu-central-1"


@dataclass(frozen=True)
class Ministack:
    """A running ministack: its address, and the environment in which an SDK finds it."""

    url: str
    environ: Mapping[str, str]

    def client(self, service: str):
        """Return a boto3 client of it."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environ["AWS_SECRET_ACCESS_KEY"],
        )


@contextmanager
def running_ministack(folder: Path) -> Iterator[Ministack]:
    """Run ministack until the block is left; `folder` takes what it writes."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    environ = {
        "BIND_HOST": LOOPBACK,  # it would listen everywhere
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # likewise, on a port of its own
    }
    with serving([sys.executable, "-m", "ministack"], f"{url}/_localstack/health", folder, environ):
        yield Ministack(
            url, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        )


@pytest.fixture(scope="session")
def ministack(tmp_path_factory):
    """The session's ministack; import this fixture into a `conftest.py`."""
    if importlib.util.find_spec("ministack") is None:
        pytest.skip("ministack is not installed")
    with running_ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running
