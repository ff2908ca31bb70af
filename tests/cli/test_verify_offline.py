"""`verify` needs no network: it never even makes a socket, and runs where there is none."""

import os
import shutil
import subprocess
import sys

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.acquire.handover import Terms, accept, offer

# An audit hook cannot be taken out again by what runs after it.
FORBIDDING = """
import sys
def forbid(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")):
        raise SystemExit(f"reached for the network: {event} {arguments!r}")
sys.addaudithook(forbid)
from evidence_kit.__main__ import main
sys.exit(main())
"""
LOADED = """
import sys
from evidence_kit.__main__ import main
code = main()
heavy = {"boto3", "botocore", "google", "azure", "requests", "httpx", "urllib3", "obstore", "pyrage", "pkcs11"}
print(sorted(heavy.intersection(name.partition(".")[0] for name in sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory):
    """A case of two custodians, and the policy that trusts them."""
    cast = Cast(tmp_path_factory.mktemp("offline"))
    for name in ("alice", "bob"):
        cast.add(name)
    alice = cast.open("alice")
    offer(alice.vault, alice.ring, None, to=cast["bob"].person, terms=Terms(purpose="p"), at=NOW)
    bob = cast.carry("alice", "bob")
    accept(bob.vault, bob.ring, None, trust=cast.trust(), terms=Terms(purpose=""), last=None, at=NOW)
    (cast.root / "trust.yaml").write_bytes(cast.trust_text())
    return cast


def verify(cast, program, *before):
    return subprocess.run(
        [
            *before,
            sys.executable,
            "-c",
            program,
            "verify",
            cast["bob"].case,
            "--trust",
            cast.root / "trust.yaml",
            "--each-signature",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"EVIDENCE_KIT_HOME": str(cast.root / "nobody")},
    )


def test_verify_makes_no_socket(handed_over):
    done = verify(handed_over, FORBIDDING)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK")


def test_the_hook_that_forbids_sockets_works(handed_over):
    program = FORBIDDING.replace(
        "from evidence_kit.__main__", "import socket; socket.socket()\nfrom evidence_kit.__main__"
    )
    assert "reached for the network" in verify(handed_over, program).stderr


def test_verify_loads_no_library_that_could_reach_the_network(handed_over):
    done = verify(handed_over, LOADED)
    assert done.stderr.strip() == "[]"


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.geteuid() != 0, reason="unshare(1) as root is not to be had"
)
def test_verify_runs_where_there_is_no_network_at_all(handed_over):
    done = verify(handed_over, FORBIDDING, "unshare", "-n")
    if "Operation not permitted" in done.stderr:
        pytest.skip("network namespaces are not allowed here")
    assert done.returncode == 0, done.stderr
