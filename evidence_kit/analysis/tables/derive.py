"""Derives the tables of a case into a folder outside it: only what is new or changed, and only as it was sealed.

The bytes of each artifact are compared with the manifest while they stream; nothing is derived from others.
"""

import fcntl
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from evidence_kit import __version__
from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.records.mapping import shape_of, shapes
from evidence_kit.analysis.records.record import Artifact
from evidence_kit.analysis.tables import facts, parts, sealed
from evidence_kit.analysis.tables.making import Job, make
from evidence_kit.analysis.tables.parts import Part
from evidence_kit.analysis.tables.schema import CUSTODY, DEFECTS, FACTS, GAPS, MANIFEST, UNITS
from evidence_kit.analysis.tables.sparing import spare_numpy
from evidence_kit.custody import bag, log, strict
from evidence_kit.custody.names import safe_component
from evidence_kit.errors import EmptyError, UsageError, VaultError
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec

FORMAT = "3"  # of the tables; a change makes every part anew
PART_BYTES = 8 << 20  # of stored artifacts in a part: large enough to read fast, small enough to share out
PART_ARTIFACTS = 5_000
_STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case to derive tables from; `root` lets other processes open it, where it is a folder."""

    vault: Vault
    id: str
    uuid: str
    root: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What was derived of a case: files by table, sources with their files."""

    case: str
    folder: Path
    facts: Mapping[str, Path]
    sources: Mapping[str, tuple[Path, ...]]
    rows: int
    defects: int
    derived: int  # artifacts that were read this time


def open_case(vault: Vault, *, root: Path | None = None) -> Case:
    """Return a case by its description; EmptyError where there is none."""
    if vault.stat(log.CASE) is None:
        raise EmptyError(f"`{root or 'this'}` is not a case", hint="open one with `evidence-kit init`")
    with vault.open(log.CASE) as stream:
        said = strict.decode(stream.read(strict.MAX_DOCUMENT + 1))
    name = strict.field(said, "id", str)
    return Case(vault=vault, id=name, uuid=_folder_name(said.get("uuid"), name), root=root)


def _folder_name(uuid: object, name: str) -> str:
    text = uuid if isinstance(uuid, str) else name
    plain = all(char.isascii() and (char.isalnum() or char in "-_") for char in text)
    return text if plain and 0 < len(text) <= 64 else hashlib.sha256(text.encode()).hexdigest()


def derive(case: Case, work: Path, specs: Mapping[str, SourceSpec], *, processes: int = 1) -> Tables:
    """Bring the tables of a case up to date below `work` and return them; DigestError if evidence changed."""
    folder = work / case.uuid
    if case.root is not None and folder.resolve().is_relative_to((case.root / "bags").resolve()):
        raise UsageError(f"`{work}` lies within the evidence", hint="give a folder outside the case with `--work`")
    with _locked(folder):
        marks = {source: made_by(source, spec) for source, spec in specs.items()}
        state, done = _state(case.vault, marks), folder / _STATE
        kept = list(parts.parts_in(folder / "records"))
        now = _with_parts(state, kept)  # a part that went away since must be missed, not left out of an answer
        files = {table: folder / "facts" / f"{table}.parquet" for table in FACTS}
        made: list[Part] = []
        events, _, before = (done.read_text() if done.exists() else "").partition("\n")
        told = str(_size(case.vault, log.LOG))
        if before != now or not all(path.exists() for path in files.values()):
            kept = _still_current(case.vault, kept, marks)
            have = {key for part in kept for key in part.keys}
            jobs = _jobs(case, folder, specs, have)
            made = list(_made(case, jobs, processes, meanwhile=lambda: _write_facts(case, files)))
            _write_defects(case, files[DEFECTS], [*kept, *made])
        elif events != told:  # each step of a playbook is an event, and most of them bring no evidence
            _write_custody(case, files[CUSTODY])
        if (events, before) != (told, now) or made:
            # First the facts: after a power cut a state that was ahead of them would pass old ones for new.
            parts.settle(folder / "facts")
            with parts.replacing(done) as new:
                new.write_text("\n".join([told, _with_parts(state, [*kept, *made])]))
    return _tables(case, folder, files, [*kept, *made], sum(len(part.keys) for part in made))


