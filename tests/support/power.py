"""Cuts the power at any moment of a story, and judges what the next command makes of what is left."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from support import power_child, straced
from support.casemaker import NOW
from support.disk import WAYS, Act, Disk, lay
from support.people import Cast, Somebody
from support.straced import Said

from evidence_kit.acquire.case import keeper_of
from evidence_kit.acquire.handover import accept
from evidence_kit.custody import bag, dsse, log
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust
from evidence_kit.errors import ChainError, EmptyError, Exit
from evidence_kit.model.check import Report

TESTS = Path(__file__).parents[1]
PEOPLE = ("alice", "bob")


@dataclass(frozen=True)
class Kept:
    """What somebody was told that is in a case: it has to be there for good."""

    artifacts: Mapping[str, str] = field(default_factory=dict)  # path → SHA-256
    log: bytes = b""
    seals: Mapping[str, bytes] = field(default_factory=dict)
    runs: Mapping[str, bytes] = field(
        default_factory=dict
    )  # of playbooks: journals, which grow, and what is written once


@dataclass(frozen=True)
class Owed:
    """Everything that was acknowledged up to a moment."""

    keys: Mapping[str, bytes] = field(default_factory=dict)
    cases: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """One way in which the power may go."""

    act: int
    way: str
    seed: int
    left: dict[str, bytes | None]
    owed: Owed

    def __str__(self) -> str:
        return f"power cut after act {self.act}, {self.way}, seed {self.seed}"


@dataclass
class Story:
    """What a traced program did, and who has which keys."""

    told: list[Act | Said]
    start: Disk  # what had been done before, durable or not
    cast: Cast
    end: Disk
    keepers: dict[str, Keeper] = field(default_factory=dict)

    @property
    def trust(self) -> Trust:
        return self.cast.trust()

    def cuts(self, wanted: Mapping[int, Iterable[str]], seed: int) -> Iterator[Cut]:
        """Yield what is left after each of some acts, in some ways; a way is one of WAYS or `random`."""
        disk = deepcopy(self.start)
        owed, open_cases, stored = Owed(), set[str](), len(_durable(disk))
        for told in self.told:
            if isinstance(told, Said):
                open_cases |= {name for name in PEOPLE if told.text == f"opened {name}"}
                owed = _owed(disk, open_cases)
                stored += told.text.count("stored")
                durable = len(_durable(disk))
                assert stored <= durable, f"told of {stored} artifacts, and {durable} are acknowledged on the disk"
                continue
            disk.do(told)
            for number, way in enumerate(wanted.get(disk.count, ())):
                draw = random.Random(f"{seed} {disk.count} {number}")
                yield Cut(disk.count, way, seed, disk.left(way, draw), owed)


def play(story: str, work: Path, *, fault: str = "", start: Disk | None = None, child: str = "power_child") -> Story:
    """Let the child play a story under strace; it finds what somebody who was killed, or lost power, had left."""
    top, trace, voice = work / "top", work / "trace", work / "voice"
    start = start or Disk()
    lay(start.left("most", random.Random(0)), top)
    there = {path.relative_to(top).parts for path in top.rglob("*")}
    program = [sys.executable, str(TESTS / f"support/{child}.py"), story, str(top), str(voice), fault]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(straced.command(trace, program), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = list(straced.Reader(top, voice, there=there, done=start.count).read(trace))
    trace.unlink()
    disk = deepcopy(start)
    for act in told:
        if isinstance(act, Act):
            disk.do(act)
    people = {name: Somebody(name=name, home=top / name / "home", case=top / name / "case") for name in PEOPLE}
    return Story(told, start, Cast(top, people), disk)


def _owed(disk: Disk, open_cases: set[str]) -> Owed:
    keys = {path: disk.read(path) or b"" for path in disk.files() if path.endswith(".p12")}
    return Owed(keys, {name: kept_of(disk, f"{name}/case") for name in open_cases})


def kept_of(disk: Disk, case: str) -> Kept:
    artifacts, seals = {}, {}
    events = disk.read(f"{case}/{log.LOG}") or b""
    for root in {
        path.rsplit(f"/{bag.LEDGER}")[0] for path in disk.files(f"{case}/bags") if path.endswith(bag.LEDGER)
    }:
        name = root.removeprefix(f"{case}/")
        artifacts |= {f"{name}/{path}": sha256 for path, sha256 in _stored(disk.read(f"{root}/{bag.LEDGER}") or b"")}
        if _is_sealed(events, name):
            seals[f"{name}/{bag.SEAL}"] = disk.read(f"{root}/{bag.SEAL}") or b""
    told = b"".join(dsse.parse_line(line).payload for line in events.splitlines())
    said = [path for folder in (log.RUNS, "derived") for path in disk.files(f"{case}/{folder}")]
    runs = {path.removeprefix(f"{case}/"): disk.read(path) or b"" for path in said}
    # What is written once may lie there before it is on record, and then nothing rests on it.
    runs = {path: body for path, body in runs.items() if path.endswith("/journal.jsonl") or path.encode() in told}
    return Kept(artifacts, events, seals, runs)


def _durable(disk: Disk) -> list[str]:
    left = disk.left("least", random.Random(0))
    ledgers = [body or b"" for path, body in left.items() if path.startswith("alice/") and path.endswith(bag.LEDGER)]
    return [path for ledger in ledgers for path, _ in _stored(ledger)]


def _stored(ledger: bytes) -> Iterator[tuple[str, str]]:
    for line in ledger.splitlines(keepends=True):
        if line.endswith(b"\n") and (artifact := json.loads(line).get("artifact")):
            yield artifact["path"], artifact["sha256"]


def _is_sealed(events: bytes, root: str) -> bool:
    for line in events.splitlines():
        said = json.loads(dsse.parse_line(line).payload)["predicate"]
        if said["type"] == log.SEALED and said["acquisition"]["id"] == root.removeprefix("bags/"):
            return True
    return False


# -- what the next command makes of it -----------------------------------------------------------------------


def judge(cut: Cut, story: Story, place: Path) -> None:
    """Require that the next commands put right what is left, and that nothing acknowledged is lost."""
    lay(cut.left, place)
    try:
        require_keys(cut, story)
        for name in PEOPLE:
            somebody = Somebody(name=name, home=place / name / "home", case=place / name / "case")
            kept = cut.owed.cases.get(name)
            if kept is not None:
                _judge_case(cut, story, somebody, kept)
            elif somebody.case.exists() and _verified(story, somebody).exit() is Exit.OK:
                assert "alice" in cut.owed.cases, f"{cut}: a case that was never opened is OK"
                require_kept(f"{cut}, a copy", somebody, cut.owed.cases["alice"])
    finally:
        shutil.rmtree(place)


def require_keys(cut: Cut, story: Story) -> None:
    """Require that every key is there that was made, and none in part."""
    for path, body in cut.owed.keys.items():
        assert cut.left.get(path) == body, f"{cut}: the key {path} is lost"
    for path in cut.left:
        assert not path.endswith(".p12") or cut.left[path] == story.end.read(path), f"{cut}: a key in part: {path}"


def _judge_case(cut: Cut, story: Story, somebody: Somebody, kept: Kept) -> None:
    assert (somebody.case / log.CASE).exists(), f"{cut}: the case is lost"
    if _verified(story, somebody).exit() is Exit.OK:
        require_kept(f"{cut}, as it stands", somebody, kept)
    _go_on(cut, story, somebody)
    require_kept(cut, somebody, kept)
    report = _verified(story, somebody)
    collected = sorted((somebody.case / "bags").glob("*")) if (somebody.case / "bags").exists() else []
    assert report.exit() is (Exit.OK if collected else Exit.EMPTY), f"{cut}: {report.exit()} {report.defects[:3]}"
    for number, root in enumerate(collected, 1):
        assert _evidence(root) == _expected(story, number), f"{cut}: other evidence in collection {number}"


def _go_on(cut: Cut, story: Story, somebody: Somebody) -> None:
    """Do what an operator does next: what was begun is gone on with or done again, then a note is written."""
    with suppress(EmptyError):
        power_child.resume(_keeper(story, somebody), _count(somebody))
    if somebody.name == "bob" and b"transfer.accepted" not in _said(somebody):
        at = NOW + timedelta(hours=4)
        alice = Somebody(name="alice", home=somebody.home, case=somebody.case.parents[1] / "alice/case")
        # Alice has gone on in hers by now; what Bob was given is what the power cut had left of it.
        accept_copy(somebody, alice, story.trust, at, given=cut.left[f"alice/case/{log.LOG}"] or b"")
        power_child.note(keeper_of(somebody.vault, somebody.ring, None), "and on it goes")
    else:
        power_child.note(_keeper(story, somebody), "and on it goes")


def accept_copy(somebody: Somebody, giver: Somebody, trust: Trust, at: datetime, *, given: bytes = b"") -> None:
    """Accept a case; what was torn while it was accepted is not the receiver's to mend: the copy is made anew."""

    def accepted() -> bool:
        terms = power_child.TERMS
        done = accept(somebody.vault, somebody.ring, None, trust=trust, terms=terms, last=None, at=at)
        assert all(one.subject.startswith((".work/", "custody/")) for one in done.report.defects), done.report.defects
        return done.seq is not None

    try:
        done = accepted()
    except ChainError:
        done = False
    if not done:
        given = given or (giver.case / log.LOG).read_bytes()
        assert (somebody.case / log.LOG).read_bytes().startswith(given), "the copy has lost what it was given"
        shutil.rmtree(somebody.case)
        shutil.copytree(giver.case, somebody.case)
        assert accepted(), "a fresh copy is not accepted"


