"""`demo`: four estates on loopback, one incident across them, collected into a signed, sealed and verified case."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import Exit, PluginError, UsageError

if TYPE_CHECKING:
    from evidence_kit.sandbox.hybrid.estates import Hybrid

PASSPHRASE = "demo"  # noqa: S105 - printed for everybody; the keys of a demo protect nothing
EXAMINER = "examiner@example.com"
# Long enough ago for every source to have settled.
_SETTLED = timedelta(hours=8)
# Of the user's own environment nothing that leads a command to other accounts, keys or servers.
_NOT_OURS = ("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "EVIDENCE_KIT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_ESTATES = ("github.*", "acme_supplier.*", "aws.cloudtrail.s3", "azure.*", "gcp.*")
_DEPLOYING = ("CreateTrainingJob", "CreateModel", "CreateModelPackage", "UpdateModelPackage", "UpdateEndpoint")
_STORY = (
    "A developer pushes a `.env` to a public repository: keys of a supplier, of AWS, Azure and Google Cloud.",
    "With the supplier's key somebody delivers poisoned features; the nightly retraining of the fraud score takes",
    "them in. The other keys open Azure OpenAI, a Vertex AI endpoint, and AWS, where the trail is stopped.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command as a person would type it in the demo's folder, and why; `fine` are the exits that go on."""

    why: str
    arguments: tuple[str, ...]
    fine: frozenset[Exit] = frozenset({Exit.OK})


def demo(
    out: Path = typer.Option(Path("demo-case"), "--out", help="The folder to make."),
    lookup_rps: float = typer.Option(2.0, "--lookup-rps", hidden=True),
) -> None:
    """Run the whole way on a sandbox.

    Collects one incident from AWS, Azure, Google Cloud and two partners, all on loopback; leaves a verified case, its
    trust policy and its keys.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"`{out}` exists and is not empty", hint="choose another folder with `--out`")
    try:
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
        (out / estates.connectors.name).write_bytes(estates.connectors.read_bytes())
        output.note("")
        output.note(f"$ cd {shlex.quote(str(out))}")
        for step in _collecting(estates):
            _run(step, out, {**own, **estates.environ})
    for step in _looking():
        _run(step, out, own)
    _tell(out)


def _collecting(estates: "Hybrid") -> Iterator[Step]:
    """Yield what needs the estates."""
    window = estates.window.to_json()
    yield Step(
        why="A key of your own signs all that follows, and a trust policy says whose signatures you accept.",
        arguments=("keys", "new", "--name", EXAMINER),
    )
    yield Step(
        why="A case has a purpose and an authority; both are signed first.",
        arguments=(
            *("init", "case", "--id", "IR-DEMO", "--title", "poisoned features", "--yes"),
            *("--purpose", "show the whole way from collection to verdict"),
            *("--authority", "none needed: the sandbox is ours"),
        ),
    )
    yield Step(
        why="The inventory names every account and partner; the supplier is one YAML file, which no catalogue knows.",
        arguments=(
            *("collect", *estates.sources, "--case", "case", "--inventory", "inventory.yaml"),
            *("--connectors", estates.connectors.name, "--since", window["start"], "--until", window["end"]),
        ),
        # Of what an endpoint was asked only a sample was ever recorded: that cannot be collected whole.
        fine=frozenset({Exit.OK, Exit.INCOMPLETE}),
    )


def _looking() -> Iterator[Step]:
    """Yield what needs nothing but the case."""
    yield Step(
        why="What was had, and what was not: a gap is on record, and never silent.",
        arguments=("coverage", "case"),
    )
    yield from _asking()
    yield Step(
        why="Every byte, signature and seal once more, by what you trust and not by what the case says of itself.",
        arguments=("verify", "case", "--each-signature"),
    )


def _asking() -> Iterator[Step]:
    """Yield the time lines, where what they need is installed; the case is whole without them."""
    from evidence_kit.sandbox.hybrid.cast import ATTACKER

    if missing := [name for name in ("duckdb", "pyarrow") if find_spec(name) is None]:
        output.note("")
        output.note(f"# No time line here: `{missing[0]}` is not installed (pip install 'evidence-kit[analysis]').")
        return
    timeline = ("timeline", "case", "--work", "tables")
    yield Step(
        why="One machine in four estates. The supplier's clock is seven minutes ahead, which is taken off.",
        arguments=(*timeline, "--address", ATTACKER, *_each("--source", _ESTATES)),
    )
    yield Step(
        why="What became of the features; and the last model, put in by hand when the trail was off.",
        arguments=(*timeline, "--source", "aws.cloudtrail.lookup", *_each("--action", _DEPLOYING)),
    )


def _each(option: str, values: tuple[str, ...]) -> Iterator[str]:
    for value in values:
        yield from (option, value)


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
    output.note(f"$ evidence-kit {shlex.join(step.arguments)}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "evidence_kit", *step.arguments]
    code = subprocess.run(command, check=False, cwd=out, env=environ).returncode  # noqa: S603
    if code not in step.fine:
        output.note("the demo stops here; the case is left as it is")
        raise typer.Exit(code)


def _tell(out: Path) -> None:
    case = out / "case"
    output.note("")
    output.note(f"trust     {out / 'trust.yaml'}   keys {out / 'keys'} (passphrase `{PASSPHRASE}`)")
    output.note(f"hint: change any byte below {case}, then `evidence-kit verify {case} --trust {out / 'trust.yaml'}`")
    output.data(f"case: {case}")
