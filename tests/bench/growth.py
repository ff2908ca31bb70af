"""What a bag costs as it grows: CPU an artifact and memory, from a thousand artifacts on, and as a picture."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring import measured, program
from sealing import ARTIFACTS

_SEALING = str(Path(__file__).resolve().with_name("sealing.py"))
SHORT = 10_000  # artifacts up to which starting is much of the time, so that the median of some rounds is taken
SERIES = {"take": "attest, record and seal", "simulate": "seal alone, records made up"}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BAND = 720, 470, 60, 20, 150
_COLOURS = {"take": "#1565c0", "simulate": "#c2185b"}


@dataclass(frozen=True, slots=True)
class Point:
    """What so many artifacts cost."""

    series: str
    artifacts: int
    micros: float  # of CPU an artifact, without what starting costs
    memory: float  # MB


def growing(base: Path, scale: float) -> list[Point]:
    """Return the costs for each power of ten: taken up to a million times `scale`, made up to ten times as many."""
    points = []
    for series, most in (("take", ARTIFACTS), ("simulate", 10 * ARTIFACTS)):
        idle = _point(base, series, 1, 0.0)
        artifacts = 1000
        while artifacts <= max(10_000, round(most * scale)):
            points.append(_point(base, series, artifacts, idle.micros))
            artifacts *= 10
    return points


def _point(base: Path, series: str, artifacts: int, idle: float) -> Point:
    run = program(sys.executable, _SEALING, series, str(artifacts), memory=True)
    rounds = 3 if artifacts <= SHORT else 1
    row = measured(f"grow to {artifacts}", series, run, base, rounds=rounds)
    return Point(series, artifacts, max(0.0, row.cpu * 1e6 - idle) / artifacts, row.memory)


def lines(points: Sequence[Point]) -> list[str]:
    """Return the points, if there are any, as a table in Markdown."""
    head = ["| what | artifacts | µs of CPU an artifact | MB of memory |", "|---|---:|---:|---:|"]
    return [
        *(head if points else ()),
        *(f"| {SERIES[p.series]} | {p.artifacts:,} | {p.micros:,.0f} | {p.memory:,.0f} |" for p in points),
    ]


def plot(points: Sequence[Point]) -> str:
    """Draw both over the number of artifacts, in powers of ten; level lines mean linear time and flat memory."""
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="#222">',
        "<title>What a bag costs as it grows</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for index, (series, said) in enumerate(SERIES.items()):
        x = _LEFT + 210 * index
        drawn.append(f'<rect x="{x}" y="12" width="14" height="4" fill="{_COLOURS[series]}"/>')
        drawn.append(f'<text x="{x + 20}" y="19">{said}</text>')
    drawn += _panel(points, 50, "µs of CPU an artifact", {p: p.micros for p in points})
    drawn += _panel(points, 50 + _BAND + 55, "MB of memory", {p: p.memory for p in points})
    return "\n".join([*drawn, "</svg>", ""])


def _panel(points: Sequence[Point], top: int, title: str, values: dict[Point, float]) -> list[str]:
    counts = sorted({point.artifacts for point in points})
    step = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    xs = {count: _LEFT + step * (index + 0.5) for index, count in enumerate(counts)}
    most = _above(max(values.values()))
    drawn = [f'<text x="{_LEFT}" y="{top - 8}" font-weight="bold">{title}</text>']
    for part in range(5):
        y = top + _BAND - _BAND * part / 4
        drawn.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most * part / 4:,.0f}</text>')
    for count, x in xs.items():
        drawn.append(f'<text x="{x:.1f}" y="{top + _BAND + 18}" text-anchor="middle">{count:,}</text>')
    for number, (series, colour) in enumerate(_COLOURS.items()):
        mine = [point for point in points if point.series == series]
        places = [(xs[point.artifacts], top + _BAND - _BAND * values[point] / most, values[point]) for point in mine]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y, value in places:
            beside = y - 8 if number == 0 else y + 18
            drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
            drawn.append(
                f'<text x="{x:.1f}" y="{beside:.1f}" text-anchor="middle" fill="{colour}">{value:,.0f}</text>'
            )
    return drawn


def _above(value: float) -> float:
    """Return a round number above `value` that four divides well."""
    step = 1.0
    while step * 40 < value * 1.2:
        step *= 10
    return next(step * times for times in (4, 8, 12, 20, 40) if step * times >= value * 1.2)
