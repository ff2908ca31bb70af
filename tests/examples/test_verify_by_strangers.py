"""Programs that share no code with this one reach the same verdict on a case, whole or tampered with."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bagit
import pytest
from support.casemaker import SOURCE, TARGET, WINDOW, Case, PagesFromMemory, make_case

from evidence_kit.acquire.scope import Order
from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

EXAMPLES = Path(__file__).parents[2] / "examples" / "verify"
BAGIT = Path(sys.executable).with_name("bagit.py")
PROGRAMS = ("bash", "openssl", "jq", "sha256sum", "basenc", "split", "truncate", "awk", "sed", "find")
DATA = "data/test.pages/111122223333/us-east-1/20261118T213000Z_20261119T213000Z"
PAGE = f"{DATA}/list/000000.json"
OBJECT = f"{DATA}/two=20words.log"
MANIFEST, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
ATTESTATIONS, LEDGER = "record/artifacts.intoto.jsonl", "record/exchanges.jsonl"
SEAL, KEYS = "seal/seal.sigstore.json", "seal/acquisition.pub"
LOG, CHECKPOINT = "custody/log.jsonl", "custody/checkpoint"

_spec = importlib.util.spec_from_file_location("securesystemslib_check", EXAMPLES / "securesystemslib_check.py")
securesystemslib_check = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(securesystemslib_check)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")


@dataclass(frozen=True)
class Scene:
    """A case on disk, its one bag, and the key that the checker trusts."""

    root: Path
    bag: Path
    key: Path
    trust: bytes


def scene_of(case: Case, folder: Path) -> Scene:
    key = folder / "key.pem"
    key.write_bytes(case.signer.public_key_pem)
    return Scene(case.root, case.root / case.bags[0], key, case.trust_text)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    case = make_case(folder / "case")
    case.note()
    return scene_of(case, folder)


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


def in_bag(inside: str, do: Callable[[Path], object]) -> Callable[[Scene], object]:
    return lambda scene: do(scene.bag / inside)


def in_case(inside: str, do: Callable[[Path], object]) -> Callable[[Scene], object]:
    return lambda scene: do(scene.root / inside)


def flip_at(inside: str, at: int) -> Callable[[Scene], object]:
    return lambda scene: flip(scene, scene.bag / inside, at)


def flip_in_case(inside: str, at: int) -> Callable[[Scene], object]:
    return lambda scene: flip(scene, scene.root / inside, at)


def lines(inside: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Scene], object]:
    return in_bag(inside, partial(change_lines, change=change))


def log_lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Scene], object]:
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


BYTES, SEALED, TAGGED, COUNTED = {"bagit", "sha256sum"}, {"sslib"}, {"bagit", "sha256sum", "sslib"}, {"bagit"}
# What was done, how, and which of the strangers (beside check.sh and verify, which see all) must see it.
TAMPERINGS = {
    "a byte of a page flipped": (flip_at(PAGE, 3), BYTES),
    "an object deleted": (in_bag(OBJECT, Path.unlink), BYTES),
    "an object replaced by a link to the same bytes": (in_bag(OBJECT, link_to_copy), set()),
    "a pipe put in place of an object": (in_bag(OBJECT, lambda p: (p.unlink(), os.mkfifo(p))), set()),
    "a file added to the evidence": (in_bag(f"{DATA}/planted.log", add), COUNTED),
    "a file added to the record": (in_bag("record/planted.json", add), set()),
    "a file added to the bag": (in_bag("planted.txt", add), set()),
    "a file added to the case": (in_case("planted.txt", add), set()),
    "a bag added that the log does not know": (in_case("bags/20261121T000000Z-aaaaaa/bagit.txt", add), set()),
    "evidence and both manifests altered to agree": (remake_manifests, SEALED),
    "a digest in the manifest flipped": (flip_at(MANIFEST, 5), TAGGED),
    "a line of the manifest deleted": (lines(MANIFEST, lambda items: items[1:]), TAGGED),
    "the manifest reordered": (lines(MANIFEST, swap), TAGGED),
    "a line of the tag manifest deleted": (lines(TAGS, lambda items: items[1:]), SEALED),
    "the bag's description changed": (flip_at("bag-info.txt", 20), BYTES),
    "the record of the acquisition changed": (flip_at("record/acquisition.json", 30), TAGGED),
    "two attestations swapped": (lines(ATTESTATIONS, swap), TAGGED),
    "an attestation's signature flipped": (flip_at(ATTESTATIONS, -12), TAGGED),
    "a line of the ledger deleted": (lines(LEDGER, lambda items: items[:3] + items[4:]), TAGGED),
    "a count in the ledger raised": (lines(LEDGER, say_complete), TAGGED),
    "the seal's signature flipped": (flip_at(SEAL, -20), SEALED),
    "the seal under the name of another key": (in_bag(SEAL, lambda p: edit_json(p, other_key_id)), SEALED),
    "the seal deleted": (in_bag(SEAL, Path.unlink), SEALED),
    "the acquisition's key exchanged": (in_bag(KEYS, lambda p: rewrite(p, foreign_key())), SEALED),
    "the bag deleted": (remove_bag, set()),
    "an event's signature flipped": (flip_in_case(LOG, -12), set()),
    "an event deleted": (log_lines(lambda items: [items[0], *items[2:]]), set()),
    "the last event cut off": (older_checkpoint, set()),
    "the log torn": (log_lines(lambda items: [*items[:-1], items[-1][:-9]]), set()),
    "a space put into an event": (log_lines(lambda items: [items[0].replace(b":", b": ", 1), *items[1:]]), set()),
    "the checkpoint's signature flipped": (flip_in_case(CHECKPOINT, -20), set()),
    "the checkpoint deleted": (in_case(CHECKPOINT, Path.unlink), set()),
    "the case's description changed": (flip_in_case("case.json", 8), set()),
}  # fmt: skip
HARMLESS = {
    "nothing": lambda _: None,
    "a derived file added": in_case("derived/timeline.csv", add),
    "an empty folder added": in_bag("data/empty", Path.mkdir),
    "the files made writable": lambda scene: [p.chmod(0o644) for p in scene.bag.rglob("*") if p.is_file()],
}


# -- asking the strangers ------------------------------------------------------------------------------------------


def check_sh(scene: Scene, *options: str) -> subprocess.CompletedProcess[str]:
    command = [EXAMPLES / "check.sh", *options, scene.root, scene.key]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def by_bagit(scene: Scene) -> bool:
    """Ask the library behind `bagit.py --validate`, which logs each defect."""
    try:
        bagit.Bag(str(scene.bag)).validate()
    except bagit.BagError:
        return False
    return True


def by_sha256sum(scene: Scene) -> bool:
    """Check both manifests as a person would, in the order in which one vouches for the other."""
    told = [
        subprocess.run(["sha256sum", "--quiet", "-c", name], cwd=scene.bag, capture_output=True, check=False)
        for name in (TAGS, MANIFEST)
    ]
    return all(one.returncode == 0 for one in told)


def by_sslib(scene: Scene) -> bool:
    return securesystemslib_check.main([str(scene.bag), str(scene.key)]) == 0


STRANGERS = {"bagit": by_bagit, "sha256sum": by_sha256sum, "sslib": by_sslib}


def by_evidence_kit(scene: Scene) -> Exit:
    trust = parse_trust(scene.trust, name="trust.yaml")
    options = Options(each_signature=True)
    return verify_case(LocalVault(scene.root), name="case", trust=trust, options=options).exit()


@pytest.fixture(scope="module")
def stage(scene, tmp_path_factory):
    """Return a copy of the case with a change made, and check.sh's answer, which is worked out ahead of its test."""
    folder = tmp_path_factory.mktemp("copies")

    def prepare(name: str, change: Callable[[Scene], object]) -> tuple[Scene, subprocess.CompletedProcess[str]]:
        root = folder / name.replace(" ", "-") / "case"
        shutil.copytree(scene.root, root)
        copy = Scene(root, root / scene.bag.relative_to(scene.root), scene.key, scene.trust)
        change(copy)
        return copy, check_sh(copy)

    changes = {**HARMLESS, **{name: do for name, (do, _) in TAMPERINGS.items()}}
    ready = {}

    def staged(name: str) -> tuple[Scene, subprocess.CompletedProcess[str]]:
        if name not in ready:
            ready[name] = pool.submit(prepare, name, changes[name])
        return ready[name].result()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if "PYTEST_XDIST_WORKER" not in os.environ:  # such a worker gets only some of these tests
            ready.update({name: pool.submit(prepare, name, do) for name, do in changes.items()})
        yield staged


