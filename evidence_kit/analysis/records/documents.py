"""Records within JSON documents: found on the way, each as the text it stands in; nothing is written anew."""

import json.decoder
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.analysis.records.body import Unreadable
from evidence_kit.analysis.records.decoding import NotReadError, decode, refusal, scan
from evidence_kit.analysis.records.record import MAX_RECORD, NOTHING, Defect, Record
from evidence_kit.analysis.records.window import Window

ANY = "*"
Path = tuple[str | int, ...]
_STEP = re.compile(r"([A-Za-z_@*][\w-]*|\"(?:[^\"\\]|\\.)+\")?((?:\[\d*\])*)")
_INDEX = re.compile(r"\[(\d*)\]")
_BESIDE = 1 << 20  # characters of all the values that are kept because they stand beside the records
_PAGING = re.compile(r"token|cursor|marker|next|truncated|more|kind|etag|requestid", re.IGNORECASE)


def paths_of(said: str) -> tuple[Path, ...]:
    """Return the paths that the JMESPath of a source's `records` stands for: names, `[0]`, `*`, `[]` and `||`."""
    return tuple(_path(part.strip()) for part in said.split("||"))


def _path(said: str) -> Path:
    steps: list[str | int] = []
    for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^."])+', said):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ValueError(f"`{said}` is not a path to records")
        if found[1] and found[1] != "@":
            steps.append(json.loads(found[1]) if found[1].startswith('"') else found[1])
        steps += [int(index) if index else ANY for index in _INDEX.findall(found[2])]
    # The items of a list are the records, whether or not the path says `[]` at its end.
    return tuple(steps[:-1] if steps and steps[-1] == ANY and said.endswith("[]") else steps)


