"""What more happened in the two accounts than the incident of `incident.py`: another chapter of a longer story."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evidence_kit.model.time import Window
from evidence_kit.sandbox.estate import ClientOf
from evidence_kit.sandbox.incident import Act
from evidence_kit.sandbox.wire import Answer

Answers = Mapping[tuple[str, str], Answer]


def _unanswered(window: Window) -> Answers:
    del window
    return {}


def _untouched(client: ClientOf, window: Window) -> None:
    del client, window


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Further calls, operations that only this chapter answers, and what it leaves behind in the accounts."""

    acts: tuple[Act, ...] = ()
    answers: Callable[[Window], Answers] = _unanswered
    settle: Callable[[ClientOf, Window], None] = _untouched


NOTHING_MORE = Chapter()
