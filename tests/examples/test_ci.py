"""The CI examples are well-formed and careful, and their shell does on real cases what they promise."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from support.casemaker import make_case

from evidence_kit import __version__
from evidence_kit.errors import Exit

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
BIN = Path(sys.executable).parent
TRUST = "trust.yaml"
CASE = "cases/IR-2026-014"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def program(name):
    """Return a program from beside the interpreter, or skip."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed")
    return BIN / name


def load(name):
    return yaml.safe_load((CI / name).read_text())


def steps():
    """Every step of the action and of the workflow's jobs."""
    jobs = load("evidence.yml")["jobs"].values()
    return [*load("action.yml")["runs"]["steps"], *(step for job in jobs for step in job["steps"])]


# What they are.


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("action.yml", "vendor.github-actions"),
        ("evidence.yml", "vendor.github-workflows"),
        ("gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_each_file_is_valid_by_its_schema(name, schema):
    command = [program("check-jsonschema"), "--builtin-schema", schema, CI / name]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout


def test_the_hook_is_a_valid_manifest(tmp_path):
    home = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path)}
    subprocess.run([program("pre-commit"), "validate-manifest", CI / "pre-commit-hooks.yaml"], env=home, check=True)


def test_an_auditor_of_workflows_finds_nothing(tmp_path):
    workflows, action = tmp_path / ".github" / "workflows", tmp_path / ".github" / "actions" / "verify-evidence"
    for folder, name in ((workflows, "evidence.yml"), (action, "action.yml")):
        folder.mkdir(parents=True)
        shutil.copy(CI / name, folder)

    run = subprocess.run([program("zizmor"), "--offline", tmp_path], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout


def test_every_action_is_pinned_by_a_whole_commit():
    used = [step["uses"] for step in steps() if "uses" in step]

    assert len(used) == 6
    assert all(PINNED.fullmatch(name) or name.startswith("./") for name in used)


def test_every_pin_says_which_release_it_is():
    for text in ((CI / "action.yml").read_text(), (CI / "evidence.yml").read_text()):
        for line in text.splitlines():
            assert not re.search(r"[a-z]@\w", line) or re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_no_expression_is_pasted_into_shell():
    scripts = [step["run"] for step in steps() if "run" in step]

    assert len(scripts) == 3
    assert all("${{" not in script for script in scripts)


def test_a_job_may_read_the_repository_and_nothing_else():
    workflow = load("evidence.yml")

    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}]
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflow_gives_the_action_inputs_that_it_has():
    (used,) = [step for step in steps() if step.get("uses", "").startswith("./")]
    inputs = load("action.yml")["inputs"]

    assert set(used["with"]) <= set(inputs)
    assert {name for name, said in inputs.items() if said.get("required")} <= set(used["with"])


def test_the_version_is_this_one():
    assert load("action.yml")["inputs"]["version"]["default"] == __version__
    assert load("gitlab-ci.yml")["verify-evidence"]["variables"]["EVIDENCE_KIT_VERSION"] == __version__


# What they do.


@dataclass
class Project:
    """A repository's folder with one case and its policy, and the means to run shell there as a CI system would."""

    root: Path
    case: Path
    environment: dict[str, str]

    def bash(self, script, *options, **environment):
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", *options, "-c", script],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def tamper(self):
        page = next(self.case.glob("bags/*/data/**/000000.json"))
        page.chmod(0o644)
        page.write_bytes(page.read_bytes()[:-1] + b" ")
        return page.relative_to(self.root).as_posix()


