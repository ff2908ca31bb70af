"""The stories in examples/handover run as they are written, from a demo to the last verdict."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.tsa import Tsa

pytestmark = pytest.mark.slow

STORIES = Path(__file__).parents[2] / "examples" / "handover"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `evidence-kit demo` leaves."""
    out = tmp_path_factory.mktemp("stories") / "demo"
    command = [sys.executable, "-m", "evidence_kit", "demo", "--out", out, "--lookup-rps", "50"]
    subprocess.run(command, check=True, capture_output=True)
    return out


def told(name, *arguments):
    """Run a story with `evidence-kit` on the path, and return what it said."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", STORIES / name, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_case_passes_from_one_custodian_to_the_next(demo, tmp_path):
    said = told("transfer.sh", demo, tmp_path / "work")
    assert said.count("as it should") == 4
    for event in ("transfer.offered", "transfer.rejected", "transfer.accepted"):
        assert event in said
    assert "cosigned by blake@example.org" in said


def test_a_key_is_rotated(demo, tmp_path):
    said = told("rotation.sh", demo, tmp_path / "work")
    assert said.count("as it should") == 2
    assert "superseded" in said


@needs_openssl
def test_a_stolen_key_is_revoked_and_what_was_stamped_before_stands(demo, tmp_path):
    with Tsa(tmp_path / "tsa").serving() as tsa:
        said = told("revocation.sh", demo, tmp_path / "work", tsa.url, tsa.root_file)
    assert said.count("as it should") == 3
    assert "time-stamped" in said


def test_the_readme_names_every_story():
    page = (STORIES / "README.md").read_text()
    assert {path.name for path in STORIES.glob("*.sh")} - {"people.sh"} == {
        word for word in page.replace("`", " ").split() if word.endswith(".sh") and "/" not in word
    }
