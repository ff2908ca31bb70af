"""A case in front of a provider that answers from a script."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from support.lab import END, Lab
from support.script import playing

from evidence_kit.model.time import Window


@pytest.fixture
def desk(tmp_path):
    return Lab(tmp_path / "case", Window(END - timedelta(hours=6), END)).open()


@pytest.fixture
def play(monkeypatch):
    """Start a scripted provider for the account that all tests ask."""
    with ExitStack() as stack:

        def start(account="111122223333", **lines):
            script, environ = stack.enter_context(playing(account, **lines))
            for name, value in environ.items():
                monkeypatch.setenv(name, value)
            return script

        yield start
