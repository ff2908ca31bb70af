"""A command line in the test's own process, a home with one key, a case to collect into."""

from dataclasses import dataclass

import pytest

from evidence_kit.cli.app import main

NAME = "alice@example.com"


@dataclass(frozen=True)
class Told:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command as `main` would; HOME is the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVIDENCE_KIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVIDENCE_KIT_PASSPHRASE", "correct horse")

    def call(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Told(int(code), told.out, told.err)

    return call


@pytest.fixture
def opened(run, tmp_path):
    """An open case; its folder."""
    assert run("keys", "new", "--name", NAME).code == 0
    assert run("init", "case", "--id", "IR-1", "--title", "a case", "--yes").code == 0
    return tmp_path / "case"


@pytest.fixture
def window(cloud):
    """The incident's window as options."""
    span = cloud.window.to_json()
    return ("--since", span["start"], "--until", span["end"])


@pytest.fixture
def inventory(cloud, tmp_path):
    """The cloud's inventory as an option."""
    path = tmp_path / "inventory.yaml"
    path.write_text(cloud.inventory)
    return ("--inventory", str(path))
