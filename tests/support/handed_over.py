"""A case with all that can stand beside a seal: a hand-over, cosignatures, countersignatures, time-stamps."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.authority import Authority
from support.casemaker import NOW, ORIGIN, Case, make_case
from support.strangers import CHECKPOINT, LOG, SEAL, Change, Scene, flip_in_case, in_bag, in_case, rewrite

from evidence_kit.custody import checkpoint, dsse, log, seal, statement, strict
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import HEADER, key_entry
from evidence_kit.signers.file import KeySigner, generate

TOKEN = "seal/timestamps/tsa.example.tsr"
OTHER = "0" * 64 + ".sigstore.json"
ROLES = ("collector", "custodian", "approver")


@dataclass
class HandedOver:
    """Robin collected, seals and offers; Sam accepts; both cosign. Kim may sign, but was offered nothing."""

    folder: Path
    sam: KeySigner = field(default_factory=lambda: KeySigner(generate("ed25519")))
    kim: KeySigner = field(default_factory=lambda: KeySigner(generate("p256")))
    witness: KeySigner = field(default_factory=lambda: KeySigner(generate("ed25519")))
    new_log: KeySigner = field(default_factory=lambda: KeySigner(generate("ed25519")))

    def __post_init__(self) -> None:
        self.case: Case = make_case(self.folder / "case")
        self.people = (self.case.signer, self.sam, self.kim)
        for number, person in enumerate(self.people):
            (self.folder / f"{number}.pem").write_bytes(person.public_key_pem)

    @property
    def scene(self) -> Scene:
        """Return the case with everybody's keys."""
        since = NOW - timedelta(days=9)
        named = zip(("Robin Examiner", "Sam", "Kim"), self.people, strict=True)
        entries = [key_entry(name=n, pem=p.public_key_pem, roles=ROLES, valid_from=since) for n, p in named]
        keys = tuple(self.folder / f"{number}.pem" for number in range(len(self.people)))
        bag = self.case.root / self.case.bag
        return Scene(root=self.case.root, bag=bag, keys=keys, trust=(HEADER + "".join(entries)).encode())

    def keeper(self, signer: KeySigner, log_signer: KeySigner, *, witness: KeySigner | None = None) -> Keeper:
        """Return the keeper by which `signer` acts."""
        vault = self.case.vault
        actor = {self.sam.keyid: "Sam", self.kim.keyid: "Kim"}.get(signer.keyid, "Robin Examiner")
        return Keeper(vault=vault, signer=signer, actor=actor, log_signer=log_signer, tool="test", witness=witness)

    def append(self, keeper: Keeper, kind: str, fields: Mapping[str, object], *files: str) -> None:
        """Add an event that the program itself allows, about `files` of the case."""
        with keeper.vault.working():
            keeper.append(
                kind, at=NOW, subjects=[self._subject(name) for name in files or (log.CASE,)], fields=fields
            )
        keeper.vault.close()

    def force(self, keeper: Keeper, kind: str, fields: Mapping[str, object], **predicate: object) -> None:
        """Add an event, well signed, that the program would refuse to write."""
        state = keeper.state()
        actor = {"name": keeper.actor, "keyid": keeper.signer.keyid}
        head = {"size": state.tree.size, "root": state.tree.root().hex()}
        said = {
            "case": state.case,
            "seq": state.tree.size,
            "type": kind,
            "at": "2026-11-21T21:30:00Z",
            "actor": actor,
        }
        said |= {"tool": "test", "log": head, **fields, **predicate}
        payload = statement.build(statement.CUSTODY_EVENT, [self._subject(log.CASE)], said)
        line = dsse.sign_line(payload, keeper.signer)
        rewrite(self.case.root / LOG, (self.case.root / LOG).read_bytes() + line + b"\n")
        state.tree.add(line)
        signed = checkpoint.sign(Checkpoint(ORIGIN, state.tree.size, state.tree.root()), keeper.log_signer)
        rewrite(self.case.root / CHECKPOINT, signed)

    def _subject(self, inside: str) -> statement.Subject:
        return statement.Subject(inside, hashlib.sha256((self.case.root / inside).read_bytes()).hexdigest())

    def offer(self) -> None:
        """Let Robin offer the case to Sam."""
        robin = self.keeper(self.case.signer, self.case.log_signer, witness=self.witness)
        self.append(robin, log.OFFERED, {"transfer": {"to": {"name": "Sam", "keyid": self.sam.keyid}}})

    @property
    def acceptance(self) -> dict[str, Any]:
        """Return what an acceptance of the last event must say."""
        state = self.case.keeper.state()
        leaf = hashlib.sha256(b"\x00" + (self.case.root / LOG).read_bytes().splitlines()[-1]).hexdigest()
        transfer = {"offer": {"seq": state.tree.size - 1, "leaf": leaf}}
        pen = self.keeper(self.sam, self.new_log).pen(ORIGIN)
        return {"transfer": transfer, "received": {"sealState": "intact"}, **pen}

    def accept(self) -> Keeper:
        """Let Sam accept, cosigning with the same key; return Sam's keeper."""
        sam = self.keeper(self.sam, self.new_log, witness=self.sam)
        self.append(sam, log.ACCEPTED, self.acceptance)
        return sam

    def write(self, inside: str, content: bytes) -> str:
        """Put a file into the case, where there is none, and return where."""
        path = self.case.root / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
        return inside

    def countersign(self, signer: KeySigner) -> str:
        """Let `signer` sign what the seal says, and return where."""
        payload = seal.parse(self.case.path(SEAL).read_bytes()).payload
        return self.write(f"{self.case.bag}/seal/{signer.keyid}.sigstore.json", seal.sign(payload, signer))

    def stamp(self, authority: Authority) -> tuple[str, str]:
        """Stamp the seal's signature and the checkpoint that stands; return where the tokens lie."""
        size = self.case.keeper.state().tree.size
        note = (self.case.root / CHECKPOINT).read_bytes()
        self.write(f"custody/checkpoints/{size}", note)
        signature = seal.parse(self.case.path(SEAL).read_bytes()).signature
        kept = self.write(f"custody/timestamps/{size}/tsa.example.tsr", authority.stamp(note))
        return self.write(f"{self.case.bag}/{TOKEN}", authority.stamp(signature)), kept


