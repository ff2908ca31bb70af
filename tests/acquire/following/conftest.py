"""Here nobody loses power: the page cache is enough, and a disk that others use as well does not slow a property."""

import os

import pytest

from evidence_kit.vaults import local


@pytest.fixture(scope="package", autouse=True)
def _unsynced():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr(local, "_sync_file_system", lambda _: None)
        yield
