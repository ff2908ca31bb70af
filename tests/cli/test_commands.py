"""The table of commands against what the commands say of themselves."""

import json
import subprocess
import sys

import pytest
import typer

from evidence_kit.cli.app import app
from evidence_kit.cli.commands import COMMANDS, Loaded, load


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_line_that_it_says_of_itself(name) -> None:
    command = load(name)
    assert command.name == name
    assert COMMANDS[name].summary == command.get_short_help_str(1000)
    assert not command.hidden


def test_a_summary_is_shortened_as_typer_does(run) -> None:
    listed = run("--help").out
    assert "  portfolio  Tell all cases of an organisation: coverage, time to sealed..." in listed.splitlines()


def test_listing_the_commands_loads_none(run) -> None:
    code = """
import json, sys
from evidence_kit.cli.app import main
main(sys.argv[1:])
print(json.dumps(sorted(name for name in sys.modules if name.startswith("evidence_kit."))))
"""
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [
        "evidence_kit.cli",
        "evidence_kit.cli.app",
        "evidence_kit.cli.commands",
        "evidence_kit.cli.output",
        "evidence_kit.errors",
    ]


def test_a_command_that_stands_elsewhere_is_within_its_group(run) -> None:
    assert "check" in load("sources").commands
    assert list(load("sources").commands).count("check") == 1
    assert run("sources", "check", "--help").code == 0


def test_a_name_that_is_none_is_usage_and_its_like_is_named(run) -> None:
    told = run("sourcez")
    assert told.code == 2
    assert "Did you mean 'sources', 'store'?" in told.err


def test_the_program_knows_its_commands_before_it_has_any() -> None:
    known = typer.main.get_command(app).commands
    assert list(known) == list(COMMANDS)
    assert len(known) == len(COMMANDS)
    assert "verify" in known
    assert "verifi" not in known
    assert known.get("verifi") is None
    assert known["verify"] is known["verify"]


def test_a_command_comes_from_the_table_alone() -> None:
    known = Loaded()
    with pytest.raises(TypeError, match="table"):
        known["more"] = load("init")
    with pytest.raises(TypeError, match="table"):
        del known["init"]
