"""A small tenant of Microsoft's on loopback, made anew for every test, and a case in front of it."""

import gc

import pytest
from support.lab import Lab
from support.microsoft import WINDOW, tenant


@pytest.fixture
def lab(tmp_path):
    """An empty case; nothing of AWS is behind it."""
    return Lab(tmp_path / "case", WINDOW).open()


@pytest.fixture
def kiosk(tmp_path, monkeypatch):
    """The tenant, with its credentials in the environment."""
    with tenant(tmp_path) as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def swept():
    """No garbage of earlier tests: collected where the stack is full, its finalizers would fail in this one."""
    gc.collect()
