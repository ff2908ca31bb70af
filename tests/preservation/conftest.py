"""Targets that can be changed: an AWS that enforces IAM (moto), one that enforces Object Lock (ministack)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.between import between
from support.enforcing import ACCOUNT, REGION, enforcing_moto
from support.google import serving as google_serving
from support.keeping_google import keep as keep_google
from support.keeping_microsoft import keep as keep_microsoft
from support.lab import END, Lab
from support.microsoft import tenant
from support.ministack import REGION as STACK_REGION
from support.ministack import ministack
from support.preserving import Room

from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.preservation.credentials import SECRET
from evidence_kit.sandbox.microsoft.entra import CLIENT

__all__ = ["ministack"]
WINDOW = Window(END - timedelta(hours=1), END)


@pytest.fixture
def lab(tmp_path):
    """An empty case."""
    return Lab(tmp_path / "case", WINDOW).open()


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """An AWS in a process of its own."""
    with enforcing_moto(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def line(moto):
    """What stands between us and that AWS."""
    moto.open()
    with between(moto.url) as server:
        yield server


@pytest.fixture
def aws(lab, line, moto, monkeypatch):
    """A room in front of moto, whose inventory lets the reading credentials act."""
    moto.allow([{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}])
    for name, value in (moto.environ | {"AWS_ENDPOINT_URL": line.url}).items():
        monkeypatch.setenv(name, value)
    moto.open()
    return Room(lab, Target(provider="aws", id=ACCOUNT, regions=(REGION,), access={"preserve": "same"}))


@pytest.fixture
def stack(ministack):
    """What stands between us and ministack."""
    with between(ministack.url) as server:
        yield server


@pytest.fixture
def locked(lab, stack, ministack, monkeypatch):
    """A room in front of ministack."""
    for name, value in (dict(ministack.environ) | {"AWS_ENDPOINT_URL": stack.url}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    account = ministack.client("sts").get_caller_identity()["Account"]
    return Room(lab, Target(provider="aws", id=account, regions=(STACK_REGION,), access={"preserve": "same"}))


@pytest.fixture
def google(tmp_path, monkeypatch):
    """The sandbox's Google."""
    with google_serving(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def keeping(google):
    """What there is at Google, and what was changed."""
    return keep_google(google.server)


@pytest.fixture
def gcp(google, keeping):
    """A room in front of that Google, with a key of its own to act with."""
    own = {name: value for name, value in google.target().access.items() if name != "credentials"}
    access = {**own, "credentials": "/nowhere/reader.json", "preserve.credentials": str(google.key)}
    return Room(google.lab, replace(google.target(), access=access))


@pytest.fixture
def kiosk(tmp_path, monkeypatch):
    """A tenant of Microsoft's, where the environment holds the reader's credentials, and the acting ones beside."""
    with tenant(tmp_path) as made:
        acting = {"AZURE_CLIENT_ID": "0" * 36, "AZURE_CLIENT_SECRET": "the-reader's", SECRET: made.entra.secret}
        for name, value in {**made.environ, **acting}.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def arm(kiosk):
    """What there is at Resource Manager, and what was changed."""
    return keep_microsoft(kiosk.server)


@pytest.fixture
def azure(lab, kiosk, arm):
    """A room in front of that tenant."""
    return Room(lab, kiosk.target(**{"clientId": "0" * 36, "preserve.clientId": CLIENT}))
