"""A case in front of the sandbox's Google."""

import pytest
from support.google import serving


@pytest.fixture
def google(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch) as running:
        yield running
