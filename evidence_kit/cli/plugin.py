"""`plugin test`: whether an installed plug-in does what every collector, signer or vault must, by claim."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import evidence_kit
from evidence_kit.cli import output
from evidence_kit.errors import PluginError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Plug-ins: do they keep to what they promise?")

TESTS = "evidence_kit.conformance"
# What a plug-in offers, and the suite that it is held against; there is no other kind.
SUITES = {
    "evidence_kit.collectors": "collector",
    "evidence_kit.signers": "signer",
    "evidence_kit.vaults": "vault",
}
_TELLER = "evidence_kit.testing.claims"
_TO_THE_END = "its tests can be run to their end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing to hold against a suite: what it is called, where its test class is, and of which suite."""

    name: str
    where: str
    suite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How one claim ended: `passed`, `failed` or `skipped`, with why."""

    of: str
    name: str
    end: str
    why: str = ""


@app.callback()
def _root() -> None:
    """Hold plug-ins against the conformance suites."""


@app.command("test")
def check_plugin(
    plugin: str = typer.Argument(..., help="An installed distribution, or a module that holds its test classes."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Hold a plug-in against the claims of the conformance suites. Exits 7 if one does not hold.

    A distribution names a test class for everything that it offers, under the entry points `evidence_kit.conformance`
    and by the same name; what has none does not pass. The plug-in's code runs, with all your rights.
    """
    if find_spec("pytest") is None:
        raise PluginError("the conformance suites need pytest", hint="pip install 'evidence-kit[testing]'")
    claims = tuple(_claims(plugin))
    if as_json:
        output.document([{"of": one.of, "name": one.name, "verdict": one.end, "reason": one.why} for one in claims])
    else:
        for one in claims:
            output.data(f"{one.end:7}  {one.of}: {one.name}{f': {one.why}' if one.why else ''}")
    counts = Counter(one.end for one in claims)
    output.note(f"{plugin}: " + "  ".join(f"{count} {end}" for end, count in sorted(counts.items())))
    _require_all(plugin, claims, counts)


def _require_all(plugin: str, claims: tuple[Claim, ...], counts: Counter[str]) -> None:
    """Raise PluginError where a claim does not hold, or where nothing was tried."""
    if failed := [one for one in claims if one.end == "failed"]:
        raise PluginError(
            f"`{plugin}` breaks {len(failed)} of {len(claims)} claims, the first: {failed[0].of}: {failed[0].name}",
            hint="docs/writing-a-collector.md says what each claim asks for",
        )
    if not counts["passed"]:
        raise PluginError(f"nothing of `{plugin}` was tried", hint="a suite that ran nothing shows nothing")


# -- what there is to test -----------------------------------------------------------------------------------------


def _claims(plugin: str) -> Iterator[Claim]:
    """Yield how every claim ended, of everything that the plug-in offers."""
    from importlib import metadata  # it brings a parser of mails, which no other command needs

    try:
        found = metadata.distribution(plugin)
    except (metadata.PackageNotFoundError, ValueError):
        yield from _of_module(plugin)
        return
    offered = [point for point in found.entry_points if point.group in SUITES]
    tested = {point.name: point.value for point in found.entry_points if point.group == TESTS}
    if not offered and not tested:
        raise PluginError(
            f"`{plugin}` offers no collector, signer or vault", hint=f"entry points: {', '.join(SUITES)}"
        )
    for point in offered:
        yield _found(point)
        where = tested.pop(point.name, "")
        if where:
            yield from _tried(Held(name=point.name, where=where, suite=SUITES[point.group]))
        else:
            why = f"no entry point `{point.name}` in `{TESTS}` names a test class"
            yield Claim(of=point.name, name="a class of the suite runs on it", end="failed", why=why)
    for name in sorted(tested):
        why = f"the plug-in offers nothing of that name under {', '.join(SUITES)}"
        yield Claim(of=name, name="there is something to test", end="failed", why=why)


