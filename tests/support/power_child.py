"""What people do to a case, told act by act to whoever traces this program; with a fault in the write path, if asked.

What is written into the voice, a file beside, is said to the user at that moment: all before it is acknowledged.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from support.casemaker import NOW, SOURCE, TARGET, WINDOW, PagesFromMemory, exchange
from support.people import Cast, Somebody

from evidence_kit.acquire.case import Description, add_note, keeper_of, open_case, require_sound_log
from evidence_kit.acquire.handover import Terms, accept, offer
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.recorder import Recorder
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag
from evidence_kit.custody.log import Keeper
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context, Stored
from evidence_kit.model.unit import Outcome, Unit
from evidence_kit.vaults import local
from evidence_kit.vaults.local import LocalVault

ORDER = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
TERMS = Terms(purpose="second examination")
SAID = Description(id="IR-2026-014", title="A test", purpose="p", authority="consent")


class Voice:
    """Says things where the tracer hears them."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, text: str) -> None:
        os.write(self._handle, text.encode())


class Telling(Silent):
    """Says each thing that the operator would see."""

    def __init__(self, say: Voice) -> None:
        self._say = say

    def stored(self, unit: Unit, size: int, records: int | None) -> None:
        self._say("stored")

    def closed(self, unit: Unit, outcome: Outcome) -> None:
        self._say("closed")


