"""Asks the tables of cases a question: SQL goes to a locked process, rows come back as a stream."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from evidence_kit.analysis.tables.schema import EVIDENCE, FACTS, arrow, arrow_schema, view_of
from evidence_kit.errors import EvidenceKitError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from evidence_kit.analysis.tables.derive import Tables

_CHILD = "evidence_kit.analysis.tables.sandboxed"
_MAX_SQL = 1 << 20
_MAX_SAID = 64 << 10  # of what the process says went wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a question may cost."""

    timeout: int = 60  # seconds, by the clock on the wall
    memory: int = 2_048  # MB
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Question:
    """SQL, what stands for its `$names`, and the parts of the evidence that it calls by names of its own.

    `parts` maps each name to acquisitions and units; `within` are those that `evidence` holds, all of it if none.
    `tables` are small ones that come with the question: their columns, then their rows, as text.
    """

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)  # texts and whole numbers
    parts: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    within: Sequence[str] = ()
    tables: Mapping[str, Sequence[Sequence[str | None]]] = field(default_factory=dict)


class StoppedError(UsageError):
    """The question cost more than it may."""


def views_of(tables: Sequence["Tables"], empty: Path) -> dict[str, list[str]]:
    """Return every view with its files: `evidence`, one for each source, and the facts. None is without a file."""
    views: dict[str, list[str]] = {EVIDENCE: []}
    for one in tables:
        for source, paths in one.sources.items():
            files = [str(path) for path in paths]
            views[EVIDENCE] += files
            views.setdefault(view_of(source), []).extend(files)
        for table in FACTS:
            views.setdefault(table, []).append(str(one.facts[table]))
    if not views[EVIDENCE]:
        empty.parent.mkdir(parents=True, exist_ok=True)
        arrow().parquet.write_table(arrow_schema(EVIDENCE).empty_table(), empty)
        views[EVIDENCE] = [str(empty)]
    return views


@contextlib.contextmanager
def ask(
    tables: Sequence["Tables"], question: Question, limits: Limits
) -> Iterator["tuple[pa.Schema, Iterator[pa.RecordBatch]]"]:
    """Give the columns of the answer and its rows as they come; UsageError says what is wrong with the question."""
    if len(question.sql) > _MAX_SQL:
        raise UsageError(f"a question of more than {_MAX_SQL:,} characters")
    views = views_of(tables, tables[0].folder / "facts" / "empty.parquet")
    asked = {
        "sql": question.sql,
        "params": dict(question.params),
        "views": views,
        "parts": question.parts,
        "within": question.within,
        "tables": question.tables,
        "timeout": limits.timeout,
        "memory": limits.memory,
        "threads": limits.threads,
    }
    with _Child(json.dumps(asked).encode(), limits, sorted({*views, *question.parts, *question.tables})) as child:
        yield child.answer()


class _Child:
    """The process that answers; it is killed when time is up or nobody reads on."""

    def __init__(self, asked: bytes, limits: Limits, names: Sequence[str]) -> None:
        self._asked, self._limits, self._names = asked, limits, names
        self._said = b""
        self._late = threading.Event()

    def __enter__(self) -> Self:
        arrow()
        command = [sys.executable, "-I", "-m", _CHILD]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"LC_ALL": "C.UTF-8"}
        )
        self._timer = threading.Timer(self._limits.timeout, self._stop)
        self._timer.daemon = True
        self._timer.start()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        with contextlib.suppress(BrokenPipeError):  # what it says about that comes with the answer
            _pipe(self._process.stdin).write(self._asked)
            _pipe(self._process.stdin).close()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr, self._process.stdin):
            with contextlib.suppress(BrokenPipeError):  # it went away before it had heard the question
                _pipe(pipe).close()

    def answer(self) -> "tuple[pa.Schema, Iterator[pa.RecordBatch]]":
        """Return the columns and the rows; they raise what went wrong."""
        pa = arrow()
        try:
            reader = pa.ipc.open_stream(self._process.stdout)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._problem() from error
        return reader.schema, self._batches(reader)

    def _batches(self, reader: "pa.RecordBatchStreamReader") -> "Iterator[pa.RecordBatch]":
        pa = arrow()
        try:
            yield from reader
        except (pa.ArrowInvalid, OSError) as error:
            raise self._problem() from error
        if self._process.wait() != 0:
            raise self._problem()

    def _stop(self) -> None:
        self._late.set()
        self._process.kill()

    def _listen(self) -> None:
        """Read what the process complains of, without end, so that it never waits for us."""
        stream = _pipe(self._process.stderr)
        while data := stream.read(_MAX_SAID):
            self._said = (self._said + data)[-_MAX_SAID:]

    def _problem(self) -> EvidenceKitError:
        self._process.wait()
        self._listener.join()
        if self._late.is_set():
            hint = "`--timeout` gives it more; a narrower WHERE makes it faster"
            return StoppedError(f"stopped after {self._limits.timeout:,} seconds", hint=hint)
        kind, message = _complaint(self._said)
        if kind in {"MemoryError", "OutOfMemoryException", "ArrowMemoryError", ""}:
            hint = "`--memory` gives it more; fewer columns need less"
            return StoppedError(f"stopped: it needs more than {self._limits.memory:,} MB", hint=hint)
        if kind == "RefusedError" and message.startswith("there is no table"):
            return UsageError(message, hint=f"there are: {', '.join(self._names)}")
        return UsageError(f"the question cannot be answered: {message}")


def _complaint(said: bytes) -> tuple[str, str]:
    """Return the kind and the text of an error; nothing where the process died without a word."""
    for line in reversed(said.splitlines()):
        try:
            found = json.loads(line)
            return str(found["kind"]), str(found["message"])
        except (ValueError, KeyError, TypeError):
            continue
    return "", ""


def _pipe(stream: "BinaryIO | object | None") -> BinaryIO:
    if stream is None:
        raise AssertionError
    return stream  # type: ignore[return-value]
