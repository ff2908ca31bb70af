"""A hundred kills a run, at random calls of every command that writes: each ends as if nothing had happened."""

import json
import os
import random
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from support import buckets, play_child, power, power_child
from support.casemaker import NOW, Case, make_case
from support.deck import LOOKUP, book
from support.gcs_server import running_gcs_server
from support.lab import to_pem
from support.lottery_child import collector
from support.people import Cast, Somebody
from support.playing import outcomes

from evidence_kit.acquire.case import keeper_of, require_sound_log
from evidence_kit.acquire.handover import offer
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.storing import Place, store
from evidence_kit.custody import bag, log
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import EmptyError, Exit
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.local import LocalVault
from evidence_kit.vaults.registry import open_bucket, open_subject

TESTS = Path(__file__).parents[1]
SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261122"))
KILLS = {"collect": 30, "resume": 20, "seal": 15, "offer": 8, "accept": 10, "store": 10, "playbook": 8}
HOW = ("before", "halfway", "after")


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_kills_of_a_run_are_a_hundred_or_more():
    assert sum(KILLS.values()) >= 100


@pytest.fixture(scope="module")
def child():
    """The process that forks for each kill."""
    with subprocess.Popen(
        [sys.executable, "-m", "support.lottery_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    ) as process:

        def ask(task):
            print(json.dumps(task), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@dataclass
class Lottery:
    """Draws calls to die at, and hands each case that died to whoever judges it."""

    child: object
    place: Path
    do: str
    count: int = 0
    calls: int = 0
    task: dict = field(default_factory=dict)

    def draw(self, prepare):
        """Yield what `prepare` made, killed at a random call, and how; as many times as the table says."""
        drawn = random.Random(f"{SEED} {self.do}")
        tries, killed = 0, 0
        told = self._do(prepare, 0, "before")[1]
        assert told["said"].isdigit(), told["said"]
        self.calls = int(told["said"])
        while killed < KILLS[self.do]:
            tries += 1
            assert tries < 3 * KILLS[self.do], "too many outlived their call"
            nth, how = drawn.randint(1, self.calls), drawn.choice(HOW)
            made, told = self._do(prepare, nth, how)
            why = f"{self.do}, call {nth} of {self.calls}, {how}, EVIDENCE_KIT_TEST_SEED={SEED}"
            assert told["killed"] or told["said"].isdigit(), (why, told["said"])
            if told["killed"]:
                killed += 1
                yield made, why
        self.count = killed

    def _do(self, prepare, nth, how):
        shutil.rmtree(self.place, ignore_errors=True)
        made, task = prepare(self.place)
        log_file = str(self.place.with_suffix(".log"))
        return made, self.child({**task, "do": self.do, "nth": nth, "how": how, "log": log_file})


@pytest.fixture
def lottery(child, tmp_path, request):
    """Return the lottery of a command; its kills are counted in the end."""
    made = []

    def start(do):
        made.append(Lottery(child, tmp_path / "place", do))
        return made[-1]

    yield start
    for one in made:
        if request.session.testsfailed:
            continue  # the test has said it
        print(f"{one.do}: killed {one.count} times within {one.calls} calls")
        assert one.count == KILLS[one.do]


# -- collect, resume, seal -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A case that is open and empty, one whose ledger is closed without a seal, and one that is sealed."""
    here = tmp_path_factory.mktemp("kept")
    empty = Case(here / "empty")
    empty.open()
    unsealed = _copy(empty, here / "unsealed")
    unsealed.collect(collector(), crash=True)
    whole = _copy(empty, here / "whole")
    whole.collect(collector())
    return {"empty": empty, "unsealed": unsealed, "whole": whole}


def _copy(case, root):
    shutil.copytree(case.root, root)
    return Case(root, case.signer, case.log_signer)


def task_of(case):
    return {"root": str(case.root), "keys": [to_pem(case.signer), to_pem(case.log_signer)]}


def evidence(case):
    roots = sorted((case.root / "bags").iterdir()) if (case.root / "bags").exists() else []
    return [
        {str(p.relative_to(one)): p.read_bytes() for p in (one / "data").rglob("*") if p.is_file()} for one in roots
    ]


def acknowledged(case):
    """Return what the ledgers say is stored; a torn line says nothing."""
    found = {}
    for path in case.root.glob(f"bags/*/{bag.LEDGER}"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n") and (artifact := json.loads(line).get("artifact")):
                where = path.parents[1] / artifact["path"]
                found[where] = where.read_bytes()
    return found


def go_on(case):
    vault = case.vault
    with suppress(EmptyError):
        work = find_work(vault)
        with vault.lock(), vault.working():
            require_sound_log(case.keeper_of(vault), at=NOW)
            work.run(case.engine(collector(), vault))
    with vault.lock(), vault.working():
        state = require_sound_log(case.keeper_of(vault), at=NOW)
    if not state.acquisitions:
        case.collect(collector())


def require_right(case, known, kept, why):
    if case.verify(each_signature=True).exit(require_complete=True) is Exit.OK:
        assert evidence(case) == evidence(kept["whole"]), (why, "it verified before it was whole")
    go_on(case)
    report = case.verify(each_signature=True)
    assert report.exit(require_complete=True) is Exit.OK, (why, report.defects[:3])
    assert evidence(case) == evidence(kept["whole"]), why
    assert all(path.read_bytes() == body for path, body in known.items()), (why, "acknowledged and lost")


def _of(kept, name):
    def prepare(root):
        case = _copy(kept[name], root)
        return case, task_of(case)

    return prepare


@pytest.mark.parametrize(("deed", "start"), [("collect", "empty"), ("seal", "unsealed")])
def test_killed_while_it_collects_or_seals_it_ends_the_same(lottery, kept, deed, start):
    for case, why in lottery(deed).draw(_of(kept, start)):
        require_right(case, acknowledged(case), kept, why)


def test_killed_while_it_collects_and_again_while_it_resumes_it_ends_the_same(lottery, child, kept, tmp_path):
    drawn = random.Random(SEED)
    first = _of(kept, "empty")
    torn = []
    while len(torn) < 4:
        case, task = first(tmp_path / f"torn-{len(torn)}")
        told = child(
            {"do": "collect", "nth": drawn.randint(100, 400), "how": "halfway", "log": str(tmp_path / "l"), **task}
        )
        begun, sealed = (list(case.root.glob(f"bags/*/{name}")) for name in (bag.LEDGER, bag.SEAL))
        if not told["killed"] or not begun or sealed:
            shutil.rmtree(case.root)
            continue
        torn.append(case)

    def prepare(root):
        case = _copy(drawn.choice(torn), root)
        return case, task_of(case)

    for case, why in lottery("resume").draw(prepare):
        require_right(case, acknowledged(case), kept, why)


# -- custody transfer ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Alice has collected; Bob stands by; in `offered`, she has offered and he has a copy."""
    here = tmp_path_factory.mktemp("stage")
    cast = Cast(here / "before")
    for name in ("alice", "bob"):
        cast.add(name)
    cast.open("alice")
    shutil.copytree(here / "before", here / "offered")
    later = _cast(here / "offered")
    offer(later["alice"].vault, later["alice"].ring, None, to=later["bob"].person, terms=power_child.TERMS, at=NOW)
    later.carry("alice", "bob")
    return here


def _cast(root):
    people = {
        name: Somebody(name=name, home=root / name / "home", case=root / name / "case") for name in power.PEOPLE
    }
    return Cast(root, people)


def _staged(stage, name):
    def prepare(root):
        shutil.copytree(stage / name, root)
        return _cast(root), {"root": str(root)}

    return prepare


def told(person, kind):
    events = []
    with (person.case / log.LOG).open("rb") as stream:
        log.scan(stream, report=lambda *_: None, seen=events.append)
    return [event for event in events if event.type == kind]


def test_killed_while_a_case_is_offered_it_can_be_offered_and_accepted(lottery, stage):
    for cast, why in lottery("offer").draw(_staged(stage, "before")):
        alice, bob = cast["alice"], cast["bob"]
        with alice.vault.lock(), alice.vault.working():
            state = require_sound_log(keeper_of(alice.vault, alice.ring, None), at=NOW)
        if state.custody.offer is None:
            offer(alice.vault, alice.ring, None, to=bob.person, terms=power_child.TERMS, at=NOW)
        assert len(told(alice, log.OFFERED)) == 1, why
        assert cast.verify("alice").exit() is Exit.OK, (why, cast.verify("alice").defects)


def test_killed_while_a_case_is_accepted_it_is_accepted_once(lottery, stage):
    for cast, why in lottery("accept").draw(_staged(stage, "offered")):
        bob = cast["bob"]
        if not told(bob, log.ACCEPTED):
            at = NOW + timedelta(hours=2)
            power.accept_copy(bob, cast["alice"], cast.trust(), at)
        power_child.note(keeper_of(bob.vault, bob.ring, None), "here now")
        assert len(told(bob, log.ACCEPTED)) == 1, why
        report = cast.verify("bob")
        assert report.exit(require_complete=True) is Exit.OK, (why, report.defects)


# -- store ---------------------------------------------------------------------------------------------------


def test_killed_while_it_is_stored_a_copy_never_passes_before_it_is_whole(lottery, tmp_path, monkeypatch):
    known = make_case(tmp_path / "kept", pages=2, names=("two words",))
    with running_gcs_server() as server:
        made = iter(range(1000))

        def prepare(root):
            bucket = buckets.enter(monkeypatch, buckets.google(server, f"crash-{next(made)}"))
            case = _copy(known, root)
            url = f"{bucket.url}/c"
            return (case, url), {**task_of(case), "url": url, "environ": dict(bucket.environ)}

        for (case, url), why in lottery("store").draw(prepare):
            complete = _stored(case, url) is Exit.OK
            with closing(open_bucket(url, Lock(), os.environ)[0]) as target:
                before = sum(1 for _ in target.walk(""))
                store(case.vault, case.keeper, Place(vault=target, at=url, lock=Lock()), purpose="again", at=NOW)
                after = sum(1 for _ in target.walk(""))
            assert not complete or before == after, (why, "it verified before it was whole")
            assert _stored(case, url) is Exit.OK, why
            assert case.verify(each_signature=True).exit(require_complete=True) is Exit.OK, why


def _stored(case, url):
    try:
        subject = open_subject(url, os.environ)
    except EmptyError:
        return Exit.EMPTY  # it died before the first object
    return verify_case(subject.vault, name="x", trust=case.trust, options=Options()).exit(require_complete=True)


# -- playbook run --------------------------------------------------------------------------------------------


def test_a_playbook_that_is_killed_comes_to_the_same_end(lottery, tmp_path):
    ended = play_child.table_of(tmp_path / "whole").play(book(play_child.STEPS), {})

    def prepare(root):
        table = play_child.table_of(root)
        return table, play_child.task_of(table, 0, halfway=False)

    for table, why in lottery("playbook").draw(prepare):
        table.lab.vault = LocalVault(table.lab.root)
        with table.lab.vault.lock(), table.lab.vault.working():
            table.lab.keeper.repair(at=table.lab.now())
        if not table.events("playbook.started"):
            continue  # nothing had begun, and nothing is on record
        table.approvals = dict(table.approvals)
        again = table.go_on(table.resume(table.events("playbook.started")[0]["playbook"]["run"]))
        assert (again.outcome, outcomes(again)) == (ended.outcome, outcomes(ended)), why
        assert table.verify().exit() == 0, (why, table.verify().defects[:3])
        assert len(table.events("hold.placed")) == len(table.events("playbook.ended")) == 1, why
        assert len(table.dealt[LOOKUP].asked) <= 2, why
