"""`demo`: a small AWS on loopback, one incident, collected into a signed, sealed and verified case."""

import os
import shlex
import subprocess
import sys
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import Exit, PluginError, UsageError

PASSPHRASE = "demo"  # noqa: S105 - printed for everybody; the keys of a demo protect nothing
EXAMINER = "examiner@example.com"
# Long enough ago for every source to have settled.
_SETTLED = timedelta(hours=8)


def demo(
    out: Path = typer.Option(Path("demo-case"), "--out", help="The folder to make."),
    lookup_rps: float = typer.Option(2.0, "--lookup-rps", hidden=True),
) -> None:
    """Run the whole way on a sandbox.

    Collects one incident from a small AWS on loopback; leaves a verified case, its trust policy and its keys.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"`{out}` exists and is not empty", hint="choose another folder with `--out`")
    try:
        from evidence_kit.sandbox.cloud import Cloud
        from evidence_kit.sandbox.sources import SOURCES
    except ImportError as error:
        raise PluginError("the sandbox is not installed", hint="pip install 'evidence-kit[sandbox]'") from error
    case, inventory = out / "case", out / "inventory.yaml"
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update(EVIDENCE_KIT_HOME=str(out), EVIDENCE_KIT_PASSPHRASE=PASSPHRASE)
    end = settings.now().replace(minute=0, second=0, microsecond=0) - _SETTLED
    output.note("sandbox   starting two AWS accounts on loopback; nothing leaves this machine")
    with Cloud(end=end, lookup_tps=lookup_rps) as cloud:
        os.environ.update(cloud.environ)
        inventory.write_text(cloud.inventory)
        window = cloud.window.to_json()
        steps = (
            ["keys", "new", "--name", EXAMINER],
            ["init", str(case), "--id", "IR-DEMO", "--title", "leaked key of ci-deploy", "--yes",
             "--purpose", "show the whole way from collection to verdict",
             "--authority", "none needed: the sandbox is ours"],
            ["collect", *SOURCES, "--case", str(case), "--inventory", str(inventory),
             "--since", window["start"], "--until", window["end"]],
        )  # fmt: skip
        for step in steps:
            # Of what an endpoint was asked only a sample was ever recorded: that cannot be collected whole.
            _run(step, fine={Exit.OK, Exit.INCOMPLETE} if step[0] == "collect" else {Exit.OK})
    _run(["coverage", str(case)])
    _run(["verify", str(case), "--each-signature"])
    _tell(out, case)


def _run(arguments: list[str], *, fine: Collection[Exit] = (Exit.OK,)) -> None:
    """Run a command just as a person would; the demo does nothing that they could not do."""
    output.note("")
    output.note(f"$ evidence-kit {shlex.join(arguments)}")
    sys.stdout.flush()
    code = subprocess.run([sys.executable, "-m", "evidence_kit", *arguments], check=False).returncode  # noqa: S603
    if code not in fine:
        output.note("the demo stops here; the case is left as it is")
        raise typer.Exit(code)


def _tell(out: Path, case: Path) -> None:
    output.note("")
    output.note(f"trust     {out / 'trust.yaml'}   keys {out / 'keys'} (passphrase `{PASSPHRASE}`)")
    output.note(f"hint: change any byte below {case}, then `evidence-kit verify {case} --trust {out / 'trust.yaml'}`")
    output.data(f"case: {case}")
