"""Has questions planned by DuckDB, in a process of its own that runs while the rest is looked at."""

import contextlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CHILD = "evidence_kit.playbook.lint.asked"
_WAIT = 30  # seconds; the process has four of the processor's
_TOO_MUCH = "it takes too much time or memory even to plan it"
_STARTS = 3  # a question that ends the process is told of, and those after it are asked again


@dataclass(frozen=True, slots=True)
class Asked:
    """SQL, and the names of the tables that it may see."""

    sql: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question: `columns` of its answer and the `params` that it names, or an `error`.

    `shown` is what DuckDB shows of the place: the number of the line, and the character in it, from 0.
    """

    columns: tuple[str, ...] = ()
    params: tuple[str, ...] | None = None
    error: str = ""
    shown: tuple[int, int] | None = None
    unchecked: str = ""


def started() -> "subprocess.Popen[bytes] | None":
    """Start the process, which takes its time before it can listen; None where there is no DuckDB."""
    if importlib.util.find_spec("duckdb") is None:
        return None
    return subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        [sys.executable, "-I", "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
    )


def ended(process: "subprocess.Popen[bytes] | None") -> None:
    """End a process that nobody needs any more."""
    if process is not None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):  # it went away before it had heard anything
                if pipe is not None:
                    pipe.close()


class Probe:
    """Hands questions to a process, and its answers over when they are needed."""

    def __init__(
        self,
        questions: Sequence[Asked],
        tables: Mapping[str, Sequence[str]],
        numbers: Sequence[str],
        process: "subprocess.Popen[bytes] | None",
    ) -> None:
        self._questions, self._tables, self._numbers = list(questions), tables, numbers
        self._process = process
        if process is not None and process.stdin is not None and self._questions:
            with contextlib.suppress(BrokenPipeError):  # whoever reads its answers finds that there are none
                process.stdin.write(self._asked(self._questions))
                process.stdin.close()
            process.stdin = None

    def answers(self) -> list[Answer]:
        """Return an answer to every question."""
        if self._process is None:
            reason = "DuckDB is not installed: `pip install 'evidence-kit[analysis]'`"
            return [Answer(unchecked=reason)] * len(self._questions)
        found: list[Answer] = []
        said: bytes | None = None
        for _ in range(_STARTS):
            more = self._read(self._questions[len(found) :], said)
            if more is None:
                reason = "the process that looks at questions did not start"
                return found + [Answer(unchecked=reason)] * (len(self._questions) - len(found))
            found += more
            if len(found) >= len(self._questions):
                return found
            found.append(Answer(error=_TOO_MUCH))
            if len(found) == len(self._questions):
                return found
            self._process, said = started(), self._asked(self._questions[len(found) :])
        self.close()
        return found + [Answer(unchecked="others before it took too much time")] * (len(self._questions) - len(found))

    def close(self) -> None:
        """End the process."""
        ended(self._process)
        self._process = None

    def _asked(self, questions: Sequence[Asked]) -> bytes:
        asked = {
            "tables": {name: list(columns) for name, columns in self._tables.items()},
            "numbers": list(self._numbers),
            "questions": [{"sql": one.sql, "tables": list(one.tables)} for one in questions],
        }
        return json.dumps(asked).encode()

    def _read(self, questions: Sequence[Asked], said: bytes | None) -> list[Answer] | None:
        """Return the answers that come, up to the question that ends the process; None where it never began."""
        if self._process is None or not questions:
            return []
        try:
            out, _ = self._process.communicate(said, timeout=_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, _ = self._process.communicate()
        if not out.startswith(b"\n"):
            return None
        lines = out.split(b"\n")[1:-1]
        return [_answer(json.loads(line), one) for line, one in zip(lines, questions, strict=False)]


def _answer(said: Mapping[str, Any], asked: Asked) -> Answer:
    params = tuple(said["params"]) if "params" in said else None
    if "error" not in said:
        return Answer(tuple(said["columns"]), params)
    message, _, shown = said["error"].partition("\n\nLINE ")
    kind, _, rest = message.partition(": ")
    words = rest if kind.endswith("Error") and rest else message
    if "failed to allocate" in words or kind == "Out of Memory Error":
        return Answer(params=params, error=_TOO_MUCH)
    return Answer(params=params, error=_short(words), shown=_place(shown, asked.sql))


def _short(message: str) -> str:
    said = " ".join(message.split())
    return said[:1].lower() + said[1:400] if said[1:2].islower() else said[:400]


def _place(shown: str, sql: str) -> tuple[int, int] | None:
    """Return where the caret points, if the line is shown from its beginning."""
    number, _, rest = shown.partition(": ")
    line, _, caret = rest.partition("\n")
    lines = sql.split("\n")
    if not number.isdigit() or not 0 < int(number) <= len(lines) or "^" not in caret:
        return None
    at = caret.index("^") - len(f"LINE {number}: ")
    said = lines[int(number) - 1]
    if not line.startswith("..."):
        return int(number), min(max(at, 0), len(said))
    word = line[at : at + 20].removesuffix("...")
    return (int(number), said.index(word)) if word and said.count(word) == 1 else (int(number), 0)
