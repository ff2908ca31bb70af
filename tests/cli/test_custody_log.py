"""`init --about`, `custody log` and the record, as a person runs them: on a terminal, piped, for programs."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from support.recorded import ABOUT

NAME = "alice@example.com"
HOSTILE = "seen \x1b[2J\n9  2026-01-01T00:00:00Z  disposed  mallory  the whole case"


@pytest.fixture
def told(run, tmp_path):
    """A case opened with all that `ABOUT.yaml` says, and a note that would look like more; its folder."""
    assert run("keys", "new", "--name", NAME).code == 0
    assert run("init", "case", "--id", "IR-1", "--title", "leaked key", "--about", ABOUT, "--yes").code == 0
    assert run("custody", "note", "case", HOSTILE).code == 0
    return tmp_path / "case"


def on_terminal(width: int, *arguments: object) -> list[str]:
    """Return the lines that a command shows on a terminal of `width` columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "evidence_kit", *map(str, arguments)]
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.PIPE, env=environ) as child:
        os.close(slave)
        seen = b""
        with suppress(OSError):  # Linux ends a pseudo-terminal with EIO
            while part := os.read(master, 1 << 16):
                seen += part
    os.close(master)
    assert child.returncode == 0
    return seen.decode().replace("\r", "").splitlines()


# -- init ----------------------------------------------------------------------------------------------------------


def test_flags_say_the_common_fields_and_win_over_the_file(run, tmp_path) -> None:
    run("keys", "new", "--name", NAME)
    flags = ("--exhibit", "EX-9", "--organisation", "CERT", "--role", "lead", "--location", "lab", "--purpose", "why")
    assert run("init", "case", "--id", "IR-1", "--title", "t", "--about", ABOUT, *flags, "--yes").code == 0

    said = json.loads((tmp_path / "case" / "case.json").read_bytes())
    assert (said["exhibit"]["id"], said["examiner"]["organisation"], said["examiner"]["role"]) == (
        "EX-9",
        "CERT",
        "lead",
    )
    assert (said["location"]["physical"], said["purpose"]) == ("lab", "why")
    assert said["exhibit"]["description"].startswith("logs of two")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "apiVersion: evidence-kit/about.v1\nkind: About\nexibit: {id: x}\n",
            "about.yaml:3:9: unknown field `exibit`",
        ),
        ("not yaml: [", "about.yaml:"),
        (None, "cannot read `about.yaml`"),
    ],
)
def test_a_file_that_is_wrong_opens_no_case(run, tmp_path, text, message) -> None:
    run("keys", "new", "--name", NAME)
    if text is not None:
        Path("about.yaml").write_text(text)
    told = run("init", "case", "--id", "IR-1", "--title", "t", "--about", "about.yaml", "--yes")

    assert told.code == 2
    assert message in told.err
    assert not (tmp_path / "case").exists()


def test_an_empty_flag_is_an_error(run) -> None:
    run("keys", "new", "--name", NAME)

    assert run("init", "case", "--id", "IR-1", "--title", "t", "--exhibit", "", "--yes").code == 2


# -- the short log -------------------------------------------------------------------------------------------------


def test_piped_each_event_is_one_aligned_line(run, told) -> None:
    lines = run("custody", "log", told).out.splitlines()

    assert len(lines) == 2
    assert len({line.index(NAME) for line in lines}) == 1
    assert lines[1].endswith(r"seen \x1b[2J 9 2026-01-01T00:00:00Z disposed mallory the whole case")


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_summaries_wrap_below_themselves(told, width) -> None:
    lines = on_terminal(width, "custody", "log", told)

    assert max(len(line) for line in lines) <= width
    assert sum(not line.startswith(" ") for line in lines) == 2


def test_programs_get_the_whole_events(run, told) -> None:
    events = json.loads(run("custody", "log", told, "--json").out)

    assert [event["name"] for event in events] == ["case.opened", "note"]
    assert events[1]["note"] == HOSTILE


# -- the record ----------------------------------------------------------------------------------------------------


def test_the_record_is_text_for_people(run, told) -> None:
    shown = run("custody", "log", told, "--record").out

    assert shown.startswith("CUSTODY RECORD IR-1 leaked key\nThis is what the case says about itself.")
    assert "exhibit id                EX-7  [case.json: exhibit.id]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("width", [80, 120])
def test_the_record_fits_the_terminal(told, width) -> None:
    lines = on_terminal(width, "custody", "log", told, "--record")

    assert len(lines) > 100
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("flags", [("--record", "--json"), ("--format", "json"), ("--record", "--format", "json")])
def test_the_record_is_json_for_programs(run, told, flags) -> None:
    said = json.loads(run("custody", "log", told, *flags).out)

    assert said["apiVersion"] == "evidence-kit/custody-record.v1"
    assert {"item", "custody", "certification"} <= {section["name"] for section in said["sections"]}


def test_the_record_is_markdown_on_request(run, told) -> None:
    shown = run("custody", "log", told, "--format", "md").out

    assert shown.startswith("# Custody record IR-1: leaked key\n")
    assert "| exhibit id | EX-7 | case.json: exhibit.id |" in shown


def test_an_unknown_format_is_a_usage_error(run, told) -> None:
    asked = run("custody", "log", told, "--format", "pdf")

    assert asked.code == 2
    assert "known are: text, md, json" in asked.err


def test_there_is_no_record_of_what_is_not_a_case(run, tmp_path) -> None:
    assert run("custody", "log", tmp_path, "--record").code == 4
