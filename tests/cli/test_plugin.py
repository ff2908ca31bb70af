"""`plugin test` passes the plug-in of the examples, and fails its broken twins by the name of what they break."""

import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from evidence_kit.__main__ import main
from evidence_kit.cli.plugin import SUITES, TESTS
from evidence_kit.errors import Exit

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"
FILES = ("acme_audit.py", "test_acme_audit.py", "acme.audit.yaml")
PROJECT = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))
POINTS = PROJECT["project"]["entry-points"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay the plug-in out as an installer would: the files of its wheel, and its entry points; each may be spoilt."""

    def laid(points=POINTS, change=("", "")):
        for name in FILES:
            shutil.copy(PLUGIN / name, tmp_path)
        code = (PLUGIN / "acme_audit.py").read_text("utf-8")
        assert change[0] in code
        (tmp_path / "acme_audit.py").write_text(code.replace(*change, 1), "utf-8")
        info = tmp_path / "evidence_kit_acme-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evidence-kit-acme\nVersion: 0.1.0\n")
        lines = [
            line
            for group, named in points.items()
            for line in (f"[{group}]", *(f"{a} = {b}" for a, b in named.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield laid
    sys.modules.pop("acme_audit", None)


def ends(capsys, *words):
    """Return how the program ended and each claim that failed."""
    code = main(["plugin", "test", *words, "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, {(one["of"], one["name"]): one["reason"] for one in told if one["verdict"] == "failed"}, told


def test_the_wheel_of_the_example_holds_what_its_entry_points_name():
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) == set(FILES)
    assert POINTS.keys() == {"evidence_kit.collectors", TESTS}


def test_every_suite_is_one_that_the_kit_has():
    folder = Path(__file__).parents[2] / "evidence_kit" / "testing"
    assert all((folder / f"{suite}.py").is_file() for suite in SUITES.values())


@pytest.mark.slow
def test_the_example_passes(install, capsys):
    install()
    code, failed, told = ends(capsys, "evidence-kit-acme")
    assert (code, failed) == (Exit.OK, {})
    assert len([one for one in told if one["verdict"] == "passed"]) > 40


@pytest.mark.slow
def test_the_words_end_with_a_count(install, capsys):
    install()
    assert main(["plugin", "test", "test_acme_audit"]) == Exit.OK
    said = capsys.readouterr()
    assert "passed   test_acme_audit: the bytes stored are the bytes sent" in said.out
    assert said.err.startswith("test_acme_audit: ")
    assert "failed" not in said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (("body=body,", "body=json.dumps(answer, indent=1).encode(),"), "the bytes stored are the bytes sent"),
        (("next_cursor=token or None", "next_cursor=None"), "an end before the last page is a truncation"),
        (("raise _verdict(error) from error", "raise Retryable(str(error)) from error"),
         "denied is denied and not asked again (denied)"),
    ],
    ids=["reserialises", "ignores its cursor", "asks again what is denied"],
)  # fmt: skip
def test_a_broken_twin_fails_by_the_name_of_what_it_breaks(install, capsys, change, claim):
    install(change=change)
    code, failed, _ = ends(capsys, "evidence-kit-acme")
    assert code == Exit.PLUGIN
    assert ("acme.audit", claim) in failed


def test_a_plug_in_without_a_class_of_the_suite_does_not_pass(install, capsys):
    install({"evidence_kit.collectors": POINTS["evidence_kit.collectors"]})
    code, failed, _ = ends(capsys, "evidence-kit-acme")
    assert (code, [*failed]) == (Exit.PLUGIN, [("acme.audit", "a class of the suite runs on it")])


def test_a_class_that_tries_other_things_does_not_pass(install, tmp_path, capsys):
    install({**POINTS, TESTS: {"acme.audit": "test_other:TestOther"}})
    (tmp_path / "test_other.py").write_text("class TestOther:\n    def test_it_is_there(self):\n        pass\n")
    code, failed, _ = ends(capsys, "evidence-kit-acme")
    assert code == Exit.PLUGIN
    assert failed["acme.audit", "the sealed case verifies"] == "`test_other:TestOther` does not try it"


def test_a_name_that_the_kit_has_already_does_not_pass(install, capsys):
    install({"evidence_kit.collectors": {"aws.call": "acme_audit:AcmeAudit"}, TESTS: {}})
    _, failed, _ = ends(capsys, "evidence-kit-acme")
    assert "claimed more than once" in failed["aws.call", "its name is its own and what it names can be loaded"]


def test_a_plug_in_that_cannot_be_imported_does_not_pass(install, capsys):
    install(change=("import hashlib", "import a_module_that_is_not_there"))
    code, failed, _ = ends(capsys, "evidence-kit-acme")
    assert code == Exit.PLUGIN
    assert "a_module_that_is_not_there" in failed["acme.audit", "its tests can be run to their end"]


LATE = """import pytest

@pytest.fixture
def stage():
    yield
    raise OSError("the stage broke")

class TestLate:
    def test_it_holds(self, stage):
        pass

    def test_it_cannot_be_tried(self, stage):
        pytest.skip("not here")

    def test_it_breaks_twice(self, stage):
        raise ValueError("the claim broke")
"""


@pytest.mark.slow
def test_a_claim_that_breaks_while_it_is_taken_down_has_failed_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "late_to_break.py").write_text(LATE)
    monkeypatch.syspath_prepend(tmp_path)
    code, failed, told = ends(capsys, "late_to_break")
    assert (code, len(told)) == (Exit.PLUGIN, 3)
    assert failed["late_to_break", "it holds"] == failed["late_to_break", "it cannot be tried"]
    assert failed["late_to_break", "it holds"] == "OSError: the stage broke"
    assert failed["late_to_break", "it breaks twice"] == "ValueError: the claim broke"


@pytest.mark.parametrize("hook", ["pytest_runtest_logfinish(nodeid)", "pytest_sessionfinish(session)"])
def test_a_suite_that_breaks_after_a_claim_does_not_pass(tmp_path, monkeypatch, capsys, hook):
    said = "import os" if "nodeid" in hook else "session.exitstatus = 1"
    ended = "os._exit(9)" if "nodeid" in hook else "raise SystemExit(1)"
    (tmp_path / "breaking.py").write_text(f"def {hook}:\n    {said}\n    {ended}\n")
    (tmp_path / "one_claim.py").write_text("class TestOne:\n    def test_it_holds(self):\n        pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTEST_PLUGINS", "breaking")
    code, failed, told = ends(capsys, "one_claim")
    assert (code, [*failed]) == (Exit.PLUGIN, [("one_claim", "its tests can be run to their end")])
    assert {"of": "one_claim", "name": "it holds", "verdict": "passed", "reason": ""} in told


def test_a_test_of_nothing_does_not_pass(install, capsys):
    install({TESTS: {"acme.other": "test_acme_audit:TestAcmeAudit"}})
    code, failed, _ = ends(capsys, "evidence-kit-acme")
    assert (code, [*failed]) == (Exit.PLUGIN, [("acme.other", "there is something to test")])


@pytest.mark.parametrize("name", ["no-such-thing", "sys", "no.such.thing", ""])
def test_what_is_not_installed_is_named(capsys, name):
    assert main(["plugin", "test", name]) == Exit.USAGE
    assert f"`{name}`" in capsys.readouterr().err


def test_a_distribution_that_is_no_plug_in_is_named(capsys):
    assert main(["plugin", "test", "typer"]) == Exit.PLUGIN
    assert "offers no collector, signer or vault" in capsys.readouterr().err
