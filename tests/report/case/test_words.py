"""A verdict is said in plain words, and the commands that a report prints check the case and catch a change."""

import shutil
import subprocess

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


def test_what_was_not_asked_is_counted() -> None:
    said = words.verdict(judged(unasked=("log: rollback", "timestamp: none")), Exit.OK).sentences
    assert "2 questions could not be asked; below they stand as not checked." in said


def commands(case, key):
    """Return the commands of a report as one script, which ends at the first that fails."""
    steps = [one.command for one in report_of(case).instructions if "evidence-kit" not in one.command]
    script = "\n".join(steps).replace("CASE/", f"{case.root}/")
    return f"set -euo pipefail\n{script.replace('trusted.pem', str(key))}\n"


@needs_tools
def test_the_printed_commands_pass_on_a_sound_case_and_fail_on_a_changed_one(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=("two words",))
    key = tmp_path / "trusted.pem"
    key.write_bytes(case.signer.public_key_pem)
    script = commands(case, key)

    def run():
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert run().returncode == 0, run().stderr
    victim = next(path for path in case.path("data").rglob("*") if path.is_file())
    victim.chmod(0o644)
    victim.write_bytes(b"x")
    assert run().returncode != 0


@needs_tools
def test_the_printed_commands_fail_with_another_key(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=())
    cast = Cast(tmp_path)
    key = tmp_path / "other.pem"
    key.write_bytes(cast.add("mallory").ring.public_pem("mallory"))
    assert subprocess.run(["bash", "-c", commands(case, key)], capture_output=True, check=False).returncode != 0
