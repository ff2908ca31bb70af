"""The picture of a playbook: its steps in waves, as lines for a terminal and as a drawing that needs nothing else.

What waits for people and what changes a target is marked by signs and words, never by colour alone.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.playbook.graph import waves
from evidence_kit.playbook.model import Need, Playbook, Step
from evidence_kit.playbook.planning import PlannedStep

LEGEND = "* a step   ? waits for people   ! changes a target   < needs"
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE = 230, 62, 300, 84, 16
_LETTERS = 30  # of a line in a box
_FOOT = 44  # for the legend
_PLAIN = Need("").accept
_EVERY = 6  # outcomes: all that there are
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="playbook" role="img" aria-labelledby="title desc"'
    ' viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif"'
    ' font-size="13" fill="none" stroke="currentColor">'
)
# A file shown by itself has no text around it, and takes light or dark from the reader's system.
_STYLE = "<style>svg.playbook:root { color-scheme: light dark; color: CanvasText }</style>"
_SIGNS = "dashed box: waits for people; thick box: changes a target; dotted line: may follow a failure too"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A drawing, and its size."""

    text: str
    width: int
    height: int


def waits(step: Step) -> bool:
    """Say whether a person has to say something."""
    return PlannedStep(step=step, wave=0).waits


def changes(step: Step) -> bool:
    """Say whether a step changes a target."""
    return PlannedStep(step=step, wave=0).changes


def needs(step: Step) -> str:
    """Return in words what a step needs, and after which outcomes it may run where its author names them."""
    return ", ".join(f"{one.step}{_accepted(one)}" for one in step.needs)


def _accepted(need: Need) -> str:
    if need.accept == _PLAIN:
        return ""
    return " (any)" if len(need.accept) == _EVERY else f" ({', '.join(sorted(need.accept))})"


def lines(playbook: Playbook, ends: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the picture for a terminal; `ends` says how each step of a run ended."""
    ids = max((len(step.id) for step in playbook.steps), default=0)
    kinds = max((len(step.type) for step in playbook.steps), default=0)
    said = max(map(len, ends.values()), default=0) if ends is not None else 0
    for number, wave in enumerate(waves(playbook.steps), start=1):
        for at, step in enumerate(wave):
            last = at == len(wave) - 1
            rail = "─" if len(wave) == 1 else "┬" if at == 0 else "└" if last else "├"
            head = f"{number:3}" if at == 0 else "   "
            end = f"  {ends.get(step.id, ''):{said}}" if ends is not None else ""
            needed = f"  < {needs(step)}" if step.needs else ""
            told = f"{head} {rail} {_sign(step)} {step.id:{ids}}  {step.type:{kinds}}{end}  {_flat(step.name)}"
            yield f"{told.rstrip()}{needed}"
            if step.when:
                yield f"    {' ' if last else '│'}     if {_flat(step.when)}"


def _sign(step: Step) -> str:
    return "?" if waits(step) else "!" if changes(step) else "*"


def svg(playbook: Playbook, ends: Mapping[str, str] | None = None) -> Drawn:
    """Return the drawing: lines and letters in the colour of the text around it, or of the reader's system."""
    places = _places(waves(playbook.steps))
    width = _EDGE + max((x for x, _ in places.values()), default=0) + _WIDTH + _EDGE
    height = max((y for _, y in places.values()), default=0) + _HEIGHT + _FOOT
    text = "\n".join(
        [
            _HEAD.format(width=width, height=height),
            f'<title id="title">{_safe(playbook.title)}</title>',
            f'<desc id="desc">{_safe(_described(playbook, ends))}</desc>',
            _STYLE,
            *_edges(playbook.steps, places),
            *(box for step in playbook.steps for box in _box(step, places[step.id], ends)),
            f'<text x="{_EDGE}" y="{height - _EDGE}" fill="currentColor" stroke="none">{_SIGNS}</text>',
            "</svg>",
        ]
    )
    return Drawn(text=text + "\n", width=width, height=height)


def _places(found: Sequence[Sequence[Step]]) -> dict[str, tuple[int, int]]:
    return {
        step.id: (_EDGE + column * _ACROSS, _EDGE + row * _DOWN)
        for column, wave in enumerate(found)
        for row, step in enumerate(wave)
    }


def _edges(steps: Sequence[Step], places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield a line from the right of each needed step to the left of the one that needs it."""
    for step in steps:
        for need in step.needs:
            (x, y), (to_x, to_y) = places[need.step], places[step.id]
            x, y, to_y = x + _WIDTH, y + _HEIGHT // 2, to_y + _HEIGHT // 2
            look = 'opacity="0.4" stroke-dasharray="2 4"' if need.takes_failure else 'opacity="0.7"'
            bend = f"M{x} {y}C{x + 34} {y} {to_x - 34} {to_y} {to_x} {to_y}"
            yield f'<path d="{bend}" {look}/>'


def _box(step: Step, place: tuple[int, int], ends: Mapping[str, str] | None) -> Iterator[str]:
    x, y = place
    look = ' stroke-dasharray="6 4"' if waits(step) else ' stroke-width="3"' if changes(step) else ""
    marks = [step.type, *(["asks people"] if waits(step) else []), *(["changes"] if changes(step) else [])]
    texts = [step.id, " · ".join([*marks, *(["if"] if step.when else [])])]
    texts.append(step.name if ends is None else (ends.get(step.id) or "has not ended"))
    yield f"<g><title>{_safe(_told(step, ends))}</title>"
    yield f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="Canvas"{look}/>'
    for at, text in enumerate(texts):
        weight = ' font-weight="600"' if at == 0 else ""
        yield (
            f'<text x="{x + 10}" y="{y + 19 + at * 18}" fill="currentColor" stroke="none"{weight}>'
            f"{_safe(_short(text))}</text>"
        )
    yield "</g>"


def _described(playbook: Playbook, ends: Mapping[str, str] | None) -> str:
    """Return the whole picture in words, for whoever cannot see it."""
    parts = [
        f"Wave {number}: {'; '.join(_told(step, ends) for step in wave)}."
        for number, wave in enumerate(waves(playbook.steps), start=1)
    ]
    return " ".join(parts)


def _told(step: Step, ends: Mapping[str, str] | None) -> str:
    parts = [f"{step.id}, {step.type}"]
    parts += [step.name] if step.name else []
    parts += ["waits for people"] if waits(step) else []
    parts += ["changes a target"] if changes(step) else []
    parts += [f"after {needs(step)}"] if step.needs else []
    parts += [f"if {step.when}"] if step.when else []
    parts += [f"ended {ends[step.id]}"] if ends is not None and ends.get(step.id) else []
    return ", ".join(parts)


def _short(text: str) -> str:
    flat = _flat(text)
    return flat if len(flat) <= _LETTERS else f"{flat[: _LETTERS - 1]}…"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _safe(text: str) -> str:
    """Return a text as XML takes it: characters that do not show as themselves are written out."""
    flat = _flat(text)
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in flat)
    return html.escape(shown)
