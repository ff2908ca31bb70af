"""Where vectors are made: a small case with three people's keys, what a stranger trusts, and ways to change it."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.casemaker import NOW, PagesFromMemory, make_case
from support.handed_over import ROLES, HandedOver
from support.strangers import rewrite
from support.vector_format import CASE, Vector, pack

from evidence_kit.acquire import run
from evidence_kit.acquire.clock import LocalClock
from evidence_kit.custody import log
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import HEADER, key_entry
from evidence_kit.errors import Exit
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.file import KeySigner, generate

DATA = "data/test.pages/111122223333/us-east-1/20261118T213000Z_20261119T213000Z"
PAGE, OBJECT = f"{DATA}/list/000000.json", f"{DATA}/two=20words"
SINCE = NOW - timedelta(days=9)
_ENVIRONMENT = {
    "tool": "evidence-kit 0.1.0",
    "distribution": {"name": "evidence-kit", "version": "0.1.0", "record": "0" * 64},
    "python": "3.11.0",
    "platform": "Linux-x86_64",
    "host": "examiner.example.com",
    "libraries": {},
}
_CLOCK = LocalClock("adjtimex", synchronized=True, max_error_us=500)


@contextmanager
def somewhere_else() -> Iterator[None]:
    """Let acquisitions say that they were made on no real machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "environment", lambda: _ENVIRONMENT)
        patch.setattr(run, "local_clock", lambda: _CLOCK)
        yield


def person(
    name: str,
    signer: KeySigner,
    roles: tuple[str, ...] = ROLES,
    *,
    since: datetime | None = SINCE,
    until: datetime | None = None,
    revoked: tuple[datetime, str] | None = None,
) -> str:
    """Return somebody's entry in a trust policy."""
    entry = key_entry(name=name, pem=signer.public_key_pem, roles=roles, valid_from=since, valid_until=until)
    return entry + (f"    revoked: {{at: {rfc3339(revoked[0])}, reason: {revoked[1]}}}\n" if revoked else "")


@dataclass
class Desk(HandedOver):
    """A case of one page by Robin; Sam and Kim may sign. `made` is how its case differs."""

    made: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "case"
    trust: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    at: Path = Path()  # a package; else the case or its bag

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with somewhere_else():
            self.case = make_case(self.folder / CASE, **{"pages": 1, "names": ()} | self.made)
        self.people = (self.case.signer, self.sam, self.kim)
        for number, signer in enumerate(self.people):
            (self.folder / f"{number}.pem").write_bytes(signer.public_key_pem)
        self.trust = self.trusting()

    def trusting(self, *others: str, extra: str = "", **robin: Any) -> str:
        """Return a policy that trusts the three; `robin` is what is said of the first of them."""
        everybody = (person("Robin Examiner", self.case.signer, **robin), person("Sam", self.sam))
        return HEADER + "".join((*everybody, person("Kim", self.kim), *others)) + extra

    def copy(self, folder: Path) -> "Desk":
        """Return a copy to be changed."""
        made = copy.copy(self)
        folder.mkdir(parents=True)
        shutil.copytree(self.case.root, folder / CASE, symlinks=True)
        made.case = replace(self.case, root=folder / CASE)
        if self.kind == "disclosure":
            shutil.copytree(self.at, folder / self.at.name)
            made.at = folder / self.at.name
        made.folder, made.options = folder, dict(self.options)
        return made

    def collect(self) -> None:
        """Acquire once more."""
        with somewhere_else():
            self.case.collect(PagesFromMemory(pages=1, names=()))

    @property
    def robin(self) -> Keeper:
        """Return the keeper by which Robin acts, who has the log's key until somebody accepts."""
        return self.keeper(self.case.signer, self.case.log_signer)

    def path(self, name: str) -> Path:
        """Return where a file lies; `BAG/` stands for the first bag."""
        if self.kind == "disclosure":
            return self.at / name
        return self.case.root / name.replace("BAG", self.case.bags[0], 1)

    def vector(self, name: str, claim: str, *, base: str = "") -> Vector:
        """Return what lies here as a vector."""
        if self.kind == "disclosure":
            files = pack(self.at)
        elif self.kind == "bag":
            files = pack(self.case.root / self.case.bag, below=self.case.root / "bags")
        else:
            files = pack(self.case.root)
        options = {key: value for key, value in self.options.items() if value}
        return Vector(
            name=name, claim=claim, kind=self.kind, base=base, trust=self.trust, options=options, files=files
        )


Change = Callable[[Desk], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """An invalid vector to be made: the base, the one change, and the verdict that must come of it."""

    name: str
    base: str
    exit: Exit
    claim: str
    change: Change


def bad(name: str, base: str, code: Exit, claim: str, change: Change) -> Bad:
    """Return one row of a table."""
    return Bad(name=name, base=base, exit=code, claim=claim, change=change)


# -- changes -------------------------------------------------------------------------------------------------------


def also(*changes: Change) -> Change:
    """Return several changes as one."""
    return lambda desk: [change(desk) for change in changes]


def data(name: str, change: Callable[[bytes], bytes]) -> Change:
    """Change what a file holds."""
    return lambda desk: rewrite(desk.path(name), change(desk.path(name).read_bytes()))


def flip(name: str, at: int) -> Change:
    """Change one byte to another of its alphabet, so that no parser stumbles before the check that is meant."""

    def change(found: bytes) -> bytes:
        altered = bytearray(found)
        altered[at] = dict(zip(b"9fzZ+", b"8eyY/", strict=True)).get(altered[at], altered[at] + 1)
        return bytes(altered)

    return data(name, change)


def lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Change the lines of a file."""
    return data(name, lambda found: b"".join(change(found.splitlines(keepends=True))))


def add(name: str, content: bytes = b"planted\n") -> Change:
    """Put a file where none was."""

    def do(desk: Desk) -> None:
        desk.path(name).parent.mkdir(parents=True, exist_ok=True)
        desk.path(name).write_bytes(content)

    return do


def remove(name: str) -> Change:
    """Take a file away."""
    return lambda desk: desk.path(name).unlink()


def link(name: str, target: str) -> Change:
    """Put a link in place of a file."""
    return also(remove(name), lambda desk: desk.path(name).symlink_to(target))


def trust(change: Callable[[Desk], str]) -> Change:
    """Let the stranger trust something else."""
    return lambda desk: setattr(desk, "trust", change(desk))


def option(**options: Any) -> Change:
    """Let the stranger ask for something else."""
    return lambda desk: desk.options.update(options)


def document(name: str, edit: Callable[[dict[str, Any]], object]) -> Change:
    """Change a compact JSON document of one line."""

    def change(found: bytes) -> bytes:
        value = json.loads(found)
        edit(value)
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"

    return data(name, change)


def event(kind: str = log.NOTE, fields: Mapping[str, Any] | None = None, **predicate: Any) -> Change:
    """Let Robin write an event, well signed, that the program would refuse to write."""
    return lambda desk: desk.force(desk.robin, kind, fields or {"text": "looked at it"}, **predicate)


def stranger() -> KeySigner:
    """Return the key of somebody whom nobody knows."""
    return KeySigner(generate("p256"))
