"""Judges what a power cut leaves of a playbook's run, and what going on with it comes to."""

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.disk import Act, Disk, lay
from support.people import Somebody
from support.power import Cut, Kept, Story, kept_of, killed, play, require_kept, require_keys, some
from support.power_run_child import OPENED, TAKEN, Desk, desk, opened

from evidence_kit.custody import log
from evidence_kit.custody.log import Keeper
from evidence_kit.errors import Exit
from evidence_kit.model.ports import Signer
from evidence_kit.playbook.run import journal

STATE = "state"  # of tables
Results = Mapping[str, Mapping[str, Any]]


@dataclass
class Run:
    """What was traced, how it came out, and the keys, which take long to open."""

    story: Story
    keeper: Keeper
    approver: Signer
    results: Results = field(default_factory=dict)
    evidence: Counter[str] = field(default_factory=Counter)
    kept: Kept = field(default_factory=Kept)  # what was on the disk when it began


def carry_out(work: Path, *, fault: str = "") -> Run:
    """Let a playbook be run from beginning to end."""
    return _traced(play("whole", work, fault=fault, child="power_run_child"))


def mend(whole: Run, work: Path, *at: Any, last: bool = False, fault: str = "") -> Run:
    """Let it be gone on with after it was killed at some act, which leaves what was written in the page cache."""
    start = killed(whole.story, *at, last=last)
    again = play("mending", work, start=start, fault=fault, child="power_run_child")
    disk = Disk.of(lay(start.left("least", random.Random(0)), work / "least"))
    kept = kept_of(disk, "alice/case")
    return Run(again, whole.keeper, whole.approver, whole.results, whole.evidence, kept)


def _traced(story: Story) -> Run:
    keeper, approver = opened(story.cast["alice"], story.cast["bob"])
    case = story.cast["alice"].case
    return Run(story, keeper, approver, _results(_journal(case)), _evidence(case))


def cuts(run: Run, count: int, seed: int) -> Iterator[Cut]:
    """Yield cuts at any moment, and as many while the log, a journal or an answer is written."""
    after = OPENED if run.story.start.count == 0 else ""
    anywhere = some(run.story, count - count // 2, seed, after=after)
    on_record = some(run.story, count // 2, seed + 1, after=after, within="custody")
    wanted = {act: (*anywhere.get(act, ()), *on_record.get(act, ())) for act in {*anywhere, *on_record}}
    yield from run.story.cuts(wanted, seed)


def stale_facts(run: Run, draws: int) -> Iterator[str]:
    """Yield tables that a cut may leave older than the state beside them, which says that they are of today."""
    disk = deepcopy(run.story.start)
    for act in run.story.told:
        if isinstance(act, Act):
            disk.do(act)
            if act.name == "rename" and act.to[-1] == STATE:
                yield from _stale(disk.below("/".join(act.to[:-1])), draws)


def _stale(disk: Disk, draws: int) -> Iterator[str]:
    facts = list(disk.files("facts"))
    assert facts, "there are no tables"
    for seed in range(draws):
        left = disk.left("random", random.Random(seed))
        if left.get(STATE) == disk.read(STATE) and all(path in left for path in facts):
            yield from (path for path in facts if left[path] != disk.read(path))


def judge(cut: Cut, whole: Run, place: Path) -> None:
    """Require that nothing acknowledged is lost, and that going on ends as if nothing had happened."""
    lay(cut.left, place)
    try:
        require_keys(cut, whole.story)
        alice = Somebody(name="alice", home=place / "alice/home", case=place / "alice/case")
        table = desk(alice.case, whole.keeper, whole.approver)
        kept = cut.owed.cases.get("alice", whole.kept)
        if table.verify().exit() is Exit.OK:
            require_kept(f"{cut}, as it stands", alice, kept)
        ended = table.carry_out()
        require_kept(cut, alice, kept)
        assert ended.outcome == "success", f"{cut}: {ended.outcome} {ended.waiting}"
        _require_same(cut, whole, alice.case)
        _require_once(cut, table, kept)
        report = table.verify()
        assert report.exit() is Exit.OK, f"{cut}: {report.exit()} {report.defects[:3]}"
    finally:
        shutil.rmtree(place)


def _require_same(cut: Cut, whole: Run, case: Path) -> None:
    results = _results(_journal(case))
    for step, result in whole.results.items():
        assert results.get(step) == result, f"{cut}: `{step}` ended otherwise: {results.get(step)}"
    assert _evidence(case) == whole.evidence, f"{cut}: other evidence"


def _require_once(cut: Cut, table: Desk, kept: Kept) -> None:
    """Require that what had ended was not begun again, and that nothing is on record twice."""
    journals = (body for path, body in kept.runs.items() if path.endswith("journal.jsonl"))
    before = [line for body in journals for line in _lines(body)]
    after = _lines(_journal(table.lab.root))
    for kind in (journal.ASKED, journal.ANSWERED, journal.ENDED):
        times = Counter(line["step"] for line in after if line["type"] == kind)
        assert not times or max(times.values()) == 1, f"{cut}: {kind} more than once: {times}"
    for kind, times in {"hold.placed": 1, "playbook.started": 2, "playbook.ended": 2}.items():
        assert len(table.events(kind)) == times, f"{cut}: {kind} {len(table.events(kind))} times"
    answered = [one["answer"]["step"] for one in table.events("playbook.answered")]
    assert answered == ["choose", "agree"], f"{cut}: answered {answered}"
    steps = Counter(one["playbook"]["step"] for one in table.events("playbook.step"))
    assert max(steps.values()) == 1, f"{cut}: an end is on record twice: {steps}"
    ended = {line["step"] for line in before if line["type"] == journal.ENDED}
    for step, source in TAKEN.items():
        asked = table.dealt[source].asked
        assert not asked or step not in ended, f"{cut}: `{step}` had ended, and was asked again: {asked}"


def _journal(case: Path) -> bytes:
    path = min(case.glob(f"{log.RUNS}/*/journal.jsonl"))  # what a run calls is called as it is, and more
    return path.read_bytes()


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def _results(body: bytes) -> Results:
    """Return how each step ended; times and the names of runs and acquisitions differ from time to time."""
    run = _lines(body)[0]["run"]
    found = {line["step"]: dict(line["result"]) for line in _lines(body) if line["type"] == journal.ENDED}
    for result in found.values():
        result["reason"] = result["reason"].replace(run, "RUN")
        result["acquisitions"] = len(result["acquisitions"])
        result["outputs"] = {name: one for name, one in result["outputs"].items() if not name.endswith("_at")}
    return found


def _evidence(case: Path) -> Counter[str]:
    files = [path for path in case.glob("bags/*/data/**/*") if path.is_file()]
    return Counter(
        f"{path.relative_to(case).parts[2:]} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files
    )
