"""Templates in a sandbox: what a case says goes in as text, and no template can make code or markup of it.

An organisation's own templates stand before ours under the same names. They are text of somebody who may write
documents for this organisation, not of the case; the sandbox keeps their mistakes small.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2
from jinja2 import nodes
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from evidence_kit.errors import UsageError
from evidence_kit.report.verdict.text import visible

SUFFIX = ".md"
MAX_TEXT = 4_000  # characters of one value; whoever needs more opens the file that is named beside it
MAX_TEMPLATE = 1 << 20
_PACKAGE = "evidence_kit.report.documents"
_MARKUP = re.compile(r"[\\`*\[\]|#>-]")
_FILTERS = ("default", "dictsort", "first", "groupby", "last", "length", "list", "rejectattr", "selectattr", "sort")
# What would join a value to text that has been escaped already, and so let it pass for a template's own words.
_JOINING = (nodes.Concat, nodes.Add, nodes.Mod, nodes.MarkSafe, nodes.EvalContextModifier)
_FAULTS = (
    jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made, and which template: its SHA-256, and whether it is the organisation's."""

    text: str
    sha256: str
    is_own: bool


class _Sandbox(ImmutableSandboxedEnvironment):
    """Lets a template read fields and call macros; nothing that a case or its vault can do."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Keep a template from the methods of texts, some of which make markup of what they are given."""
        return not isinstance(obj, str) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: object) -> bool:
        """Allow what templates themselves define, and blanks."""
        return isinstance(obj, Macro) or obj is blank


def escape(value: object) -> Markup:
    """Return a value as text of a document: on one line, every character shown, none of it markup."""
    if isinstance(value, Markup):
        return value
    text = "" if value is None else str(value)
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text):,} characters in the file)"
    flat = visible(" ".join(text.split()))
    return Markup(_MARKUP.sub(r"\\\g<0>", flat))  # noqa: S704 - escaped for the markup that is read afterwards


def render(name: str, facts: Mapping[str, object], filters: Mapping[str, object], folder: Path | None) -> Rendered:
    """Fill in a template; UsageError where the organisation's own is not one, or asks for what there is not."""
    if folder is not None:
        _check(folder)
    environment = _environment(folder, filters)
    try:
        text = environment.get_template(f"{name}{SUFFIX}").render(facts)
    except _FAULTS as error:
        place = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise UsageError(
            f"template `{name}{SUFFIX}`{place}: {str(error)[:300]}", hint="docs/reports-documents.md says what it has"
        ) from error
    source, is_own = _source(name, folder)
    return Rendered(text, hashlib.sha256(source).hexdigest(), is_own)


def shipped(name: str) -> bytes:
    """Return one of our own templates, for whoever wants to begin with it."""
    return (files(_PACKAGE) / "templates" / f"{name}{SUFFIX}").read_bytes()


def _environment(folder: Path | None, filters: Mapping[str, object]) -> jinja2.Environment:
    ours = jinja2.PackageLoader(_PACKAGE, "templates")
    loaders: Iterable[jinja2.BaseLoader] = (ours,) if folder is None else (jinja2.FileSystemLoader(folder), ours)
    made = _Sandbox(
        loader=jinja2.ChoiceLoader(list(loaders)),
        autoescape=True,
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters = {**{name: made.filters[name] for name in _FILTERS}, **filters}
    made.globals = {"blank": blank}
    return made


def blank(what: object) -> Markup:
    """Return a place that a person has to fill in, with what."""
    return Markup(f"[[{escape(what)}]]")  # noqa: S704 - escaped just before


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"`{folder}` is no folder of templates")
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        if path.stat().st_size > MAX_TEMPLATE:
            raise UsageError(f"`{path}` is too large for a template")
        try:
            tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        except jinja2.TemplateSyntaxError as error:
            raise UsageError(f"`{path}`, line {error.lineno}: {error.message}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read `{path}`: {str(error).lower()}") from error
        for node in tree.find_all(_JOINING):
            raise UsageError(
                f"`{path}`, line {node.lineno}: a template joins no texts",
                hint="write one beside the other: `{{ a }} {{ b }}`",
            )


def _source(name: str, folder: Path | None) -> tuple[bytes, bool]:
    own = folder / f"{name}{SUFFIX}" if folder else None
    return (own.read_bytes(), True) if own is not None and own.is_file() else (shipped(name), False)