def hand_over(folder: Path, authority: Authority) -> HandedOver:
    """Make the whole case: offered, accepted, countersigned by Sam and an ML-DSA key, stamped twice."""
    made = HandedOver(folder)
    made.offer()
    sam = made.accept()
    for signer in (made.sam, KeySigner(generate("mldsa65"))):
        where = made.countersign(signer)
        made.append(
            sam,
            log.COUNTERSIGNED,
            {"countersignature": {"acquisition": made.scene.bag.name, "keyid": signer.keyid}},
            where,
        )
    made.append(sam, log.TIMESTAMPED, {"timestamps": []}, *made.stamp(authority))
    return made


# -- what a stranger must see: written by somebody with a trusted key, while the case is on offer to Sam ------------


def _forge(name: str, kind: str, **changes: object) -> Callable[[HandedOver], None]:
    """Let `name` answer the offer, or go on as if there were none."""

    def do(made: HandedOver) -> None:
        signer, pen = (made.kim, made.new_log) if name == "kim" else (made.case.signer, made.case.log_signer)
        made.force(made.keeper(signer, pen), kind, made.acceptance | changes)

    return do


def _accept(change: Callable[[dict[str, Any]], object]) -> Callable[[HandedOver], None]:
    """Let Sam accept, but say something else."""

    def do(made: HandedOver) -> None:
        said = made.acceptance
        change(said)
        made.force(made.keeper(made.sam, made.new_log), log.ACCEPTED, said)

    return do


def _accept_twice(made: HandedOver) -> None:
    said = made.acceptance
    made.force(made.accept(), log.ACCEPTED, said)


def _accept_with_the_old_pen(made: HandedOver) -> None:
    made.force(made.keeper(made.sam, made.case.log_signer), log.ACCEPTED, made.acceptance)


def _accept_in_another_name(made: HandedOver) -> None:
    as_sam = {"actor": {"name": "Sam", "keyid": made.sam.keyid}}
    made.force(made.keeper(made.kim, made.new_log), log.ACCEPTED, made.acceptance, **as_sam)