def _found(point: "EntryPoint") -> Claim:
    """Say whether the name leads to the plug-in: a built-in or another plug-in may have it already."""
    from evidence_kit.collectors import registry as collectors
    from evidence_kit.signers import registry as signers

    claim = "its name is its own and what it names can be loaded"
    try:
        if point.group == collectors.GROUP:
            collectors.factory(point.name)
        elif point.group == signers.GROUP:
            signers.opener(point.name)
        else:
            point.load()
    except PluginError as error:
        return Claim(of=point.name, name=claim, end="failed", why=_line(error.message))
    except Exception as error:  # noqa: BLE001 - importing a plug-in runs its code, which may fail in any way
        return Claim(of=point.name, name=claim, end="failed", why=_line(f"{type(error).__name__}: {error}"))
    return Claim(of=point.name, name=claim, end="passed")


def _of_module(module: str) -> Iterator[Claim]:
    try:
        known = find_spec(module)
    except (ImportError, ValueError):
        known = None
    if known is None or known.origin is None or not known.origin.endswith(".py"):
        raise UsageError(
            f"neither a distribution nor a module is called `{module}`", hint="`pip list` names what is installed"
        )
    yield from _run(module, (module,))


# -- the suite, in a process of its own ----------------------------------------------------------------------------


def _tried(held: Held) -> Iterator[Claim]:
    """Yield how each claim of a suite ended; one that the class does not try has failed."""
    module, _, attribute = held.where.partition(":")
    found = tuple(_run(held.name, (f"{module}::{attribute}",)))
    yield from found
    tried = {one.name.partition(" (")[0] for one in found}
    if _TO_THE_END in tried:
        return
    for name in sorted(_promised(held.suite) - tried):
        yield Claim(of=held.name, name=name, end="failed", why=f"`{held.where}` does not try it")


def _promised(suite: str) -> set[str]:
    """Return the claims of a suite, read and not imported: it needs pytest, and this process shall not."""
    import ast

    text = (Path(evidence_kit.__file__).parent / "testing" / f"{suite}.py").read_text("utf-8")
    named = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    return {_sentence(name) for name in named if name.startswith("test_")}


def _run(of: str, chosen: tuple[str, ...]) -> Iterator[Claim]:
    """Run the tests in a process of its own: whatever they log or break stays there."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="evidence-kit-") as folder:
        ends = Path(folder) / "ends.jsonl"
        ends.touch()
        quiet = ["-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", _TELLER, "--import-mode=importlib"]
        ended = subprocess.run(  # noqa: S603 - by this interpreter; what it runs, the caller named
            [sys.executable, "-m", "pytest", *quiet, f"--rootdir={folder}", f"--basetemp={folder}/temp",
             "--pyargs", *chosen],
            cwd=folder,  # no tests' settings of wherever we stand
            env={**os.environ, "PYTHONPATH": _path(), "EVIDENCE_KIT_CLAIMS": json.dumps({"ends": str(ends)})},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        lines = [json.loads(line) for line in ends.read_text("utf-8").splitlines()]
    for line in lines:
        yield Claim(of=of, name=_sentence(line["claim"]), end=line["end"], why=line["said"])
    failed = any(line["end"] == "failed" for line in lines)
    if not lines or ended.returncode != int(failed):  # 1 is that a claim failed, and one that failed is told
        why = f"pytest ended with {ended.returncode}: {_line(_last(ended.stdout + ended.stderr))}"
        yield Claim(of=of, name=_TO_THE_END, end="failed", why=why)


def _path() -> str:
    """Return where this process finds modules, for another that stands elsewhere."""
    return os.pathsep.join(str(Path(place).absolute()) for place in sys.path)


def _sentence(name: str) -> str:
    """Return a test's name as the sentence that it is."""
    words, _, kind = name.removeprefix("test_").partition("[")
    return words.replace("_", " ") + (f" ({kind.removesuffix(']')})" if kind else "")


def _last(text: str) -> str:
    """Return the line that says why pytest stopped."""
    lines = [line for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("E  ", "ERROR"))]
    return (told or lines or ["it said nothing"])[0]


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