class Pages(PagesFromMemory):
    """Pages and objects from memory; what is stored already is not asked for again."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        for number, item in enumerate(super().acquire(unit, ctx)):
            if isinstance(item, Page):
                told = exchange(f"List {unit.region} {number}", item.body)
                if kept := ctx.replay(told.request.digest):
                    told = kept.exchange
                yield replace(item, exchange=told)
            else:
                yield item


def collector(number: int) -> Pages:
    """Return the evidence of the first or the second collection: the second has more files at once."""
    if number == 1:
        return Pages(pages=3, names=("two words", "x" * 900), regions=("us-east-1", "eu-west-1"))
    return Pages(pages=14, names=(), regions=tuple(f"r-{n}" for n in range(4)))


def engine(keeper: Keeper, number: int, say: Voice | None = None) -> Engine:
    """Return an engine that writes one case."""
    assert isinstance(keeper.vault, LocalVault)
    return Engine(
        vault=keeper.vault,
        keeper=keeper,
        collectors={SOURCE: collector(number)},
        now=lambda: NOW + timedelta(minutes=number),
        observer=Telling(say) if say else Silent(),
        workers=4,
    )


def collect(person: Somebody, number: int, say: Voice) -> None:
    """Collect into a case."""
    vault = person.vault
    made = engine(keeper_of(vault, person.ring, None), number, say)
    with vault.lock(), vault.working():
        require_sound_log(made.keeper, at=made.now())
        made.collect(ORDER)
    say("sealed")


def resume(keeper: Keeper, number: int, say: Voice | None = None) -> None:
    """Go on with what is not finished, as the command does."""
    made = engine(keeper, number, say)
    work = find_work(made.vault)
    with made.vault.lock(), made.vault.working():
        require_sound_log(keeper, at=made.now())
        work.run(made)
    if say:
        say("sealed")


def note(keeper: Keeper, text: str) -> None:
    """Add a note to a case."""
    assert isinstance(keeper.vault, LocalVault)
    add_note(keeper.vault, keeper, text, at=NOW + timedelta(hours=1))


def carry(case: Path, to: Path) -> None:
    """Copy a case by plain reads and writes, which a tracer understands, and wait until it is on the disk."""
    for path in (case, *sorted(case.rglob("*"))):
        there = to / path.relative_to(case)
        if path.is_dir():
            there.mkdir()
        else:
            there.write_bytes(path.read_bytes())
    os.sync()


def whole(top: Path, say: Voice) -> None:
    """Open, collect twice, and hand over."""
    cast = Cast(top)
    alice, bob = cast.add("alice"), cast.add("bob")
    say("keys")
    open_case(alice.vault, alice.ring, None, SAID, at=NOW)
    say("opened alice")
    collect(alice, 1, say)
    note(keeper_of(alice.vault, alice.ring, None), "looked at it")
    say("noted")
    collect(alice, 2, say)
    offer(alice.vault, alice.ring, None, to=bob.person, terms=TERMS, at=NOW + timedelta(hours=2))
    say("offered")
    carry(alice.case, bob.case)
    say("opened bob")
    at = NOW + timedelta(hours=3)
    accept(bob.vault, bob.ring, None, trust=cast.trust(), terms=TERMS, last=None, at=at)
    say("accepted")
    note(keeper_of(bob.vault, bob.ring, None), "here now")
    say("noted")


def mending(top: Path, say: Voice) -> None:
    """Go on with what a first power cut left."""
    alice = Somebody(name="alice", home=top / "alice/home", case=top / "alice/case")
    say("opened alice")
    keeper = keeper_of(alice.vault, alice.ring, None)
    resume(keeper, 1, say)
    note(keeper, "after the cut")
    say("noted")


# -- faults that somebody could build into the write path ----------------------------------------------------


def leave_out(is_meant: Callable[[str, os.stat_result], bool], *, everything: bool = False) -> None:
    """Have some files or folders not synced, by their path and what they are."""
    sync, sync_all = os.fsync, local._sync_file_system

    def fsync(handle: int) -> None:
        if not is_meant(str(Path(f"/proc/self/fd/{handle}").readlink()), os.fstat(handle)):
            sync(handle)

    os.fsync = fsync  # type: ignore[assignment]
    local._sync_file_system = (lambda _: None) if everything else sync_all


def _say_before_it_is_done() -> None:
    """The line in the ledger comes before the bytes that it acknowledges."""
    later: list[tuple[LocalVault, Sequence[tuple[Stored, str]]]] = []
    commit, append = LocalVault.commit, LocalVault.append

    def put_off(self: LocalVault, batch: Sequence[tuple[Stored, str]]) -> None:
        is_evidence = any("/data/" in path for _, path in batch)
        later.append((self, batch)) if is_evidence else commit(self, batch)

    def append_first(self: LocalVault, path: str, data: bytes) -> None:
        append(self, path, data)
        while path.endswith(bag.LEDGER) and later:
            commit(*later.pop())

    LocalVault.commit, LocalVault.append = put_off, append_first  # type: ignore[method-assign]


def _tell_before_it_is_durable() -> None:
    """The operator is told before the line in the ledger is."""
    record = Recorder._record

    def tell_first(self: Recorder, batch: object) -> None:
        self._tell(batch.work)  # type: ignore[attr-defined]
        record(self, batch)  # type: ignore[arg-type]

    Recorder._record = tell_first  # type: ignore[method-assign,assignment]


def _trust_what_a_killed_run_left() -> None:
    """A journal and a seal count although nobody has synced them since they were written."""
    append, publish = LocalVault.append, LocalVault.publish

    def append_more(self: LocalVault, path: str, data: bytes) -> None:
        if data or not (self.root / path).exists():
            append(self, path, data)

    def publish_new(self: LocalVault, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        body = b"".join(data)
        if path.endswith(bag.SEAL) and (self.root / path).exists():
            return hashlib.sha256(body).hexdigest(), len(body)
        return publish(self, path, [body])

    LocalVault.append, LocalVault.publish = append_more, publish_new  # type: ignore[method-assign]
    LocalVault.settle = lambda *_: None  # type: ignore[method-assign,assignment]


FAULTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "folders are not synced": lambda: leave_out(lambda _, found: stat.S_ISDIR(found.st_mode)),
    "evidence is not synced": lambda: leave_out(lambda path, _: "/.work/" in path, everything=True),
    "journals are not synced": lambda: leave_out(lambda path, _: path.endswith(".jsonl")),
    "indexes are not synced": lambda: leave_out(lambda path, _: path.endswith(".partial")),
    "keys are not synced": lambda: leave_out(lambda path, _: path.endswith(".tmp")),  # their drafts
    "the folder of the case is not synced": lambda: leave_out(lambda path, _: path.endswith("/alice")),
    "the ledger runs ahead of the evidence": _say_before_it_is_done,
    "the operator is told too early": _tell_before_it_is_durable,
}
# Faults that show when a killed run is gone on with.
MENDING_FAULTS: dict[str, Callable[[], None]] = {
    "what a killed run left is trusted": _trust_what_a_killed_run_left,
}


def main(story: str, top: str, voice: str, fault: str) -> None:
    """Play a story."""
    (FAULTS | MENDING_FAULTS)[fault]()
    {"whole": whole, "mending": mending}[story](Path(top), Voice(Path(voice)))


if __name__ == "__main__":
    main(*sys.argv[1:])
