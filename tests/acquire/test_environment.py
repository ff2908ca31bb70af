"""What an acquisition says about the machine and the command, without what must not be said."""

import pytest

from evidence_kit.acquire.environment import TOOL, distribution_digest, environment, redacted


def test_the_environment_names_the_tool_its_libraries_and_the_installed_files():
    said = environment()
    assert said["tool"] == TOOL
    used = {"boto3", "botocore", "cryptography", "jmespath", "PyYAML", "rfc3161-client", "urllib3"}
    assert set(said["libraries"]) == used
    assert all(said["libraries"].values())


def test_an_installed_distribution_is_pinned_by_its_record_and_an_absent_one_says_so():
    assert len(distribution_digest("cryptography")["record"]) == 64
    assert distribution_digest("no-such-distribution")["record"] == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["collect", "aws.x", "--since", "2d"], ["collect", "aws.x", "--since", "2d"]),
        (["--set", "token=abc"], ["--set", "[redacted]"]),
        (["--password", "abc", "x"], ["--password", "[redacted]", "x"]),
        (["--password=abc", "x"], ["[redacted]", "x"]),
        (["--API-KEY", "abc"], ["--API-KEY", "[redacted]"]),
        (["--key", "alice@example.com"], ["--key", "alice@example.com"]),
        (["my-secret-thing"], ["[redacted]"]),
        ([], []),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(given, shown):
    assert redacted(given) == shown
