"""`${{ … }}` in texts: found by reading the expressions, filled in once, and never looked at again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evidence_kit.playbook.expressions import Expression, ExpressionError, parse

OPEN, CLOSE = "${{", "}}"


@dataclass(frozen=True, slots=True)
class Slot:
    """An expression within a text, and the character where it begins."""

    expression: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text with slots: texts and slots by turns."""

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return the slots alone."""
        return tuple(part for part in self.parts if isinstance(part, Slot))

    def value(self, names: Mapping[str, object]) -> object:
        """Return the value of its only slot, as it is, or the text with every slot filled in."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Slot):
            return self.parts[0].expression.value(names)
        return "".join(part if isinstance(part, str) else _written(part.expression, names) for part in self.parts)


def read(text: str) -> Template:
    """Read a text; ExpressionError, with the place in the text, for a slot that is none."""
    return Template(text, tuple(_parts(text)))


def fill(value: object, names: Mapping[str, object]) -> object:
    """Return data with every text in it filled in; keys stay as they are."""
    if isinstance(value, str):
        return read(value).value(names) if OPEN in value else value
    if isinstance(value, Mapping):
        return {name: fill(one, names) for name, one in value.items()}
    if isinstance(value, list):
        return [fill(one, names) for one in value]
    return value


def texts(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text in some data and its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from texts(one, (*path, str(name)))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from texts(one, (*path, index))


def _parts(text: str) -> Iterator[str | Slot]:
    at = 0
    while (begin := text.find(OPEN, at)) >= 0:
        if begin > at:
            yield text[at:begin]
        inner = begin + len(OPEN)
        end = _end(text, inner)
        said = text[inner:end]
        lead = len(said) - len(said.lstrip())
        try:
            yield Slot(parse(said.strip()), inner + lead)
        except ExpressionError as error:
            raise ExpressionError(error.message, at=inner + lead + error.at, hint=error.hint) from error
        at = end + len(CLOSE)
    if at < len(text) or not text:
        yield text[at:]


def _end(text: str, at: int) -> int:
    """Return where the slot that begins at `at` ends: outside of its own texts and mappings."""
    depth, quote, begin = 0, "", at
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            if depth == 0 and text.startswith(CLOSE, at):
                return at
            depth -= 1
        at += 1
    raise ExpressionError("`${{` without `}}`", at=begin - len(OPEN), hint="quote texts that contain `: ` or `#`")


def _written(expression: Expression, names: Mapping[str, object]) -> str:
    value = expression.value(names)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    hint = '`.join(", ")` or `size(…)` makes a text or a number of a list'
    raise ExpressionError(f"`{expression.text[:200]}` is no text within a text", hint=hint)
