"""Stores on loopback, and the environments in which they are found."""

import pytest
from moto.server import ThreadedMotoServer
from support import azurite, buckets
from support.gcs_server import running_gcs_server
from support.ministack import ministack

from evidence_kit.sandbox.serving import free_port

__all__ = ["ministack"]


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


@pytest.fixture(scope="session")
def gcs():
    """The session's Cloud Storage."""
    with running_gcs_server() as server:
        yield server


@pytest.fixture(scope="session")
def blobs(tmp_path_factory):
    """The session's Blob Storage."""
    if azurite.BINARY is None:
        pytest.skip(azurite.MISSING)
    with azurite.azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url


@pytest.fixture
def amazon(ministack, request, monkeypatch):
    """An empty bucket with Object Lock."""
    return buckets.enter(monkeypatch, buckets.amazon(ministack, buckets.name_of(request.node.nodeid)))


@pytest.fixture
def google(gcs, request, monkeypatch):
    """An empty bucket of Google's."""
    return buckets.enter(monkeypatch, buckets.google(gcs, buckets.name_of(request.node.nodeid)))


@pytest.fixture
def microsoft(blobs, request, monkeypatch):
    """An empty container of Microsoft's."""
    return buckets.enter(monkeypatch, buckets.microsoft(blobs, buckets.name_of(request.node.nodeid)))
