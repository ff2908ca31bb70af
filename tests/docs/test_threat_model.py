"""Every promise of the threat model names a test, and every test that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[a-z0-9_/.]+)(?:::(test_[a-z0-9_]+))?`", PAGE)))
_SECTION = re.compile(r"^###? (.+?)\n(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL)
# What has no attacker in it, and so no promise.
_NO_PROMISE = {"Who may try what", "What a green `verify` means"}


def _missing(path, test):
    """Return what is not there of a named test; a folder stands for the tests in it."""
    place = ROOT / path
    if place.is_dir():
        return "" if list(place.glob("test_*.py")) else f"{path} holds no test"
    if not place.is_file():
        return f"{path} is not there"
    tree = ast.parse(place.read_text("utf-8"))
    known = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    if not known:
        return f"{path} holds no test"
    return f"{path} has no `{test}`" if test and test not in known else ""


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_a_test_that_is_named_is_there(path, test):
    assert _missing(path, test) == ""


def test_a_test_that_is_not_there_would_be_seen():
    assert _missing("tests/docs/test_threat_model.py", "test_nothing") != ""
    assert _missing("tests/docs/test_nothing.py", "") != ""
    assert _missing("tests/docs/test_threat_model.py", "test_a_test_that_is_named_is_there") == ""


def test_every_mention_of_a_test_was_read():
    assert len(re.findall(r"tests/[a-z]", PAGE)) == len(
        re.findall(r"`tests/[a-z0-9_/.]+(?:::test_[a-z0-9_]+)?`", PAGE)
    )
    assert len(NAMED) > 60


@pytest.mark.parametrize("name", [name for name, _ in _SECTION.findall(PAGE) if name not in _NO_PROMISE])
def test_every_adversary_meets_a_promise_with_its_test(name):
    (text,) = [text for found, text in _SECTION.findall(PAGE) if found == name]
    assert "`tests/" in text, name