@pytest.fixture
def project(tmp_path, installed):
    """A project in which the action's own install step has put evidence-kit."""
    root = tmp_path / "project"
    made = make_case(root / CASE, pages=1, names=("two words",))
    made.note()
    (root / TRUST).write_bytes(made.trust_text)
    environment = {
        "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),  # the libraries; the fixture installs none
        "RUNNER_TEMP": str(installed.parent),
        "HOME": str(tmp_path),
        "EVIDENCE_KIT_HOME": str(tmp_path / "home"),
        "LC_ALL": "C",
    }
    return Project(root, root / CASE, environment)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Run the install step of the action against a folder that holds the wheel of this tree."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    work = tmp_path_factory.mktemp("install")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", work / "wheels", ROOT],
        check=True,
    )
    (step,) = [step for step in load("action.yml")["runs"]["steps"] if step.get("name") == "Install evidence-kit"]
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(work),
        "VERSION": __version__,
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_FIND_LINKS": str(work / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=environment, check=True)
    assert (work / "evidence-kit" / "bin" / "evidence-kit").exists()
    return work / "evidence-kit"


def act(project, **inputs):
    """Run the verifying step of the action."""
    (step,) = [step for step in load("action.yml")["runs"]["steps"] if step.get("name") == "Verify"]
    said = {"case": CASE, "trust": TRUST, "last-checkpoint": "", "require-complete": "false", **inputs}
    environment = {
        name: said[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]] for name, value in step["env"].items()
    }
    summary = project.root / "summary.md"
    return project.bash(
        step["run"], **environment, GITHUB_STEP_SUMMARY=str(summary), GITHUB_WORKSPACE=str(project.root)
    )


def test_the_action_passes_a_sound_case(project):
    run = act(project)

    assert (run.returncode, run.stderr) == (0, "")
    assert not [line for line in run.stdout.splitlines() if not line.startswith("::notice ")]
    assert "| files | pass |" in (project.root / "summary.md").read_text()


def test_the_action_annotates_the_file_that_was_tampered_with(project):
    page = project.tamper()

    run = act(project)

    assert run.returncode == Exit.DIGEST
    assert f"::error file={page},title=DIGEST%3A bytes differ from the manifest::" in run.stdout


def test_the_action_reads_a_hostile_input_as_a_name(project):
    run = act(project, case="--help $(touch pwned)")

    assert run.returncode == Exit.EMPTY
    assert not (project.root / "pwned").exists()


def test_the_action_fails_if_the_checkpoint_it_was_given_is_gone(project):
    assert act(project, **{"last-checkpoint": ".kept/checkpoint"}).returncode == Exit.USAGE


def test_a_log_rolled_back_fails_against_what_the_workflow_kept(project):
    (keep,) = [step["run"] for step in load("evidence.yml")["jobs"]["verify"]["steps"] if "run" in step]
    assert project.bash(keep, CASE=CASE).returncode == 0
    assert act(project, **{"last-checkpoint": ".kept/checkpoint"}).returncode == Exit.OK
    roll_back(project)

    assert act(project).returncode == Exit.OK
    assert act(project, **{"last-checkpoint": ".kept/checkpoint"}).returncode == Exit.CHAIN


def roll_back(project):
    """Put the case back as it was before its note: sound in itself, as an older copy is."""
    shutil.rmtree(project.case)
    made = make_case(project.case, pages=1, names=("two words",))
    (project.root / TRUST).write_bytes(made.trust_text)


def test_the_action_asks_for_completeness_if_told(project):
    shutil.rmtree(project.case)
    made = make_case(project.case, pages=1, names=(), regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))
    (project.root / TRUST).write_bytes(made.trust_text)

    assert act(project).returncode == Exit.OK
    run = act(project, **{"require-complete": "true"})
    assert run.returncode == Exit.INCOMPLETE
    assert "::error title=INCOMPLETE" in run.stdout


def gitlab(project, *options):
    job = load("gitlab-ci.yml")["verify-evidence"]
    return project.bash("\n".join(job["script"]), *options, **job["variables"])


def test_the_gitlab_job_reports_and_remembers(project):
    run = gitlab(project)

    assert run.returncode == 0, run.stderr
    assert ET.parse(project.root / "evidence.xml").getroot().get("failures") == "0"  # noqa: S314 - our own
    assert (project.root / ".kept" / "checkpoint").read_bytes() == (
        project.case / "custody" / "checkpoint"
    ).read_bytes()


