"""A verdict is said in plain words, and the commands that a report prints check the case and catch a change."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.case_reports import report_of
from support.casemaker import make_case
from support.people import Cast

from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus, Defect, Report
from evidence_kit.report.case import words

needs_tools = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("openssl", "jq", "sha256sum", "bash")),
    reason="openssl, jq, coreutils or bash is not installed",
)


def judged(*, defect=None, **more):
    defects = (Defect(verdict=defect, subject="x", message="m"),) if defect else ()
    status = CheckStatus.FAIL if defect else CheckStatus.PASS
    return Report(subject="case", checks=(Check(id="files", status=status, summary="s", defects=defects),), **more)


@pytest.mark.parametrize(
    ("report", "headline"),
    [
        (judged(), "Authentic and complete"),
        (judged(missing_units=1), "Authentic, but not complete"),
        (judged(unsealed=1), "Authentic, but not complete"),
        (judged(pending=("offered to bob",)), "Authentic, but not complete"),
        (Report(subject="case", checks=()), "Nothing to verify"),
        (judged(defect=Exit.UNTRUSTED), "Not trusted"),
        *(
            (judged(defect=code), "Verification failed")
            for code in Exit
            if 10 <= code < 100 and code != Exit.UNTRUSTED
        ),
    ],
)
def test_every_verdict_has_its_words(report, headline) -> None:
    said = words.verdict(report, report.exit())
    assert said.headline == headline
    assert said.sentences


def test_only_a_sound_case_is_called_unchanged() -> None:
    assert "unchanged" in " ".join(words.verdict(judged(), Exit.OK).sentences)
    for report in (judged(defect=Exit.DIGEST), judged(defect=Exit.CHAIN), Report(subject="case", checks=())):
        assert "unchanged" not in " ".join(words.verdict(report, report.exit()).sentences)


def test_of_work_that_was_never_sealed_nothing_is_said_to_be_whole() -> None:
    assert "brought all" in " ".join(words.verdict(judged(), Exit.OK).sentences)
    assert "brought all" not in " ".join(words.verdict(judged(unsealed=1), Exit.INCOMPLETE).sentences)


def test_what_was_not_asked_is_counted() -> None:
    said = words.verdict(judged(unasked=("log: rollback", "timestamp: none")), Exit.OK).sentences
    assert "2 questions could not be asked; below they stand as not checked." in said


def by_hand(case):
    """Return a report's commands without evidence-kit as one script."""
    steps = [one.command for one in report_of(case).instructions if "evidence-kit" not in one.command]
    return "\n".join(steps)


def check(case, key):
    """Carry out a report's commands, to the first that fails, where `key` lies as the report calls it."""
    script = by_hand(case).replace("CASE/", f"{case.root}/")
    (key.parent / "trusted.pem").write_bytes(key.read_bytes())
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=key.parent, capture_output=True, text=True, check=False
    )


@needs_tools
def test_the_printed_commands_pass_on_a_sound_case_and_fail_on_a_changed_one(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=("two words",))
    key = tmp_path / "robin.pem"
    key.write_bytes(case.signer.public_key_pem)

    told = check(case, key)
    assert told.returncode == 0, told.stderr
    assert case.verify().exit() is Exit.OK, "what they write does not lie in the case"
    victim = next(path for path in case.path("data").rglob("*") if path.is_file())
    victim.chmod(0o644)
    victim.write_bytes(b"x")
    assert check(case, key).returncode != 0


def test_the_readme_prints_the_same_commands(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=())
    printed = by_hand(case).splitlines()
    page = (Path(__file__).parents[3] / "README.md").read_text()
    block = page.partition("## Check a case without evidence-kit")[2].partition("```sh\n")[2].partition("```")[0]
    assert [line for line in printed[:-1] if not line.startswith("cd ")] == [
        line for line in block.splitlines() if not line.startswith("cd ")
    ]


@needs_tools
def test_the_printed_commands_fail_with_another_key(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=())
    cast = Cast(tmp_path)
    key = tmp_path / "other.pem"
    key.write_bytes(cast.add("mallory").ring.public_pem("mallory"))
    assert check(case, key).returncode != 0
    # Whoever made the bag can lay their own key into it, under the name that the commands use.
    planted = case.path("trusted.pem")
    planted.write_bytes(case.signer.public_key_pem)
    told = check(case, key)
    assert "Verification failure" in told.stdout + told.stderr
    assert told.returncode != 0
