"""Every command of docs/partners.md works as it stands there, in its order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "partners.md").read_text()
PAGE = re.sub(r"\n## Assurance\n.*?(?=\n## |\Z)", "", PAGE, flags=re.DOTALL)  # has a test of its own
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(INVENTORY,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each block of commands said, with a case of its own."""
    if missing := [name for name in ("bash", "jq", "openssl", "sha256sum") if shutil.which(name) is None]:
        pytest.skip(f"`{missing[0]}` is not installed")
    here = tmp_path_factory.mktemp("partners")
    (here / "inventory.yaml").write_text(INVENTORY)
    (here / "bin").mkdir()
    program = here / "bin" / "evidence-kit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evidence_kit "$@"\n')
    program.chmod(0o755)
    environ = {
        "PATH": f"{here / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "EVIDENCE_KIT_HOME": str(here / "home"),
        "EVIDENCE_KIT_PASSPHRASE": "correct horse",
        "LC_ALL": "C.UTF-8",
    }
    before = (
        "evidence-kit keys new --name alice@example.com\n"
        "evidence-kit init IR-1 --id IR-1 --title 'a leaked key' --yes\n"
    )

    def run(script):
        done = subprocess.run(
            ["bash", "-eu", "-c", script], cwd=here, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    run(before)
    return [run(block) for block in COMMANDS]


def test_the_request_names_its_id_and_what_to_do_with_it(told):
    assert re.search(r"REQ-\d{8}T\d{6}Z-[0-9a-z]{6} to acme", told[0])


def test_the_delivery_is_taken_in_with_its_signature_checked(told):
    assert "is good: certificate" in told[2]
    assert "`SHA256SUMS`: 1 of 1 digests match" in told[2]
    assert "receipt.json" in told[2]


def test_coverage_names_what_is_still_missing(told):
    missing = [line for line in told[3].splitlines() if line.startswith("not delivered")]
    assert any("no access_logs" in line for line in missing)
    assert any("no file `admins*.csv`" in line for line in missing)
    assert any("audit_logs: no record before" in line for line in missing)
    assert all("due by" in line for line in missing)


def test_the_receipt_is_checked_with_the_tool(told):
    assert told[4].startswith("OK  alice@example.com received 4 files for REQ-")


def test_the_receipt_is_checked_with_openssl_and_jq_alone(told):
    assert "Verified OK" in told[5]
    assert "audit_logs/roles.jsonl: OK" in told[5]
    assert "SHA256SUMS.p7s: OK" in told[5]


def test_every_proof_and_every_status_is_described():
    from evidence_kit.collectors.intake.verdicts import _ENDS

    for status in set(_ENDS.values()):
        assert f"`{status.value}`" in PAGE
