"""AWS's own `aws cloudtrail validate-logs` and our walker over the collected copies agree about a bucket."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.lab import DATA, target

from evidence_kit.errors import Exit
from evidence_kit.sandbox.faults import Fault

AWS = Path(sys.executable).with_name("aws")
REGION = "us-east-1"
_INVALID = re.compile(r"(?:Log|Digest) file\s+s3://(\S+)\s+INVALID")


def aws_says(cloud) -> set[str]:
    """Return the files that AWS's validator calls invalid."""
    if not AWS.exists():
        pytest.skip("the AWS command line (package `awscli`) is missing")
    command = [
        *(str(AWS), "cloudtrail", "validate-logs", "--region", REGION, "--verbose"),
        *("--trail-arn", f"arn:aws:cloudtrail:us-east-1:{DATA}:trail/main"),
        *("--account-id", DATA, "--s3-bucket", cloud.bucket),
        *("--start-time", f"{cloud.window.start:%Y-%m-%dT%H:%M:%SZ}"),
        *("--end-time", f"{cloud.window.end:%Y-%m-%dT%H:%M:%SZ}"),
    ]
    run = subprocess.run(command, env={**os.environ, **cloud.environ}, capture_output=True, text=True, check=False)
    found = set(_INVALID.findall(run.stdout + run.stderr))
    assert (run.returncode != 0) == bool(found), run.stdout + run.stderr
    return found


def we_say(cloud, lab) -> set[str]:
    """Return the log files and digests that our verification names, from the collected bag alone."""
    # AWS's validator looks at the current state of the bucket only; so does this collection.
    cloud.door.faults.add(Fault(kind="denied", service="s3", operation="ListObjectVersions", times=None))
    lab.collect("aws.cloudtrail.s3", "aws.cloudtrail.digest", targets=(target(DATA, REGION),))
    cloud.door.faults.clear()
    report = lab.verify()
    (proofs,) = [check for check in report.checks if check.id == "proofs"]
    assert {defect.verdict for defect in proofs.defects} <= {Exit.PROVIDER_PROOF}
    assert report.exit() == (Exit.PROVIDER_PROOF if proofs.defects else Exit.OK)
    return {dict(defect.facts).get("object", defect.subject) for defect in proofs.defects}


def test_both_accept_what_was_delivered(cloud, lab) -> None:
    assert aws_says(cloud) == we_say(cloud, lab) == set()


@pytest.mark.slow
def test_both_name_the_altered_log(cloud, lab) -> None:
    key = cloud.alter_log(DATA, REGION, 3)

    assert aws_says(cloud) == we_say(cloud, lab) == {f"{cloud.bucket}/{key}"}


@pytest.mark.slow
def test_both_name_the_deleted_log(cloud, lab) -> None:
    key = cloud.delete_log(DATA, REGION, 7)

    assert aws_says(cloud) == we_say(cloud, lab) == {f"{cloud.bucket}/{key}"}


@pytest.mark.slow
def test_both_notice_the_deleted_digest(cloud, lab) -> None:
    key = cloud.delete_digest(DATA, REGION, 12)

    assert f"{cloud.bucket}/{key}" in aws_says(cloud)
    assert we_say(cloud, lab)
