"""Cases for programs that share no code with this one: whole, handed over and countersigned, or tampered with."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from support.casemaker import Case

from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

EXAMPLES = Path(__file__).parents[2] / "examples" / "verify"
DATA = "data/test.pages/111122223333/us-east-1/20261118T213000Z_20261119T213000Z"
PAGE = f"{DATA}/list/000000.json"
OBJECT = f"{DATA}/two=20words.log"
MANIFEST, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
ATTESTATIONS, LEDGER = "record/artifacts.intoto.jsonl", "record/exchanges.jsonl"
SEAL, KEYS = "seal/seal.sigstore.json", "seal/acquisition.pub"
LOG, CHECKPOINT = "custody/log.jsonl", "custody/checkpoint"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A case on disk, its one bag, and what the checker trusts."""

    root: Path
    bag: Path
    keys: tuple[Path, ...]
    trust: bytes

    def copy(self, root: Path, change: "Change") -> "Scene":
        """Return a copy at `root` with `change` made to it."""
        shutil.copytree(self.root, root, symlinks=True)
        copied = replace(self, root=root, bag=root / self.bag.relative_to(self.root))
        change(copied)
        return copied

    @property
    def key_options(self) -> list[str]:
        """Return the keys as options of a command."""
        return [part for key in self.keys for part in ("--key", str(key))]


Change = Callable[[Scene], object]


def scene_of(case: Case, folder: Path) -> Scene:
    """Return the scene of a case that one person made."""
    key = folder / "key.pem"
    key.write_bytes(case.signer.public_key_pem)
    return Scene(root=case.root, bag=case.root / case.bags[0], keys=(key,), trust=case.trust_text)


def by_evidence_kit(scene: Scene) -> Exit:
    """Return the verdict of the program itself."""
    trust = parse_trust(scene.trust, name="trust.yaml")
    options = Options(each_signature=True)
    return verify_case(LocalVault(scene.root), name="case", trust=trust, options=options).exit()


# -- changing a case -----------------------------------------------------------------------------------------------


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def flip(scene: Scene, path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    # A digit stays a digit and base64 stays base64, so that no parser stumbles before the check that is meant.
    data[at] = dict(zip(b"9fzZ+", b"8eyY/", strict=True)).get(data[at], data[at] + 1)
    rewrite(path, bytes(data))


def change_lines(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    rewrite(path, b"".join(change(path.read_bytes().splitlines(keepends=True))))


def in_bag(inside: str, do: Callable[[Path], object]) -> Change:
    return lambda scene: do(scene.bag / inside)


def in_case(inside: str, do: Callable[[Path], object]) -> Change:
    return lambda scene: do(scene.root / inside)


def flip_at(inside: str, at: int) -> Change:
    return lambda scene: flip(scene, scene.bag / inside, at)


def flip_in_case(inside: str, at: int) -> Change:
    return lambda scene: flip(scene, scene.root / inside, at)


def lines(inside: str, change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return in_bag(inside, partial(change_lines, change=change))


def log_lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return in_case(LOG, partial(change_lines, change=change))


def add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"planted\n")


def swap(items: list[bytes]) -> list[bytes]:
    return [items[0], items[2], items[1], *items[3:]]


def link_to_copy(path: Path) -> None:
    copy = path.parents[9] / "copy"
    path.rename(copy)
    path.symlink_to(copy)


def edit_json(path: Path, edit: Callable[[dict], object]) -> None:
    document = json.loads(path.read_bytes())
    edit(document)
    rewrite(path, json.dumps(document, separators=(",", ":")).encode() + b"\n")


def other_key_id(bundle: dict) -> None:
    bundle["verificationMaterial"]["publicKey"]["hint"] = "0" * 64
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = "0" * 64


def say_complete(ledger: list[bytes]) -> list[bytes]:
    return [line.replace(b'"records":2', b'"records":3') for line in ledger]


def remake_manifests(scene: Scene) -> None:
    """What whoever holds no key can do: alter the evidence, and every unsigned digest to match."""
    flip(scene, scene.bag / PAGE, 3)
    for manifest in (MANIFEST, TAGS):
        names = [line[66:] for line in (scene.bag / manifest).read_text().splitlines()]
        told = subprocess.run(["sha256sum", *names], cwd=scene.bag, capture_output=True, check=True).stdout
        rewrite(scene.bag / manifest, told)


def older_checkpoint(scene: Scene) -> None:
    """Cut the last event off; the checkpoint, which only the log's key can renew, stays."""
    change_lines(scene.root / LOG, lambda items: items[:-1])


def remove_bag(scene: Scene) -> None:
    shutil.rmtree(scene.bag)


def foreign_key() -> bytes:
    return KeySigner(generate("p256")).public_key_pem


TAMPERINGS: dict[str, Change] = {
    "a byte of a page flipped": flip_at(PAGE, 3),
    "an object deleted": in_bag(OBJECT, Path.unlink),
    "an object replaced by a link to the same bytes": in_bag(OBJECT, link_to_copy),
    "a pipe put in place of an object": in_bag(OBJECT, lambda p: (p.unlink(), os.mkfifo(p))),
    "a file added to the evidence": in_bag(f"{DATA}/planted.log", add),
    "a file added to the record": in_bag("record/planted.json", add),
    "a file added to the bag": in_bag("planted.txt", add),
    "a file added to the case": in_case("planted.txt", add),
    "a bag added that the log does not know": in_case("bags/20261121T000000Z-aaaaaa/bagit.txt", add),
    "evidence and both manifests altered to agree": remake_manifests,
    "a digest in the manifest flipped": flip_at(MANIFEST, 5),
    "a line of the manifest deleted": lines(MANIFEST, lambda items: items[1:]),
    "the manifest reordered": lines(MANIFEST, swap),
    "a line of the tag manifest deleted": lines(TAGS, lambda items: items[1:]),
    "the bag's description changed": flip_at("bag-info.txt", 20),
    "the record of the acquisition changed": flip_at("record/acquisition.json", 30),
    "two attestations swapped": lines(ATTESTATIONS, swap),
    "an attestation's signature flipped": flip_at(ATTESTATIONS, -12),
    "a line of the ledger deleted": lines(LEDGER, lambda items: items[:3] + items[4:]),
    "a count in the ledger raised": lines(LEDGER, say_complete),
    "the seal's signature flipped": flip_at(SEAL, -20),
    "the seal under the name of another key": in_bag(SEAL, lambda p: edit_json(p, other_key_id)),
    "the seal deleted": in_bag(SEAL, Path.unlink),
    "the acquisition's key exchanged": in_bag(KEYS, lambda p: rewrite(p, foreign_key())),
    "the bag deleted": remove_bag,
    "an event's signature flipped": flip_in_case(LOG, -12),
    "an event deleted": log_lines(lambda items: [items[0], *items[2:]]),
    "the last event cut off": older_checkpoint,
    "the log torn": log_lines(lambda items: [*items[:-1], items[-1][:-9]]),
    "a space put into an event": log_lines(lambda items: [items[0].replace(b":", b": ", 1), *items[1:]]),
    "the checkpoint's signature flipped": flip_in_case(CHECKPOINT, -20),
    "the checkpoint deleted": in_case(CHECKPOINT, Path.unlink),
    "the case's description changed": flip_in_case("case.json", 8),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda _: None,
    "a derived file added": in_case("derived/timeline.csv", add),
    "an empty folder added": in_bag("data/empty", Path.mkdir),
    "the files made writable": lambda scene: [p.chmod(0o644) for p in scene.bag.rglob("*") if p.is_file()],
}
