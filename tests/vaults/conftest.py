"""An S3 endpoint on loopback, and the environment in which it is found."""

import pytest
from moto.server import ThreadedMotoServer

from evidence_kit.sandbox.serving import free_port


@pytest.fixture(scope="module")
def endpoint():
    """An S3 endpoint for the whole module."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server._port}"
    server.stop()


@pytest.fixture
def environ(endpoint, monkeypatch):
    """The environment in which the endpoint is found."""
    said = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said
