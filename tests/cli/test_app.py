"""Start-up, help, errors, exit codes."""

import json
import subprocess
import sys

import pytest
import typer

from evidence_kit.cli.app import app

HEAVY = [
    "boto3", "botocore", "google", "azure", "grpc", "httpx", "requests", "cryptography", "yaml", "rich", "pydantic",
    "asyncio", "moto", "jmespath", "pyrage", "backports", "obstore", "rfc3161_client", "urllib3", "pkcs11",
    "evidence_kit.collectors", "evidence_kit.sandbox",
]  # fmt: skip


def _commands(command, path=()):
    """Yield every command of the program, so that no new one is forgotten here."""
    yield list(path)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


COMMANDS = tuple(_commands(typer.main.get_command(app)))
_LOADED = """
import json, sys
from evidence_kit.cli.app import main
code = main(sys.argv[1:])
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_loads_no_sdk_and_nothing_heavy(command) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LOADED, *command, "--help"], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(run.stdout.splitlines()[-1])

    assert code == 0
    assert [name for name in HEAVY if name in modules] == []
    assert len(modules) <= 240  # a command more is a module more; what costs time is named above


def test_an_error_is_two_lines_on_stderr_and_nothing_on_stdout(run) -> None:
    told = run("verify", "nowhere", "--trust", "nothing.yaml")

    assert (told.code, told.out) == (15, "")
    assert told.err.splitlines()[0].startswith("error: there is no trust policy")
    assert told.err.splitlines()[1].startswith("hint: ")


def test_an_error_with_json_is_one_document(run) -> None:
    told = run("coverage", "nowhere", "--json")
    said = json.loads(told.err)

    assert told.out == ""
    assert (said["code"], said["name"], told.code) == (4, "EMPTY", 4)
    assert said["hint"]


def test_an_unknown_option_is_usage(run) -> None:
    assert run("collect", "--frobnicate").code == 2


def test_version_names_the_program(run) -> None:
    assert run("--version").out.startswith("evidence-kit ")


def test_a_setting_of_the_project_file_is_used_and_a_wrong_one_named(run, opened, tmp_path) -> None:
    (tmp_path / "evidence-kit.toml").write_text('case = "case"\n')
    assert "nothing was collected" in run("coverage").err

    (tmp_path / "evidence-kit.toml").write_text('caze = "case"\n')
    told = run("coverage")
    assert told.code == 2
    assert "caze" in told.err


def test_the_environment_outranks_the_project_file(run, opened, tmp_path, monkeypatch) -> None:
    (tmp_path / "evidence-kit.toml").write_text('case = "elsewhere"\n')
    monkeypatch.setenv("EVIDENCE_KIT_CASE", "case")

    assert "nothing was collected" in run("coverage").err


def test_evidence_cannot_move_the_cursor_of_a_terminal() -> None:
    from evidence_kit.cli.output import safe

    assert safe("a\x1b[2Jb\u202ec\x07\n") == "a\\x1b[2Jb\\u202ec\\x07\n"
