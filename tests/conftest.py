"""What every test gets: no network but loopback, small sealed cases, and one sandbox cloud."""

import socket
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from support.casemaker import make_case
from support.clouds import Clouds, unharmed
from support.tampering import Snapshot

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no finding
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _offline():
    """Refuse every connection that would leave this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(real):
    def call(self, *args):
        address = args[-1]  # `sendto` takes the data, and perhaps flags, before it
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address!r}; tests stay offline")
        return real(self, *args)

    return call


def _is_loopback(host):
    return host in {"::1", "localhost"} or host.startswith("127.")


@pytest.fixture
def case(tmp_path):
    """A sealed case of one bag, with pages and objects of weird names."""
    return make_case(tmp_path / "case")


@pytest.fixture
def small_case(tmp_path):
    """A sealed case of one page and one object."""
    return make_case(tmp_path / "case", pages=1, names=("two words",))


@pytest.fixture
def unsealed_case(tmp_path):
    """A case whose only acquisition crashed before its seal."""
    return make_case(tmp_path / "case", sealed=False)


@pytest.fixture(scope="module")
def shared_case(tmp_path_factory):
    """One small sealed case a module; use it through `tampered`."""
    return make_case(tmp_path_factory.mktemp("shared") / "case", pages=1, names=("two words",))


@pytest.fixture
def tampered(shared_case):
    """The module's case, put back as it was after the test."""
    with Snapshot(shared_case.root):
        yield shared_case


@pytest.fixture(scope="session")
def clouds():
    """The process's one place for a sandbox cloud."""
    place = Clouds()
    yield place
    place.close()


@pytest.fixture(scope="session")
def cloud_end():
    """A whole hour, eight hours ago: recent enough for retention, old enough to have settled."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=8)


@pytest.fixture
def cloud(clouds, cloud_end, monkeypatch):
    """The session's sandbox cloud: unthrottled, seen by boto3 through the environment, whole again afterwards."""
    with unharmed(clouds.get(end=cloud_end, lookup_tps=None)) as lent:
        for name, value in lent.environ.items():
            monkeypatch.setenv(name, value)
        yield lent
