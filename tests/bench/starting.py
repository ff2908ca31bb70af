"""Starting, and verifying a small case, as whole processes."""

import sys
from pathlib import Path

from measuring import ROUNDS, Row, Run, peer, program, side_by_side
from support.casemaker import make_case

WORK = "start"


def starting(base: Path, peers: Path | None, rounds: int = ROUNDS) -> list[Row]:
    """Compare with programs of the trade, which say their version or their help and do nothing."""
    python, kit = sys.executable, (sys.executable, "-m", "evidence_kit")
    case = make_case(base / "small")
    trust = base / "small-trust.yaml"
    trust.write_bytes(case.trust_text)
    runs: dict[str, Run | str] = {
        "evidence-kit --help": program(*kit, "--help"),
        "evidence-kit collect --help": program(*kit, "collect", "--help"),
        "evidence-kit verify, of a small case": program(*kit, "verify", str(case.root), "--trust", str(trust)),
        "python -c 'import typer'": program(python, "-c", "import typer"),
        "bagit.py --version": peer("bagit.py", peers, "--version"),
        "in-toto-verify --help": peer("in-toto-verify", peers, "--help"),
        "sigstore --help": peer("sigstore", peers, "--help"),
        "aws --version": peer("aws", peers, "--version"),
        "prowler --help": peer("prowler", peers, "--help"),
        "ventra --help": peer("ventra", peers, "--help"),
    }
    return side_by_side(WORK, runs, base, rounds=rounds)