def _keeper(story: Story, somebody: Somebody) -> Keeper:
    """Return the keeper whose keys the story ended with: opening them anew each time is what takes time."""
    known = story.keepers.get(somebody.name)
    if known is None:
        person = story.cast[somebody.name]
        known = story.keepers[somebody.name] = keeper_of(person.vault, person.ring, None)
    return replace(known, vault=somebody.vault)


def _count(somebody: Somebody) -> int:
    return max(1, _said(somebody).count(b'"type":"acquisition.started"'))


def _said(somebody: Somebody) -> bytes:
    lines = (somebody.case / log.LOG).read_bytes().splitlines(keepends=True)
    return b"".join(
        dsse.parse_line(line[:-1]).payload for line in lines if line.endswith(b"\n") and b"\0" not in line
    )


def _verified(story: Story, somebody: Somebody) -> Report:
    from evidence_kit.custody.verify.case import Options, verify_case

    return verify_case(somebody.vault, name="case", trust=story.trust, options=Options(each_signature=True))


def require_kept(where: object, somebody: Somebody, kept: Kept) -> None:
    """Require that everything is there, unaltered, that somebody was told is there."""
    for path, sha256 in kept.artifacts.items():
        file = somebody.case / path
        assert file.exists(), f"{where}: acknowledged and gone: {path}"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256, f"{where}: acknowledged and altered: {path}"
    assert (somebody.case / log.LOG).read_bytes().startswith(kept.log), f"{where}: an event is lost"
    for path, body in kept.seals.items():
        assert (somebody.case / path).read_bytes() == body, f"{where}: another seal: {path}"
    for path, body in kept.runs.items():
        file = somebody.case / path
        assert file.exists(), f"{where}: said and gone: {path}"
        assert file.read_bytes().startswith(body), f"{where}: a line of a run is lost: {path}"


