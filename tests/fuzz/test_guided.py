"""Inputs that lead into branches nobody thought of: libFuzzer, through atheris, on every decoder."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz import test_bodies, test_case, test_documents

GUIDED = Path(__file__).with_name("guided.py")
RUNS = 2_000  # a playbook takes ten milliseconds
FAMILIES = {
    "case": test_case.ALL,
    "bodies": test_bodies.DECODERS,
    "documents": test_documents.DECODERS,
}
PAIRS = [(family, one.name) for family, known in FAMILIES.items() for one in known]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_no_branch_ends_in_a_crash(tmp_path, family, name):
    command = [sys.executable, str(GUIDED), family, name, str(RUNS)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]
    assert f"Done {RUNS} in" in ended.stdout + ended.stderr


def test_every_family_has_decoders():
    assert all(len(known) > 5 for known in FAMILIES.values())
