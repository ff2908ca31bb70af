"""A crew confirms what is plainly right; all else, and every defect, is told as by one process alone."""

import os
import signal
from dataclasses import replace

import pytest
from support import forging
from support.casemaker import make_case
from support.tampering import Snapshot, flip, overwrite

from evidence_kit.custody import bag
from evidence_kit.custody.verify import blocks, files, records, workers
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.custody.verify.proofs import Proofs
from evidence_kit.custody.verify.records import LedgerFacts
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.custody.verify.workers import NOBODY, Crew, crew_for
from evidence_kit.errors import Exit, VaultError
from evidence_kit.vaults.local import LocalVault

LISTS = (bag.MANIFEST, bag.LEDGER, bag.ATTESTATIONS)
MANY = 2 * blocks.LINES + 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A case of three blocks of artifacts."""
    names = [f"{number:04}.log" for number in range(MANY)]
    return make_case(tmp_path_factory.mktemp("large") / "case", pages=1, names=names)


@pytest.fixture
def large(made):
    with Snapshot(made.root):
        yield made


@pytest.fixture
def listed(made):
    """The same, of which nothing but the lists is changed."""
    kept = {name: made.path(name).read_bytes() for name in LISTS}
    yield made
    for name, content in kept.items():
        overwrite(made.path(name), content)


def verified(case, count, *, vault=LocalVault):
    options = Options(each_signature=True, workers=count)
    return verify_case(vault(case.root), name="case", trust=case.trust, options=options)


def lines_of(case, name, change):
    """Change the lines of a file of the bag."""
    path = case.path(name)
    found = path.read_bytes().splitlines(keepends=True)
    change(found)
    overwrite(path, b"".join(found))


def swap(first, second):
    def change(lines):
        lines[first], lines[second] = lines[second], lines[first]

    return change


def drop(place):
    return lambda lines: lines.pop(place)


def double(place):
    return lambda lines: lines.insert(place, lines[place])


def edit(place, old, new):
    def change(lines):
        assert old in lines[place]
        lines[place] = lines[place].replace(old, new, 1)

    return change


def cut(lines):
    lines[-1] = lines[-1][:-9]


def data(case, number):
    return sorted(path for path in case.path("data").rglob("*.log"))[number]


IN_LISTS = {
    "swapped at a border of blocks": swap(blocks.LINES - 1, blocks.LINES),
    "swapped inside": swap(3, 4),
    "swapped far apart": swap(3, 2 * blocks.LINES + 3),
    "one missing": drop(blocks.LINES + 7),
    "the first missing": drop(0),
    "one twice": double(blocks.LINES),
    "a space more": edit(300, b"e", b"e "),
    "a bit": edit(blocks.LINES + 1, b"5", b"4"),
    "torn": cut,
    "no last line feed": lambda lines: lines.append(lines.pop()[:-1]),
    "an empty line": lambda lines: lines.insert(9, b"\n"),
    "a line without end": lambda lines: lines.insert(290, b"x" * (1 << 21)),
    "nothing": lambda lines: lines.clear(),
}
IN_DATA = {
    "a byte": lambda case: flip(data(case, 300), 3),
    "bytes in two blocks": lambda case: [flip(data(case, number), 3) for number in (1, 299, 300)],
    "one gone": lambda case: data(case, 5).unlink(),
    "one more": lambda case: (data(case, 5).parent / "stray").write_bytes(b""),
    "one renamed": lambda case: data(case, 270).rename(data(case, 270).with_name("other")),
    "a link": lambda case: (data(case, 1).unlink(), data(case, 0).with_name("0001.log").symlink_to("0002.log")),
    "a pipe": lambda case: (data(case, 1).unlink(), os.mkfifo(data(case, 0).with_name("0001.log"))),
    "the last one": lambda case: overwrite(data(case, -1), b""),
}


IN_ENTRIES = {
    "no artifact": lambda entries, place: entries[place].update(artifact=None),
    "another digest": lambda entries, place: entries[place]["artifact"].update(sha256="00"),
    "a path that leaves": lambda entries, place: entries[place]["artifact"].update(path="data/../x"),
    "no unit": lambda entries, place: entries[place].update(unit=None),
    "a log file": lambda entries, place: entries[place].update(unit="aws.cloudtrail.s3|1"),
    "an unknown kind": lambda entries, place: entries[place].update(type="x"),
    "the end": lambda entries, place: entries.insert(place, entries[-1]),
    "planned late": lambda entries, place: entries.insert(place, entries[1]),
}


def test_a_whole_case_is_confirmed_without_looking_again(made, monkeypatch):
    alone = verified(made, 0)
    seen = []
    real = Crew.run

    def run(self, requests):
        for block, answer in real(self, requests):
            seen.append(answer is not None)
            yield block, answer

    monkeypatch.setattr(Crew, "run", run)
    assert verified(made, 2) == alone
    assert alone.exit() is Exit.OK
    assert seen.count(False) == 1  # the attestations behind the last whole subtree


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("damage", IN_LISTS)
def test_a_damaged_list_is_told_as_by_one_process(listed, name, damage):
    lines_of(listed, name, IN_LISTS[damage])
    alone = verified(listed, 0)
    assert Exit.DIGEST <= alone.exit() <= Exit.CHAIN
    assert verified(listed, 2) == alone


@pytest.mark.parametrize("place", [blocks.LINES, -3])
@pytest.mark.parametrize("change", IN_ENTRIES)
def test_a_ledger_chained_anew_is_told_as_by_one_process(listed, place, change):
    forging.change_ledger(listed, lambda entries: IN_ENTRIES[change](entries, place))
    alone = verified(listed, 0)
    assert alone.exit() in {Exit.DIGEST, Exit.CHAIN}
    assert verified(listed, 2) == alone


@pytest.mark.parametrize("damage", IN_DATA)
def test_damaged_evidence_is_told_as_by_one_process(large, damage):
    IN_DATA[damage](large)
    alone = verified(large, 0)
    assert Exit.DIGEST <= alone.exit() <= Exit.CHAIN
    told = verified(large, 2)
    assert [set(check.defects) for check in told.checks] == [set(check.defects) for check in alone.checks]
    assert replace(told, checks=()) == replace(alone, checks=())
    assert verified(large, 2) == told


class Elsewhere(LocalVault):
    """Its workers look where nothing is."""

    def worker(self):
        module, root = super().worker()
        return module, f"{root}/nowhere"


class Unstartable(LocalVault):
    """Its workers cannot be started."""

    def worker(self):
        return ("evidence_kit.vaults.no_such_module",)


@pytest.mark.parametrize("vault", [Elsewhere, Unstartable])
def test_what_workers_cannot_confirm_is_looked_at_here(made, vault):
    assert verified(made, 2, vault=vault) == verified(made, 0)


def crew_of(case, count=2):
    return Crew(case.vault.worker(), count)


def requests_of(case):
    with case.vault.open(f"{case.bag}/{bag.MANIFEST}") as stream:
        for block in blocks.blocks(stream, bag.MAX_LINE):
            yield (blocks.FILES, case.bag), block


def kill(crew):
    for worker in crew._all:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()


def check_files(case, crew, tallies):
    files.check_listed(case.vault, case.bag, bag.MANIFEST, tallies["files"], crew=crew)


def check_ledger(case, crew, tallies):
    list(records.stored_lines(case.vault, case.bag, LedgerFacts(), Proofs(case.bag), tallies, crew=crew))


def check_attestations(case, crew, tallies):
    records.check_attestations(case.vault, case.bag, {}, tallies, wanted=None, crew=crew)


def asking(case, act, count=2):
    with crew_of(case, count) as crew:
        assert crew
        act(crew)


@pytest.mark.parametrize("check", [check_files, check_ledger, check_attestations])
def test_a_worker_that_dies_is_an_error_and_neither_a_pass_nor_a_defect(made, check):
    tallies = Tallies()

    def act(crew):
        kill(crew)
        check(made, crew, tallies)

    with pytest.raises(VaultError, match="has gone away, with code -9"):
        asking(made, act)
    assert tallies.checks() == ()


def test_one_dead_worker_of_two_is_an_error(made):
    def act(crew):
        crew._all[1].kill()
        check_files(made, crew, Tallies())

    with pytest.raises(VaultError, match="has gone away"):
        asking(made, act)


def test_a_worker_that_dies_while_it_is_at_work_is_an_error(made):
    def act(crew):
        for _ in crew.run(requests_of(made)):
            kill(crew)

    with pytest.raises(VaultError, match="has gone away"):
        asking(made, act, count=1)


def test_a_verification_whose_worker_dies_has_no_verdict(made, monkeypatch):
    real = Crew.run

    def run(self, requests):
        kill(self)
        return real(self, requests)

    monkeypatch.setattr(Crew, "run", run)
    with pytest.raises(VaultError, match="has gone away"):
        verified(made, 2)


def test_a_worker_ends_when_nobody_can_ask_it_any_more(made):
    with crew_of(made, 1) as crew:
        assert crew
        (worker,) = crew._all
        worker.stdin.close()
        assert worker.wait(60) == 0


def test_answers_that_nobody_took_are_never_taken_for_others(made):
    with crew_of(made) as crew:
        assert crew
        asked = crew.run(requests_of(made))
        assert next(asked)[1] is not None
        assert not crew
        asked.close()


def test_answers_come_in_the_order_of_the_questions(made):
    with crew_of(made) as crew:
        assert crew
        asked = [block for _, block in requests_of(made)]
        assert [block for block, _ in crew.run(requests_of(made))] == asked
        assert len(asked) == 3


def test_no_worker_outlives_the_crew(made):
    with crew_of(made) as crew:
        started = list(crew._all)
        assert [worker.poll() for worker in started] == [None, None]
    assert all(worker.returncode is not None for worker in started)


def test_workers_are_no_group_of_the_terminal_that_interrupts_us(made):
    with crew_of(made, 1) as crew:
        assert os.getsid(crew._all[0].pid) != os.getsid(0)


def test_where_no_process_can_be_had_there_is_no_crew(made, monkeypatch):
    monkeypatch.setattr(workers.sys, "executable", "/no/such/interpreter")
    with crew_of(made) as crew:
        assert not crew
    assert verified(made, 2).exit() is Exit.OK


@pytest.mark.parametrize(("asked", "size"), [(None, 0), (0, 0), (1, 0), (2, 2), (5, 5)])
def test_a_small_bag_has_no_crew_unless_it_is_asked_for(made, asked, size):
    assert crew_for(made.vault, made.bag, asked)._size == size


def test_a_large_bag_has_one(made, monkeypatch):
    monkeypatch.setattr(workers, "WORTH", 1)
    monkeypatch.setattr(workers, "processors", lambda: 3)
    assert crew_for(made.vault, made.bag, None)._size == 3
    monkeypatch.setattr(workers, "processors", lambda: 99)
    assert crew_for(made.vault, made.bag, None)._size == workers.MOST
    monkeypatch.setattr(workers, "processors", lambda: 1)
    assert crew_for(made.vault, made.bag, None)._size == 0


def test_a_vault_that_no_other_process_can_read_has_none(made):
    class Far:
        open, stat, walk = made.vault.open, made.vault.stat, made.vault.walk

    assert crew_for(Far(), made.bag, 2) is NOBODY
    report = verify_case(Far(), name="case", trust=made.trust, options=Options(workers=2))
    assert report == verify_case(made.vault, name="case", trust=made.trust, options=Options(workers=0))


def test_lists_that_cannot_be_looked_at_are_no_reason_for_a_crew(made):
    assert crew_for(made.vault, "x" * 300, None)._size == 0


def test_there_is_at_least_one_processor():
    assert workers.processors() >= 1
