"""The hybrid incident, collected once for all tests of this folder; tests only read what came of it."""

from contextlib import closing

import pytest
from support.hybrid import collect
from support.lab import END, Lab

from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.estates import Hybrid


@pytest.fixture(scope="session")
def told(clouds, tmp_path_factory):
    """All four estates at a fixed time, closed again, and a sealed case of them."""
    clouds.close()  # moto is one a process
    with pytest.MonkeyPatch.context() as patch, Hybrid(end=END, lookup_tps=None) as estates:
        for name, value in estates.environ.items():
            patch.setenv(name, value)
        found = collect(estates, Lab(tmp_path_factory.mktemp("hybrid") / "case", estates.window).open())
        with closing(estates.cloud.client("s3")) as s3:
            found.versions.extend(s3.list_object_versions(Bucket=cast.FEATURES)["Versions"])
        servers = (estates.cloud.door, estates.google, estates.microsoft, *estates.partners.values())
    assert [server.failures for server in servers] == [[]] * len(servers)
    return found
