"""The role of `examples/aws`: what the catalogue takes today, in templates that its tools accept."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from evidence_kit.governance import aws_roles
from evidence_kit.governance.permissions import documents
from evidence_kit.sources.catalogue import load_catalogue

FOLDER = Path(__file__).parents[2] / "examples" / "aws"
ATTACHABLE = 10  # managed policies of a role, unless AWS raises the quota
TEMPLATE = 51_200  # bytes of a template that is handed over directly
FORMS = {"cloudformation": ("role.yaml", aws_roles.cloudformation), "terraform": ("role.tf", aws_roles.terraform)}


@cache
def policies():
    return list(documents(spec for spec in load_catalogue().values() if spec.provider == "aws").values())


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their argument."""


_Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def lint(path):
    program = Path(sys.executable).parent / "cfn-lint"
    if not program.is_file():
        pytest.skip("cfn-lint is not installed")
    return subprocess.run([program, "--", path], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("form", FORMS)
def test_an_example_is_what_the_command_prints_today(form):
    name, write = FORMS[form]
    again = f"evidence-kit sources permissions --provider aws --format {form} > examples/aws/{name}"
    assert (FOLDER / name).read_text() == write(policies()) + "\n", f"make it again: {again}"


@pytest.mark.slow
def test_cloudformation_finds_nothing_wrong_with_the_template():
    told = lint(FOLDER / "role.yaml")
    assert (told.returncode, told.stdout) == (0, "")


def test_cloudformation_would_find_an_action_that_does_not_exist(tmp_path):
    bent = tmp_path / "role.yaml"
    bent.write_text((FOLDER / "role.yaml").read_text().replace("iam:ListAccessKeys", "iam:ListSkeletonKeys", 1))
    told = lint(bent)
    assert told.returncode != 0
    assert "listskeletonkeys" in told.stdout.lower()


def test_the_template_has_the_policies_and_fits():
    template = yaml.load((FOLDER / "role.yaml").read_text(), _Loader)  # noqa: S506  a subclass of the safe loader
    made = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::ManagedPolicy"]
    assert [one["Properties"]["PolicyDocument"] for one in made] == policies()
    assert len(template["Resources"]["Reader"]["Properties"]["ManagedPolicyArns"]) == len(made) <= ATTACHABLE
    assert len((FOLDER / "role.yaml").read_bytes()) <= TEMPLATE


def test_whoever_takes_the_role_must_know_the_external_id():
    template = yaml.load((FOLDER / "role.yaml").read_text(), _Loader)  # noqa: S506  likewise
    trust = template["Resources"]["Reader"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [one["Condition"] for one in trust] == [{"StringEquals": {"sts:ExternalId": "ExternalId"}}]


@pytest.mark.slow
def test_terraform_reads_the_same_policies_in_its_own_language():
    hcl2 = pytest.importorskip("hcl2", reason="python-hcl2 is not installed")
    parsed = hcl2.loads((FOLDER / "role.tf").read_text())
    resources = [(plain(kind), body) for block in parsed["resource"] for kind, body in block.items()]
    assert [kind for kind, _ in resources].count("aws_iam_role") == 1
    found = [body for kind, several in resources if kind == "aws_iam_policy" for body in several.values()]
    assert [json.loads(heredoc(str(one["policy"]))) for one in found] == policies()
    attached = [kind for kind, _ in resources].count("aws_iam_role_policy_attachment")
    assert attached == len(found)


def plain(text):
    return text.strip('"')


def heredoc(text):
    """Return a heredoc's content, whether the parser left the markers or not."""
    return re.sub(r'^"?<<-?POLICY\n|\n?\s*POLICY"?$', "", text.strip())


def test_terraform_would_format_nothing_otherwise():
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    told = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", FOLDER / "role.tf"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_a_role_of_one_source_has_one_policy():
    [policy] = documents([load_catalogue()["aws.iam.account"]]).values()
    written = aws_roles.cloudformation([policy])
    assert "Policy1" in written
    assert "Policy2" not in written
    assert "<" not in re.sub(r"(?m)^#.*$", "", written), "a blank that nobody filled in"
