"""`portfolio`: all cases below a folder, to stdout or to a new file."""

import json

import pytest
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.errors import Exit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one case."""
    base = tmp_path_factory.mktemp("cases")
    case_of(base / "one", {TRAIL: {"a.json.gz": trail([event(1)])}})
    return base


def test_it_is_a_page_or_json(run, folder, tmp_path) -> None:
    out = tmp_path / "all.html"
    told = run("portfolio", folder, "--out", out)
    assert (told.code, told.out) == (Exit.OK, f"portfolio: {out}\n")
    assert out.read_text().startswith("<!DOCTYPE html>")
    (case,) = json.loads(run("portfolio", folder, "--format", "json").out)["cases"]
    assert case["artifacts"] == 1


def test_a_wrong_format_an_existing_file_and_an_empty_folder_are_errors(run, folder, tmp_path) -> None:
    assert run("portfolio", folder, "--format", "pdf").code == Exit.USAGE
    (tmp_path / "mine").write_text("mine")
    assert run("portfolio", folder, "--out", tmp_path / "mine").code == Exit.USAGE
    (tmp_path / "empty").mkdir()
    assert run("portfolio", tmp_path / "empty").code == Exit.EMPTY