def test_the_gitlab_job_fails_with_the_defect_in_its_report_and_remembers_nothing(project):
    page = project.tamper()

    run = gitlab(project)

    assert run.returncode == Exit.DIGEST
    (failed,) = [
        case
        for case in ET.parse(project.root / "evidence.xml").getroot().iter("testcase")  # noqa: S314 - our own
        if case.find("failure") is not None
    ]
    assert failed.get("file") == page
    assert not (project.root / ".kept").exists()


def test_the_gitlab_job_notices_a_rolled_back_log(project):
    assert gitlab(project).returncode == 0
    roll_back(project)

    assert gitlab(project).returncode == Exit.CHAIN


# The hook, by pre-commit itself in a real repository.


@dataclass
class Repository:
    """A git repository whose commits pass through the hook."""

    project: Project

    def git(self, *words, cwd=None, check=True):
        identity = ["-c", "user.name=R", "-c", "user.email=r@example.com", "-c", "core.autocrlf=false"]
        return subprocess.run(
            ["git", *identity, *words],
            cwd=cwd or self.project.root,
            env=self.project.environment,
            capture_output=True,
            text=True,
            check=check,
        )

    def commit(self):
        self.git("add", "-A")
        return self.git("commit", "-q", "-m", "a change", check=False)


@pytest.fixture
def repository(project, tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    program("pre-commit")
    project.environment.update(
        PRE_COMMIT_HOME=str(tmp_path / "pre-commit"),
        GIT_CONFIG_NOSYSTEM="1",
        PATH=f"{project.environment['PATH']}{os.pathsep}{BIN}",
        PRE_COMMIT_COLOR="never",
    )
    found = Repository(project)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(CI / "pre-commit-hooks.yaml", hooks / ".pre-commit-hooks.yaml")
    shutil.copy(CI / "verify-touched.sh", hooks)
    for folder in (hooks, project.root):
        found.git("init", "-q", cwd=folder)
    found.git("add", "-A", cwd=hooks)
    found.git("commit", "-q", "-m", "hooks", cwd=hooks)
    revision = found.git("rev-parse", "HEAD", cwd=hooks).stdout.strip()
    config = {"repos": [{"repo": str(hooks), "rev": revision, "hooks": [{"id": "verify-evidence"}]}]}
    (project.root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    subprocess.run(
        [BIN / "pre-commit", "install"], cwd=project.root, env=project.environment, check=True, capture_output=True
    )
    return found


def test_the_hook_lets_a_sound_case_in_and_a_change_elsewhere_through(repository):
    first = repository.commit()
    assert first.returncode == 0, first.stderr
    (repository.project.root / "notes.txt").write_text("nothing to verify")

    assert repository.commit().returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("what", ["changed", "removed", "added", "case removed"])
def test_the_hook_stops_a_commit_that_harms_a_case(repository, what):
    assert repository.commit().returncode == 0
    project = repository.project
    page = next(project.case.glob("bags/*/data/**/000000.json"))
    match what:
        case "changed":
            project.tamper()
        case "removed":
            page.unlink()
        case "added":
            page.with_name("new\nline.json").write_text("x")
        case _:
            shutil.rmtree(project.case)

    run = repository.commit()

    assert run.returncode == 1
    said = {"changed": "[DIGEST 10]", "removed": "[MISSING 11]", "added": "[UNEXPECTED 12]"}
    assert said.get(what, "is not there") in run.stderr


@pytest.mark.slow
def test_the_hook_stops_a_commit_that_rolls_the_log_back(repository):
    assert repository.commit().returncode == 0
    roll_back(repository.project)

    run = repository.commit()

    assert run.returncode == 1
    assert "[CHAIN 14]" in run.stderr


def test_the_hook_verifies_a_case_that_is_the_whole_repository(repository):
    project = repository.project
    for path in project.case.iterdir():
        path.rename(project.root / path.name)
    shutil.rmtree(project.root / "cases")

    run = repository.commit()

    # What else lies there, the policy and the hook's configuration, belongs to no case.
    assert run.returncode == 1
    assert "./.pre-commit-config.yaml" not in run.stderr
    assert ".pre-commit-config.yaml" in run.stderr


def test_the_hook_fails_if_git_does(repository):
    repository.commit()
    script = f'"{CI / "verify-touched.sh"}" --trust {TRUST}'

    run = repository.project.bash(script, PRE_COMMIT_FROM_REF="no-such-commit", PRE_COMMIT_TO_REF="HEAD")

    assert run.returncode not in {0, Exit.OK}
    assert "no-such-commit" in run.stderr


def test_the_hook_checks_the_commits_of_a_push(repository):
    repository.commit()
    repository.project.tamper()
    repository.git("add", "-A")
    repository.git("commit", "-q", "--no-verify", "-m", "behind the hook's back")
    script = f'"{CI / "verify-touched.sh"}" --trust {TRUST}'

    run = repository.project.bash(script, PRE_COMMIT_FROM_REF="HEAD~1", PRE_COMMIT_TO_REF="HEAD")

    assert run.returncode == Exit.DIGEST


def push(repository, **said):
    script = f'"{CI / "verify-touched.sh"}" --trust {TRUST}'
    return repository.project.bash(script, **said)


def test_the_hook_refuses_a_push_of_what_is_not_checked_out(repository):
    repository.commit()
    repository.git("checkout", "-q", "-b", "aside")
    repository.project.tamper()
    repository.git("commit", "-q", "-a", "--no-verify", "-m", "behind the hook's back")
    repository.git("checkout", "-q", "-")

    run = push(repository, PRE_COMMIT_FROM_REF="HEAD", PRE_COMMIT_TO_REF="aside")

    assert run.returncode == Exit.USAGE
    assert "not what is checked out" in run.stderr


def test_the_hook_refuses_a_push_of_what_was_put_right_in_the_folder_alone(repository):
    repository.commit()
    sound = repository.git("rev-parse", "HEAD").stdout.strip()
    repository.project.tamper()
    repository.git("commit", "-q", "-a", "--no-verify", "-m", "behind the hook's back")
    repository.git("checkout", "-q", sound, "--", CASE)

    run = push(repository, PRE_COMMIT_FROM_REF=sound, PRE_COMMIT_TO_REF="HEAD")

    assert run.returncode == Exit.USAGE
    assert "git does not have what lies here" in run.stderr


@pytest.mark.slow
def test_the_hook_checks_a_first_push_whole(repository):
    repository.commit()
    first = {"PRE_COMMIT_LOCAL_BRANCH": "HEAD", "PRE_COMMIT_REMOTE_NAME": "origin"}
    assert push(repository, **first).returncode == Exit.OK
    repository.project.tamper()
    repository.git("commit", "-q", "-a", "--no-verify", "-m", "behind the hook's back")

    assert push(repository, **first).returncode == Exit.DIGEST


def test_the_hook_stops_a_commit_that_leaves_a_file_of_a_case_out(repository):
    assert repository.commit().returncode == 0
    page = next(repository.project.case.glob("bags/*/data/**/000000.json"))
    repository.git("rm", "-q", "--cached", str(page))

    run = repository.git("commit", "-q", "-m", "a change", check=False)

    assert run.returncode == 1
    assert "git does not have what lies here" in run.stderr


def test_the_hook_lets_derived_files_lie_beside(repository):
    assert repository.commit().returncode == 0
    (repository.project.case / "derived").mkdir()
    (repository.project.case / "derived" / "a.csv").write_text("a\n")
    note = repository.project.root / "notes.txt"
    note.write_text("nothing to verify")
    repository.git("add", "notes.txt")
    assert repository.git("commit", "-q", "-m", "a change", check=False).returncode == 0

    assert push(repository, PRE_COMMIT_LOCAL_BRANCH="HEAD").returncode == Exit.OK


def test_every_example_is_explained():
    text = (CI / "README.md").read_text()

    assert all(f"`{path.name}`" in text for path in CI.iterdir() if path.name != "README.md")