def made_by(source: str, spec: SourceSpec | None) -> str:
    """Return the digest of all that decides a source's rows: this program, its mapping, where its records are."""
    said = [__version__, FORMAT, shape_of(source).digest, *((spec.records.path, spec.records.id) if spec else ())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _tables(case: Case, folder: Path, files: Mapping[str, Path], found: Sequence[Part], derived: int) -> Tables:
    ordered = sorted(found, key=lambda part: part.path)
    sources = {part.source: [one.path for one in ordered if one.source == part.source] for part in ordered}
    return Tables(
        case=case.id,
        folder=folder,
        facts=files,
        sources={source: tuple(paths) for source, paths in sources.items()},
        rows=sum(part.rows for part in ordered),
        defects=sum(len(part.defects) for part in ordered),
        derived=derived,
    )


def _state(vault: Vault, marks: Mapping[str, str]) -> str:
    """Return what changes whenever there may be evidence to derive: ledgers only grow, seals come once."""
    found = [__version__, FORMAT, sorted(marks.items()), sorted(shape.digest for shape in shapes())]
    paths = [f"{root}/{name}" for root in bagfiles.bags(vault) for name in (bag.LEDGER, bag.MANIFEST)]
    sizes = [(path, _size(vault, path)) for path in paths]
    return hashlib.sha256(json.dumps([found, sizes]).encode()).hexdigest()


def _size(vault: Vault, path: str) -> int | None:
    return entry.size if (entry := vault.stat(path)) else None


def _with_parts(state: str, found: Sequence[Part]) -> str:
    """Return a state with the parts that belong to it, whose names say what is in them."""
    return "\n".join([state, *sorted(part.path.name for part in found)])


def _still_current(vault: Vault, known: Sequence[Part], marks: Mapping[str, str]) -> list[Part]:
    """Return the parts that would come out the same; remove the others."""
    if not known:
        return []
    wanted = {
        parts.key_of(one.path, one.sha256) for root in bagfiles.bags(vault) for one in sealed.artifacts(vault, root)
    }
    kept = []
    for part in known:
        if part.keys <= wanted and part.made_by == (marks.get(part.source) or made_by(part.source, None)):
            kept.append(part)
        else:
            part.remove()
    return kept


def _jobs(case: Case, folder: Path, specs: Mapping[str, SourceSpec], have: set[bytes]) -> Iterator[Job]:
    """Yield the parts to make, one after another: artifacts come in the order of their paths, so by source."""
    group: list[Artifact] = []
    size = 0
    for root in bagfiles.bags(case.vault):
        for one in sealed.artifacts(case.vault, root):
            if parts.key_of(one.path, one.sha256) in have:
                continue
            if group and (one.source != group[0].source or len(group) >= PART_ARTIFACTS or size >= PART_BYTES):
                yield _job(case, folder, specs, group)
                group, size = [], 0
            group.append(one)
            size += one.bytes
    if group:
        yield _job(case, folder, specs, group)


def _job(case: Case, folder: Path, specs: Mapping[str, SourceSpec], group: Sequence[Artifact]) -> Job:
    source = group[0].source
    spec = specs.get(source)
    mark = made_by(source, spec)
    name = hashlib.sha256(b"".join((mark.encode(), *(parts.key_of(one.path, one.sha256) for one in group))))
    return Job(
        case=case.id,
        root=case.root,
        path=folder / "records" / safe_component(source) / f"{name.hexdigest()[:32]}.parquet",
        made_by=mark,
        artifacts=tuple(group),
        spec=replace(spec, settings={}) if spec else None,  # what steers collecting is nothing to another process
    )


def _made(case: Case, jobs: Iterator[Job], processes: int, *, meanwhile: Callable[[], None]) -> Iterator[Part]:
    """Make parts, in several processes where there is enough to do and the case is a folder."""
    ahead = list(itertools.islice(jobs, 2))
    if case.root is None or processes < 2 or len(ahead) < 2:
        for job in itertools.chain(ahead, jobs):
            yield make(job, case.vault)
        meanwhile()
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=spare_numpy) as pool:
        waiting: deque[Future[Part]] = deque()
        try:
            all_jobs = itertools.chain(ahead, jobs)
            waiting.extend(pool.submit(make, job) for job in itertools.islice(all_jobs, 2 * processes))
            meanwhile()
            for job in all_jobs:
                waiting.append(pool.submit(make, job))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise VaultError("a process that derived records was killed", hint="is there memory enough?") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _write_facts(case: Case, files: Mapping[str, Path]) -> None:
    with ExitStack() as stack:
        sheets = {table: stack.enter_context(parts.writing(files[table], table)) for table in (MANIFEST, UNITS, GAPS)}
        for table, rows in facts.of_ledgers(case.vault, case.id):
            sheets[table].add_rows(rows)
    _write_custody(case, files[CUSTODY])


def _write_custody(case: Case, path: Path) -> None:
    parts.write_rows(path, CUSTODY, facts.custody(case.vault, case.id))


def _write_defects(case: Case, path: Path, found: Sequence[Part]) -> None:
    defects = (
        (case.id, part.source, one.artifact, one.line, one.place, one.reason)
        for part in found
        for one in part.defects
    )
    parts.write_rows(path, DEFECTS, defects)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs from deriving into the same folder; they wait."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise VaultError(f"cannot work in `{folder}`: {(error.strerror or '').lower()}") from error