FORGERIES: Mapping[str, Callable[[HandedOver], None]] = {
    "accepted by another than it was offered to": _forge("kim", log.ACCEPTED),
    "rejected by another than it was offered to": _forge("kim", log.REJECTED),
    "withdrawn by another than who holds it": _forge("kim", log.WITHDRAWN),
    "offered a second time": _forge("robin", log.OFFERED, transfer={"to": {"name": "Kim", "keyid": "0" * 64}}),
    "accepted by the leaf of another event": _accept(lambda said: said["transfer"]["offer"].update(leaf="0" * 64)),
    "accepted by the number of another event": _accept(lambda said: said["transfer"]["offer"].update(seq=1)),
    "accepted with a key for another log": _accept(lambda said: said["logKey"].update(origin="elsewhere")),
    "accepted twice": _accept_twice,
    "accepted, but signed with the log key of before": _accept_with_the_old_pen,
    "accepted in the name of another": _accept_in_another_name,
}


# -- what a stranger must see: done to the files of a whole case ---------------------------------------------------

KEPT = "custody/checkpoints/4"  # after Robin's offer


def _cosign_unannounced(made: HandedOver) -> Change:
    kim = KeySigner(generate("ed25519"))
    return in_case(
        CHECKPOINT, lambda path: rewrite(path, checkpoint.cosign(path.read_bytes(), name="Sam", signer=kim, at=NOW))
    )


def _another_time(path: Path) -> None:
    *before, line = path.read_text().splitlines()
    start, _, blob = line.rpartition(" ")
    changed = bytearray(base64.b64decode(blob))
    changed[11] ^= 1
    rewrite(path, "\n".join([*before, f"{start} {base64.b64encode(changed).decode()}", ""]).encode())


def _another_history(made: HandedOver) -> Change:
    head = Checkpoint(ORIGIN, 4, hashlib.sha256(b"rewritten").digest())
    return in_case(KEPT, lambda path: rewrite(path, checkpoint.sign(head, made.case.log_signer)))


def _without_the_log(path: Path) -> None:
    """Leave the cosignature, which is only as good as the log that it is about."""
    lines = path.read_bytes().splitlines(keepends=True)
    rewrite(path, b"".join(lines[:4] + lines[5:]))


def _flip_signature(path: Path) -> None:
    bundle = json.loads(path.read_bytes())
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    raw = bytearray(base64.b64decode(signature["sig"]))
    raw[20] ^= 1
    signature["sig"] = base64.b64encode(raw).decode()
    rewrite(path, strict.encode(bundle) + b"\n")


def _say_otherwise(made: HandedOver) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        said = json.loads(seal.parse(path.read_bytes()).payload)
        said["predicate"]["units"]["missing"] = 7
        rewrite(path, seal.sign(strict.encode(said), made.sam))

    return do


def _beside(do: Callable[[HandedOver], Callable[[Path], object]]) -> Callable[[HandedOver], Change]:
    return lambda made: in_bag(f"seal/{made.sam.keyid}.sigstore.json", do(made))


BESIDE: Mapping[str, Callable[[HandedOver], Change]] = {
    "a kept checkpoint's signature flipped": lambda _: flip_in_case(KEPT, -30),
    "a kept checkpoint under another size": lambda _: in_case(KEPT, lambda path: path.rename(path.with_name("3"))),
    "a kept checkpoint of another history": _another_history,
    "a kept checkpoint without the log's own signature": lambda _: in_case(KEPT, _without_the_log),
    "a cosignature moved in time": lambda _: in_case(CHECKPOINT, _another_time),
    "a cosignature by nobody whom the log announces": _cosign_unannounced,
    "a countersignature flipped": _beside(lambda _: _flip_signature),
    "a countersignature of something else": _beside(_say_otherwise),
    "a countersignature under another name": _beside(lambda _: lambda path: path.rename(path.with_name(OTHER))),
    "a countersignature deleted": _beside(lambda _: Path.unlink),
    "a token exchanged": lambda _: in_bag(TOKEN, lambda path: rewrite(path, (path.parents[4] / KEPT).read_bytes())),
}
