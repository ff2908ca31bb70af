"""`demo`: four estates on loopback, one incident across them, and a playbook that makes a verified case of it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.demo_steps import ANSWERS, ELSEWHERE, REPORT, Step, answers, looking, playing
from evidence_kit.errors import PluginError, UsageError

PASSPHRASE = "demo"  # noqa: S105 - printed for everybody; the keys of a demo protect nothing
# Long enough ago for every source to have settled.
_SETTLED = timedelta(hours=8)
# Of the user's own environment nothing that leads a command to other accounts, keys or servers.
_NOT_OURS = ("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "EVIDENCE_KIT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_STORY = (
    "A developer pushes a `.env` to a public repository: keys of a supplier, of AWS, Azure and Google Cloud.",
    "With the supplier's key somebody delivers poisoned features; the nightly retraining of the fraud score takes",
    "them in. The other keys open Azure OpenAI, a Vertex AI endpoint, and AWS, where the trail is stopped.",
)


def demo(
    out: Path = typer.Option(Path("demo-case"), "--out", help="The folder to make."),
    lookup_rps: float = typer.Option(2.0, "--lookup-rps", hidden=True),
) -> None:
    """Run the whole way on a sandbox.

    A playbook takes one incident from AWS, Azure, Google Cloud and two partners, all on loopback, and waits for
    somebody to approve a hold. Leaves a verified case, its trust policy, its keys and a report.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"`{out}` exists and is not empty", hint="choose another folder with `--out`")
    try:
        import duckdb  # noqa: F401 - a playbook asks the evidence, and half a demo helps nobody
        import pyarrow  # noqa: F401, ICN001 - as above

        from evidence_kit.sandbox.hybrid.estates import Hybrid
    except ImportError as error:
        hint = "pip install 'evidence-kit[sandbox,analysis]'"
        raise PluginError(f"the sandbox is not installed: `{error.name}` is missing", hint=hint) from error
    out.mkdir(parents=True, exist_ok=True)
    end = settings.now().replace(minute=0, second=0, microsecond=0) - _SETTLED
    for line in (*_STORY, ""):
        output.note(line)
    output.note("sandbox   starting AWS, Microsoft, Google Cloud and two partners; nothing leaves this machine")
    own = _environment(out)
    with Hybrid(end=end, lookup_tps=lookup_rps) as estates:
        (out / "inventory.yaml").write_text(estates.inventory)
        (out / ANSWERS).write_text(answers(estates.window))
        (out / estates.connectors.name).write_bytes(estates.connectors.read_bytes())
        output.note("")
        output.note(f"$ cd {shlex.quote(str(out))}")
        for step in playing(estates, out):
            _run(step, out, {**own, **estates.environ})
    for step in looking():
        _run(step, out, own)
    _tell(out)


def _environment(out: Path) -> dict[str, str]:
    """Return the user's environment without what leads elsewhere, with the demo's own home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_OURS) and not name.lower().endswith("_proxy")
    }
    return {**kept, "EVIDENCE_KIT_HOME": str(out.resolve()), "EVIDENCE_KIT_PASSPHRASE": PASSPHRASE}


def _run(step: Step, out: Path, environ: Mapping[str, str]) -> None:
    """Run a command just as a person would; the demo does nothing that they could not do."""
    output.note("")
    output.note(f"# {step.why}")
    if step.shows:
        output.note(f"$ cat {step.shows}")
        output.note((out / step.shows).read_text().rstrip())
    at = f"EVIDENCE_KIT_HOME={step.home} " if step.home else ""
    home = {"EVIDENCE_KIT_HOME": str((out / step.home).resolve())} if step.home else {}
    output.note(f"$ {at}evidence-kit {shlex.join(step.arguments)}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "evidence_kit", *step.arguments]
    code = subprocess.run(command, check=False, cwd=out, env={**environ, **home}).returncode  # noqa: S603
    if code not in step.fine:
        output.note("the demo stops here; the case is left as it is")
        raise typer.Exit(code)


def _tell(out: Path) -> None:
    case = out / "case"
    output.note("")
    output.note(f"report    {out / REPORT}")
    keys = f"{out / 'keys'} and {out / ELSEWHERE / 'keys'}"
    output.note(f"trust     {out / 'trust.yaml'}   keys {keys} (passphrase `{PASSPHRASE}`)")
    output.note(f"hint: change any byte below {case}, then `evidence-kit verify {case} --trust {out / 'trust.yaml'}`")
    output.data(f"case: {case}")