# -- what they say -------------------------------------------------------------------------------------------------


def test_bagit_py_accepts_each_bag(scene):
    told = subprocess.run([BAGIT, "--validate", scene.bag], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_sha256sum_accepts_both_manifests(scene):
    assert by_sha256sum(scene)


def test_securesystemslib_accepts_seal_and_attestations(scene, capsys):
    assert by_sslib(scene)
    assert capsys.readouterr().out.startswith("OK  ")


def test_check_sh_accepts_every_signature_and_says_so_first(scene):
    told = check_sh(scene, "--each")
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.startswith("OK  case: ")
    assert "9 of 9 attestations verify" in told.stdout
    assert told.stderr == ""


def test_check_sh_accepts_several_bags_one_of_them_resumed_after_a_crash(tmp_path):
    case = make_case(tmp_path / "case", pages=1, acquisitions=2, sealed=False)
    order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
    with case.vault.lock(), case.vault.working():
        case.engine(PagesFromMemory(), case.vault).resume(case.bags[1].removeprefix("bags/"), order)
    told = check_sh(scene_of(case, tmp_path), "--each")
    assert told.returncode == 0, told.stdout
    assert told.stdout.count("8 of 8 attestations verify") == 2


def test_check_sh_rejects_a_bag_that_was_never_sealed(tmp_path):
    told = check_sh(scene_of(make_case(tmp_path / "case", sealed=False), tmp_path))
    assert told.returncode == 1
    assert "FAIL  seal         was never sealed" in told.stdout


@pytest.mark.parametrize("name", HARMLESS)
def test_what_alters_no_evidence_is_accepted_by_all(name, stage):
    scene, told = stage(name)
    assert told.returncode == 0, told.stdout
    assert by_evidence_kit(scene) is Exit.OK
    assert all(accepts(scene) for accepts in STRANGERS.values())


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_seen_by_check_sh_and_verify_alike(name, stage):
    scene, told = stage(name)
    assert told.returncode == 1, told.stdout + told.stderr
    assert told.stdout.startswith("FAILED  case: ")
    assert "the check itself failed" not in told.stdout
    assert by_evidence_kit(scene) >= Exit.DIGEST


@pytest.mark.parametrize("name", [name for name, (_, seers) in TAMPERINGS.items() if seers])
def test_a_tampering_is_seen_by_the_strangers_whose_business_it_is(name, stage):
    scene, _ = stage(name)
    rejecting = {who for who, accepts in STRANGERS.items() if not accepts(scene)}
    assert rejecting >= TAMPERINGS[name][1]


def test_a_key_that_did_not_sign_is_rejected_by_all(scene, tmp_path):
    key = tmp_path / "other.pem"
    key.write_bytes(foreign_key())
    other = Scene(scene.root, scene.bag, key, scene.trust)
    told = check_sh(other)
    assert told.returncode == 1
    assert "nobody vouches for" in told.stdout
    assert not by_sslib(other)


def test_a_flipped_attestation_is_seen_by_its_own_signature(scene, tmp_path):
    root = tmp_path / "case"
    shutil.copytree(scene.root, root)
    copy = Scene(root, root / scene.bag.relative_to(scene.root), scene.key, scene.trust)
    flip(copy, copy.bag / ATTESTATIONS, -12)
    told = check_sh(copy, "--each")
    assert "FAIL  signatures   line 9: " in told.stdout


def test_a_missing_program_is_named(scene, tmp_path):
    command = [shutil.which("bash"), EXAMPLES / "check.sh", scene.root, scene.key]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)})
    assert told.returncode == 2
    assert told.stderr == "error: this needs `openssl`, which is not installed\n"
