"""A case in front of a provider that answers from a script."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from textwrap import dedent

import pytest
from support.amazon import every_source, staged
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


@pytest.fixture
def cloud_window():
    """Six hours, of which a fixture's account has files."""
    return Window(END - timedelta(hours=6), END)


@pytest.fixture
def before(tmp_path, monkeypatch):
    """Put a source, with settings of its own if need be, before an AWS that answers as a text says."""
    with ExitStack() as stack:

        def put(source, answers, **settings):
            spec = every_source()[source]
            spec = replace(spec, settings={**spec.settings, **settings})
            text = dedent(answers).encode()
            return stack.enter_context(staged(spec, tmp_path / "case", monkeypatch, text or b"replies: []"))

        yield put
