"""A case in which a playbook ran and somebody answered, and what can be done to the files of the run."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from support.casemaker import NOW
from support.deck import TAKE, book, deck, event
from support.playing import Table
from support.strangers import Change, Scene, add, flip

from evidence_kit.custody.trust import HEADER, key_entry
from evidence_kit.playbook.run.questions import Reply

STEPS = (
    TAKE
    + """  - {id: agree, type: approve, needs: [take], prompt: Hold the case, covers: [keep]}
  - {id: keep, type: hold, action: case, needs: [agree], approval: agree, matter: M-1}
"""
)
YES: Mapping[str, Reply] = {"agree": Reply(approved=True, reason="go on")}


def play(folder: Path, approvals: Mapping[str, Reply] = YES) -> Scene:
    """Return the scene of a case after one run of a playbook."""
    table = deck(folder, {"111122223333": [event(1)]}, approvals=approvals)
    table.play(book(STEPS), {})
    return _scene(table, folder)


def _scene(table: Table, folder: Path) -> Scene:
    key, lab = folder / "key.pem", table.lab
    key.write_bytes(lab.signer.public_key_pem)
    pens = ((lab.signer, "ex", ("collector", "custodian")), (table.approver, "boss", ("approver",)))
    said = HEADER + "".join(
        key_entry(name=name, pem=one.public_key_pem, roles=roles, valid_from=NOW - timedelta(days=365))
        for one, name, roles in pens
    )
    return Scene(root=lab.root, bag=lab.bags[-1], keys=(key,), trust=said.encode())


def _in_run(inside: str, do: Callable[[Scene, Path], object]) -> Change:
    return lambda scene: do(scene, next((scene.root / "custody" / "runs").glob(f"*/{inside}")))


def _beside(inside: str) -> Change:
    return _in_run("journal.jsonl", lambda _, path: add(path.parent / inside))


def _elsewhere(inside: str) -> Change:
    return lambda scene: add(scene.root / "custody" / "runs" / "another" / inside)


LEFT_BY_A_CRASH: dict[str, Change] = {
    "an answer that no event names": _beside("answers/agree.7.json"),
    "a playbook that no event names": _elsewhere("playbook.yaml"),
}
RUN_TAMPERINGS: dict[str, Change] = {
    "a byte of the playbook flipped": _in_run("playbook.yaml", lambda scene, path: flip(scene, path, 40)),
    "the playbook deleted": _in_run("playbook.yaml", lambda _, path: path.unlink()),
    "a byte of the journal flipped": _in_run("journal.jsonl", lambda scene, path: flip(scene, path, -40)),
    "a byte of an answer flipped": _in_run("answers/*.json", lambda scene, path: flip(scene, path, -20)),
    "an answer deleted": _in_run("answers/*.json", lambda _, path: path.unlink()),
    "a file added to a run": _beside("planted.yaml"),
    "a file added to the answers": _beside("answers/planted.txt"),
    "a journal of a run that no event names": _elsewhere("journal.jsonl"),
    "an answer in a run that no event names": _elsewhere("answers/agree.1.json"),
}