def _evidence(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in (root / "data").rglob("*") if path.is_file()}


def _expected(story: Story, number: int) -> set[str]:
    bags = sorted({path.split("/")[3] for path in story.end.files("alice/case/bags")})
    start = f"alice/case/bags/{bags[number - 1]}/"
    return {path.removeprefix(start) for path in story.end.files(f"{start}data")}


def some(story: Story, count: int, seed: int, *, after: str = "", within: str = "") -> dict[int, tuple[str, ...]]:
    """Return `count` cuts at random acts, half of them in a random way; the reserve of disk space is left out.

    `after`: what has been said when the first of them may come; `within`: a folder that has to be acted upon.
    """
    draw = random.Random(seed)
    begun = next(n for n, one in enumerate(story.told) if one == Said(after)) if after else 0
    early = sum(isinstance(one, Act) for one in story.told[:begun])
    acts = [one for one in story.told[begun:] if isinstance(one, Act)]
    numbered = enumerate(acts, story.start.count + early + 1)
    moments = [n for n, act in numbered if "reserve" not in act.path and (not within or within in act.path)]
    wanted: dict[int, tuple[str, ...]] = {}
    for _ in range(count):
        moment = draw.choice(moments)
        wanted[moment] = (*wanted.get(moment, ()), draw.choice([*WAYS, *["random"] * len(WAYS)]))
    return wanted


def killed(story: Story, name: str, path: str, holding: bytes = b"", *, last: bool = False) -> Disk:
    """Return the disk as a process leaves it that is killed after the first, or last, such act of collecting."""
    disk, found = deepcopy(story.start), None
    for one in story.told:
        if isinstance(one, Said):
            if one.text == "sealed":
                break
            continue
        disk.do(one)
        if one.name == name and path in "/".join(one.to or one.path) and holding in one.data:
            found = deepcopy(disk)
            if not last:
                break
    assert found is not None, f"nothing was done to {path}"
    return found
