"""Write tests/vectors anew, with new keys: run it after a change to the format. Tests read what is committed."""

import getpass
import platform
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])

from support import vector_beside, vector_cases, vector_handovers, vector_logs, vector_parts, vector_proofs
from support.vector_desk import Bad, Desk
from support.vector_format import VECTORS, Vector, judge

from evidence_kit.errors import Exit

TABLES = (vector_cases, vector_logs, vector_handovers, vector_beside)
# Signatures are random, and so at times spell a word by which people mark unfinished work; such a draw is made again.
_MARKS = re.compile("X{3}|TO[D]O|FIX[M]E")
_DRAWS = 20
_TELLING = ("PRIVATE KEY", str(VECTORS.parents[1]), f"{Path.home()}/", sys.prefix)


def _bases(folder: Path) -> Iterator[tuple[Desk, Vector]]:
    """Make the valid cases, each with the vector that it is."""
    for part in TABLES:
        for name, (claim, build) in part.BASES.items():
            desk = build(folder / name)
            yield desk, desk.vector(name, claim)


def _invalid(row: Bad, bases: Mapping[str, Desk], folder: Path) -> Vector:
    """Make one change to a copy of the base, and require that the verdict is the one that the table says."""
    desk = bases[row.base].copy(folder)
    row.change(desk)
    return _judged(desk.vector(row.name, row.claim, base=row.base), folder / "judged", frozenset({row.exit}))


def _judged(vector: Vector, folder: Path, codes: frozenset[Exit]) -> Vector:
    expect = judge(vector, folder)
    if expect["exit"] not in codes:
        raise AssertionError(f"{vector.name}: expected {codes}, found {expect}")
    return Vector(**{name: getattr(vector, name) for name in vector.__slots__} | {"expect": expect})


def make(folder: Path) -> Iterator[tuple[str, Vector]]:
    """Yield every vector with the folder that it belongs to."""
    bases: dict[str, Desk] = {}
    for desk, vector in _bases(folder / "bases"):
        bases[vector.name] = desk
        yield "valid", _judged(vector, folder / "valid" / vector.name, frozenset({Exit.OK, Exit.INCOMPLETE}))
    for part in TABLES:
        for row in part.INVALID:
            yield "invalid", _invalid(row, bases, folder / "invalid" / row.name)
    for vector, code in (*vector_parts.parts(), *vector_proofs.parts(folder / "parts")):
        judged = _judged(vector, folder / "judged" / vector.name, frozenset({code}))
        yield "valid" if code is Exit.OK else "invalid", judged


def require_private(text: str, name: str, folder: str) -> None:
    """Raise if a vector tells of the machine that made it, or holds a private key."""
    quoted = [f'\\"{word}\\"' for word in (socket.gethostname(), getpass.getuser(), platform.platform())]
    for word in (*_TELLING, *quoted, folder):
        if word in text:
            raise AssertionError(f"{name} holds `{word}`")


def _drawn() -> list[tuple[str, str, str]]:
    """Return all vectors as folder, name and text."""
    for _ in range(_DRAWS):
        with tempfile.TemporaryDirectory() as folder:
            made = [(kind, vector.name, vector.to_json()) for kind, vector in make(Path(folder))]
        for _, name, text in made:
            require_private(text, name, folder)
        if not any(_MARKS.search(text) for _, _, text in made):
            return made
    raise AssertionError(f"{_DRAWS} draws, and each spelt a word that it should not")


def main() -> None:
    """Write all vectors, once all of them have the verdict that they should."""
    made = _drawn()
    for kind in ("valid", "invalid"):
        shutil.rmtree(VECTORS / kind, ignore_errors=True)
        (VECTORS / kind).mkdir(parents=True)
    for kind, name, text in made:
        (VECTORS / kind / f"{name}.json").write_text(text)
    sys.stdout.write(f"{len(made)} vectors\n")


if __name__ == "__main__":
    main()
