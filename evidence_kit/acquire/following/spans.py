"""Half-open windows of one lane, joined where they touch: what is held, and what is missing of a longer one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence_kit.model.time import Window


@dataclass(slots=True)
class Spans:
    """Adjoining windows kept as one, in order."""

    held: list[Window] = field(default_factory=list)

    def add(self, window: Window) -> None:
        """Take in a window, wherever it lies."""
        apart = [one for one in self.held if one.end < window.start or window.end < one.start]
        touching = [one for one in self.held if one not in apart] + [window]
        whole = Window(min(one.start for one in touching), max(one.end for one in touching))
        self.held = sorted([*apart, whole], key=lambda one: one.start)

    def missing(self, window: Window) -> Iterator[Window]:
        """Yield what of `window` is not held, in order."""
        start = window.start
        for one in self.held:
            if one.end <= start or one.start >= window.end:
                continue
            if one.start > start:
                yield Window(start, one.start)
            start = one.end
        if start < window.end:
            yield Window(start, window.end)
