"""Text that evidence may have chosen, made harmless for a page: written out, escaped, and never code."""

import json
import re

from markupsafe import Markup, escape

from evidence_kit.report.verdict.text import visible

_CODE = re.compile(r"`([^`]+)`")
_JOINT = re.compile(r"([._/])(?=\w)")
# What could end a script element, open a comment in it, or be read as markup by a careless tool.
_RISKY = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))  # made once: a page has a hundred thousand rows


def shown(value: object) -> object:
    """Return what a template is to write: text with every character that would not show as itself written out.

    Escaping comes after this, by the template engine; what is `Markup` already is ours.
    """
    return value if not isinstance(value, str) or isinstance(value, Markup) else visible(value)


def embedded(value: object) -> Markup:
    """Return plain data as JSON for a script element; texts in it are made visible, and it is ASCII throughout."""
    text = _ENCODER.encode(_visible(value))
    return Markup(text.translate(_RISKY) if "<" in text or ">" in text or "&" in text else text)  # noqa: S704 - just made so


def prose(text: str) -> Markup:
    """Return a sentence of ours with what stands in `backticks` as code; in what others wrote they are theirs."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704 - escaped before


def period(text: str) -> Markup:
    """Return a stretch of time that is broken, if at all, between its two ends."""
    ends = (f'<span class="when">{escape(visible(end))}</span>' for end in text.split(" – "))
    return Markup(" – ".join(ends))  # noqa: S704 - escaped just before


def parted(name: str) -> Markup:
    """Return a dotted name that may be broken after its dots and underscores."""
    return Markup(_JOINT.sub(r"\1<wbr>", str(escape(visible(name)))))  # noqa: S704 - likewise


def _visible(value: object) -> object:
    if isinstance(value, str):
        return value if value.isprintable() else visible(value)
    if isinstance(value, list | tuple):
        return [item if isinstance(item, str) and item.isprintable() else _visible(item) for item in value]
    return {name: _visible(item) for name, item in value.items()} if isinstance(value, dict) else value
