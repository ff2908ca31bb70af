"""The README says what the program does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.readme import README, SOURCES, generated

ROOT = README.parent
TEXT = README.read_text()
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def _commands() -> list[str]:
    lines = [line for block in _BLOCK.findall(TEXT) for line in block.splitlines()]
    return [line for line in lines if line.startswith("evidence-kit ")]


def test_generated_tables_are_up_to_date() -> None:
    for page in (README, SOURCES):
        assert generated(page.read_text()) == page.read_text(), "run `python tests/support/readme.py`"


@pytest.mark.parametrize("command", sorted({line.split()[1] for line in _commands()}))
def test_every_command_of_the_readme_exists(command) -> None:
    run = subprocess.run([sys.executable, "-m", "evidence_kit", command, "--help"], capture_output=True, check=False)

    assert run.returncode == 0


def test_every_option_of_the_readme_exists() -> None:
    for line in _commands():
        words = shlex.split(line, comments=True)
        told = subprocess.run(
            [sys.executable, "-m", "evidence_kit", *_command(words), "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for word in words:
            if word.startswith("--"):
                assert word in told, f"{line}: {word}"


def _command(words: list[str]) -> list[str]:
    return words[1:3] if words[1] in {"keys", "sources", "custody", "trust"} else words[1:2]


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_every_link_of_the_readme_leads_somewhere(link) -> None:
    assert (ROOT / link).exists()


def test_make_targets_of_the_readme_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE):
        assert f"\n{target}:" in makefile
