"""A gigabyte of zeros in the place of any file gives its verdict, in bounded memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.acquire.handover import Terms, accept, offer

GIGABYTE = 1 << 30
MEMORY = 200_000  # KB resident, of which the interpreter and its libraries are half
PLACES = {
    "custody/log.jsonl": 12,  # without a log, nothing vouches for the bags: the lowest code of all defects
    "custody/checkpoint": 14,
    "custody/checkpoints/5": 14,
    "case.json": 10,
    "seal/seal.sigstore.json": 10,
    "seal/acquisition.pub": 10,
    "seal/timestamps/x.tsr": 13,
    "record/artifacts.intoto.jsonl": 10,
    "record/exchanges.jsonl": 10,
    "manifest-sha256.txt": 10,
    "tagmanifest-sha256.txt": 10,
}
PROGRAM = """
import sys
from support import memory
from evidence_kit.cli.app import main
code = main(sys.argv[1:])
print(memory.peak(), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    """A case that was handed over once, so that it has a kept checkpoint."""
    cast = Cast(tmp_path_factory.mktemp("zeros"))
    for name in ("alice", "bob"):
        cast.add(name)
    alice = cast.open("alice")
    offer(alice.vault, alice.ring, None, to=cast["bob"].person, terms=Terms(purpose="p"), at=NOW)
    bob = cast.carry("alice", "bob")
    accept(bob.vault, bob.ring, None, trust=cast.trust(), terms=Terms(purpose=""), last=None, at=NOW)
    (cast.root / "trust.yaml").write_bytes(cast.trust_text())
    return cast


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_gigabyte_of_zeros_gives_its_verdict_in_bounded_memory(cast, tmp_path, place):
    case = cast["bob"].case
    (bag,) = (case / "bags").iterdir()
    victim = case / place if place.startswith(("custody", "case")) else bag / place
    victim.parent.mkdir(exist_ok=True)
    kept = victim.read_bytes() if victim.exists() else None
    victim.unlink(missing_ok=True)
    with victim.open("wb") as out:
        out.truncate(GIGABYTE)  # sparse: it takes no room on the disk
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "verify", case, "--trust", cast.root / "trust.yaml", "--each-signature"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
    finally:
        victim.unlink()
        if kept is not None:
            victim.write_bytes(kept)
    assert done.returncode == PLACES[place], done.stdout + done.stderr
    assert int(done.stderr.split()[-1]) < MEMORY
