"""`partners test`: whether a connector does what every collector must, told claim by claim."""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import typer

import evidence_kit
from evidence_kit.cli import output, partnered, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import Exit, PluginError, UsageError

_CLAIMS = "evidence_kit.testing.claims"
# Without a fault, and without knowing what the other side has: what can be said of a real partner all the same.
_LIVE = (
    "test_every_unit_ends_in_exactly_one_status",
    "test_an_undisturbed_run_is_whole",
    "test_the_sealed_case_verifies",
    "test_no_credential_is_stored_recorded_or_logged",
    "test_every_time_on_record_has_a_zone",
    "test_every_time_on_record_is_one_that_the_context_told",
)


def check_connector(
    connector: Path = typer.Argument(..., help="A connector: a YAML file."),
    fixture: Path | None = typer.Option(None, "--fixture", help="What the partner answers: rehearsed on loopback."),
    target: str | None = typer.Option(None, "--target", help="Ask this target of the inventory instead, read-only."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Hold a connector against the claims of the conformance suite. Exits 3 if one does not hold.

    With a fixture a server on loopback plays the partner, and every fault is tried. At a target only those claims are
    tried that need no fault: give the partner's sandbox, not what it works with.
    """
    if (fixture is None) == (target is None):
        raise UsageError(
            "a rehearsal or a sandbox?", hint="give `--fixture FILE`, or `--target NAME --inventory FILE`"
        )
    if find_spec("pytest") is None:
        raise PluginError("the conformance suite needs pytest", hint="pip install 'evidence-kit[testing]'")
    said = {"connector": str(connector.resolve())}
    said |= {"fixture": _fixture(connector, fixture)} if fixture else _sandbox(connector, str(target), inventory)
    ends = _ends(said, _LIVE if target else ())
    if as_json:
        output.document([{"name": claim, "verdict": end, "reason": why} for claim, end, why in ends])
    else:
        for claim, end, why in ends:
            output.data(f"{end:7}  {claim}{f': {why}' if why else ''}")
    counts = Counter(end for _, end, _ in ends)
    output.note("  ".join(f"{count} {end}" for end, count in sorted(counts.items())))
    if counts["failed"] or not counts["passed"]:
        raise typer.Exit(Exit.INCOMPLETE)


def _fixture(connector: Path, fixture: Path) -> str:
    """Return where the fixture is, once both files are known to be sound and to belong together."""
    from evidence_kit.sandbox.partners.fixture import parse_fixture
    from evidence_kit.sources.connector import parse_connector

    spec = parse_connector(read_file(connector), name=str(connector))
    played = parse_fixture(read_file(fixture), name=str(fixture))
    if played.connector != spec.name:
        raise UsageError(f"`{fixture}` is of `{played.connector}`, not of `{spec.name}`")
    return str(fixture.resolve())


def _sandbox(connector: Path, target: str, inventory: str | None) -> dict[str, str]:
    """Return whom to ask, unless an agreement forbids it."""
    from datetime import timedelta

    from evidence_kit.governance.permitted import refusals
    from evidence_kit.model.time import Window
    from evidence_kit.sources.connector import parse_connector

    spec = parse_connector(read_file(connector), name=str(connector))
    (entry,) = partnered.entries(inventory, [target])
    if entry.target.provider != spec.provider:
        raise UsageError(f"`{target}` is of `{entry.target.provider}`, the connector of `{spec.provider}`")
    now = settings.now()
    if found := refusals([spec], [entry], Window(now - timedelta(hours=1), now), at=now):
        raise UsageError(f"refused: {found[0].text}")
    named = settings.setting("inventory", inventory)
    return {"inventory": str(Path(str(named)).resolve()), "target": entry.target.name or entry.target.id}


def _ends(said: dict[str, str], claims: Sequence[str]) -> list[tuple[str, str, str]]:
    """Run the suite in a process of its own, and return how each claim ended: whatever it logs stays there."""
    import subprocess
    import tempfile

    suite = Path(evidence_kit.__file__).parent / "testing" / "claims.py"
    with tempfile.TemporaryDirectory(prefix="evidence-kit-") as folder:
        ends = Path(folder) / "ends.jsonl"
        ends.touch()
        chosen = [f"{suite}::TestSandbox::{claim}" for claim in claims] or [str(suite)]
        quiet = ["-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", _CLAIMS, "--import-mode=importlib"]
        ended = subprocess.run(  # noqa: S603 - our own file, by this interpreter
            [sys.executable, "-m", "pytest", *quiet, f"--rootdir={folder}", f"--basetemp={folder}/temp", *chosen],
            env={**os.environ, "EVIDENCE_KIT_CLAIMS": json.dumps({**said, "ends": str(ends)})},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in ends.read_text("utf-8").splitlines()]
    # 1 is that a claim failed, and is to be told; what says less than that of itself has not run to its end.
    failed = any(line["end"] == "failed" for line in lines)
    if not lines or ended.returncode != int(failed):
        raise PluginError(
            f"the conformance suite did not run to its end: pytest ended with {ended.returncode}",
            hint=f"of its claims, {len(lines)} were told before",
        )
    return [(_claim(line["claim"]), line["end"], line["said"]) for line in lines]


def _claim(name: str) -> str:
    """Return a test's name as the sentence that it is."""
    words, _, kind = name.removeprefix("test_").partition("[")
    return words.replace("_", " ") + (f" ({kind.removesuffix(']')})" if kind else "")