@dataclass(slots=True)
class Documents:
    """Reads one JSON document after another from a window; `line` is the last record's."""

    window: Window
    artifact: str
    paths: tuple[Path, ...]
    line: int = 0
    _found: bool = False
    _beside: dict[str, object] | None = None
    _room: int = _BESIDE

    def __iter__(self) -> Iterator[Record | Defect]:
        """Yield what all documents hold; what cannot be read ends it with a defect."""
        try:
            while self.window.space():
                yield from self.document()
        except Unreadable as error:
            yield self._defect(0, str(error))
        except RecursionError:
            yield self._defect(0, "the JSON cannot be followed")

    def document(self) -> Iterator[Record | Defect]:
        """Yield the records of the document that starts here; one that has none of the paths is itself a record."""
        window = self.window
        self._found, self._beside, self._room = False, {}, _BESIDE
        window.held = window.at
        yield from self._walk(self.paths)
        held, window.held = window.held, None
        if self._found:
            return
        self.line += 1
        if held is None:
            yield self._defect(self.line, "holds no records where the source says, and is too large to be one")
            return
        raw = window.text[held : window.at]
        made = self._made(raw)
        if isinstance(made, Record) and self.paths != ((),) and _is_paging(made.value):
            self.line -= 1
            return
        yield made

    def _walk(self, paths: Sequence[Path]) -> Iterator[Record | Defect]:
        first = self.window.space()
        if any(not path for path in paths):
            yield from self._here(first)
        elif first == "{":
            yield from self._members(paths)
        elif first == "[":
            yield from self._elements(paths)
        else:
            self._skip("")

    def _here(self, first: str) -> Iterator[Record | Defect]:
        """Yield what stands at the end of a path: the items of a list, or one value."""
        self._found = True
        self.window.held = None
        if first == "n":
            yield from self._none()
            return
        if first != "[":
            yield self._record()
            return
        more = self._enter("]")
        while more:
            yield self._record()
            more = self._next("]")

    def _none(self) -> Iterator[Defect]:
        """Step over `null`, which says that there are none; whatever else starts like it is a record unread."""
        made = self._record()
        if isinstance(made, Defect):
            yield made
        else:
            self.line -= 1

    def _members(self, paths: Sequence[Path]) -> Iterator[Record | Defect]:
        more = self._enter("}")
        while more:
            key = self._key()
            rest = [path[1:] for path in paths if path[0] in (key, ANY)]
            if rest:
                yield from self._walk(rest)
            else:
                self._skip(key)
            more = self._next("}")

    def _elements(self, paths: Sequence[Path]) -> Iterator[Record | Defect]:
        index, more = 0, self._enter("]")
        while more:
            rest = [path[1:] for path in paths if path[0] in (index, ANY)]
            index += 1
            if rest:
                yield from self._walk(rest)
            else:
                self._skip("")
            more = self._next("]")

    def _enter(self, closing: str) -> bool:
        """Step into the container that starts here; False where it is empty, behind its end."""
        window = self.window
        window.at += 1
        if window.space() != closing:
            return True
        window.at += 1
        return False

    def _next(self, closing: str) -> bool:
        """Step to the next item of the container that is open; False behind its end."""
        window = self.window
        char = window.space()
        if char not in {",", closing}:
            raise Unreadable("the JSON is cut short" if not char else "the JSON breaks off")
        window.at += 1
        if char == closing:
            return False
        if window.space() in {"", closing}:
            raise Unreadable("the JSON breaks off")
        return True

    def _key(self) -> str:
        window = self.window
        if window.space() != '"':
            raise Unreadable("the JSON breaks off: no key")
        end, is_whole = window.end()
        if not is_whole:
            raise Unreadable(f"a key of more than {MAX_RECORD:,} characters")
        try:
            key = str(decode(window.text[window.at : end]))
        except NotReadError as error:
            raise Unreadable(f"a key cannot be read: {error}") from error
        window.at = end
        if window.space() != ":":
            raise Unreadable("the JSON breaks off: no value")
        window.at += 1
        return key

    def _skip(self, key: str) -> None:
        """Step over a value; a small one that has a name is kept, for it may say what the records' columns are."""
        window = self.window
        if not window.space():
            raise Unreadable("the JSON is cut short")
        end, is_whole = window.end()
        if end == window.at:
            raise Unreadable("the JSON breaks off: no value")
        size = end - window.at
        if key and is_whole and size <= self._room and self._beside is not None:
            try:
                self._beside[key] = decode(window.text[window.at : end])
                self._room -= size
            except NotReadError:
                pass  # beside the records: if nothing else is found, the whole document says so
        window.at = end

    def _record(self) -> Record | Defect:
        """Read the value that starts here, by the decoder at full speed, or by its brackets if that fails."""
        window = self.window
        self.line += 1
        start = window.at
        try:
            value, end = scan(window.text, start)
        except (ValueError, RecursionError):
            return self._slowly()
        if end == len(window.text) and not window.ended:
            return self._slowly()  # a number may go on in the next piece
        raw = window.text[start:end]
        window.at = end
        if len(raw) > MAX_RECORD or (problem := refusal(raw)):
            return self._defect(self.line, _too_large() if len(raw) > MAX_RECORD else problem)
        return Record(self.artifact, self.line, raw, value, self._beside or NOTHING)

    def _slowly(self) -> Record | Defect:
        window = self.window
        offset = window.offset
        end, is_whole = window.end()
        if end == window.at and is_whole:
            raise Unreadable("the JSON breaks off: no value")
        raw = window.text[window.at : end] if is_whole and end - window.at <= MAX_RECORD else None
        window.at = end
        return self._made(raw) if raw is not None else self._defect(self.line, _too_large(), offset)

    def _made(self, raw: str) -> Record | Defect:
        try:
            return Record(self.artifact, self.line, raw, decode(raw), self._beside or NOTHING)
        except NotReadError as error:
            return self._defect(self.line, str(error))

    def _defect(self, line: int, reason: str, offset: int | None = None) -> Defect:
        at = self.window.offset if offset is None else offset
        place = f"record {line:,}, " if line else ""
        return Defect(self.artifact, line, f"{place}character {at:,}", reason)


def _too_large() -> str:
    return f"a record of more than {MAX_RECORD:,} characters"


def _is_paging(value: object) -> bool:
    """Say whether an answer without its list holds nothing but what leads to the next page."""
    return isinstance(value, Mapping) and all(
        _PAGING.search(name) and not isinstance(inside, dict | list) for name, inside in value.items()
    )
