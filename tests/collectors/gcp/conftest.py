"""A case in front of the sandbox's Google."""

import gc

import pytest
from support.google import serving


@pytest.fixture
def google(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def swept():
    """No garbage of earlier tests: collected where the stack is full, its finalizers would fail in this one."""
    gc.collect()
