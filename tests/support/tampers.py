"""Random changes to a sealed case, by everybody who may get hold of it: none of them may verify."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support import forging
from support.casemaker import Case
from support.tampering import overwrite

from evidence_kit.custody import bag, log
from evidence_kit.signers.file import KeySigner, generate


@dataclass(frozen=True)
class Material:
    """What an attacker has: the case, what it was earlier, another case of the same people, and keys of their own."""

    case: Case
    earlier: Path  # the same case, a custody event and an acquisition ago
    other: Case  # another case, by the same keys
    intruder: KeySigner

    def files(self, draw: random.Random) -> Path:
        """Draw a file of the case."""
        return draw.choice(sorted(path for path in self.case.root.rglob("*") if path.is_file()))

    def one_bag(self, draw: random.Random) -> Path:
        """Draw a bag of the case."""
        return draw.choice(sorted((self.case.root / "bags").iterdir()))


Tamper = Callable[[Material, random.Random], str]


def _altered(change: Callable[[bytes, random.Random], bytes]) -> Tamper:
    def tamper(have: Material, draw: random.Random) -> str:
        path = have.files(draw)
        before = path.read_bytes()
        overwrite(path, change(before, draw))
        return str(path.relative_to(have.case.root))

    return tamper


def _flip(body: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << draw.randrange(8))]) + body[place + 1 :]


def _cut(body: bytes, draw: random.Random) -> bytes:
    return body[: draw.randrange(len(body))]


def _lengthen(body: bytes, draw: random.Random) -> bytes:
    return body + draw.choice((b"\n", b" ", b"\0", b"{}\n", draw.randbytes(40)))


def _insert(body: bytes, draw: random.Random) -> bytes:
    place = draw.randint(0, len(body))
    return body[:place] + draw.randbytes(draw.randint(1, 30)) + body[place:]


def _remove(body: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(body))
    return body[:place] + body[place + draw.randint(1, 30) :]


def _zeros(body: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(body))
    end = draw.randint(place + 1, len(body))
    return body[:place] + bytes(end - place) + body[end:]


def _lines(change: Callable[[list[bytes], random.Random], object]) -> Callable[[bytes, random.Random], bytes]:
    def altered(body: bytes, draw: random.Random) -> bytes:
        lines = body.splitlines(keepends=True)
        change(lines, draw)
        return b"".join(lines)

    return altered


def _double(lines: list[bytes], draw: random.Random) -> None:
    lines.insert(draw.randint(0, len(lines)), draw.choice(lines))


def _drop(lines: list[bytes], draw: random.Random) -> None:
    del lines[draw.randrange(len(lines))]


def _shuffle(lines: list[bytes], draw: random.Random) -> None:
    if len(lines) > 1:
        one, other = draw.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]


def delete(have: Material, draw: random.Random) -> str:
    """Take a file away."""
    path = have.files(draw)
    path.unlink()
    return str(path)


def add(have: Material, draw: random.Random) -> str:
    """Plant a file, or a copy of one, somewhere in the case."""
    folders = [path for path in have.case.root.rglob("*") if path.is_dir()]
    path = draw.choice(sorted(folders)) / draw.choice(("planted", ".hidden", "000009.json", "x.partial", "a\nb"))
    path.write_bytes(draw.choice((b"", b"planted", have.files(draw).read_bytes())))
    return str(path)


def rename(have: Material, draw: random.Random) -> str:
    """Give a file another name."""
    path = have.files(draw)
    path.rename(path.with_name(path.name + draw.choice((".orig", "~", " "))))
    return str(path)


def swap(have: Material, draw: random.Random) -> str:
    """Let two files change places."""
    one, two = have.files(draw), have.files(draw)
    first, second = one.read_bytes(), two.read_bytes()
    overwrite(one, second)
    overwrite(two, first)
    return f"{one} and {two}"


def replace_by_another_of_the_case(have: Material, draw: random.Random) -> str:
    """Put another valid file of the case in a file's place; of the same name in the other bag, where there is one."""
    path = have.files(draw)
    alike = [one for one in have.case.root.rglob(path.name) if one.is_file() and one != path]
    overwrite(path, (draw.choice(sorted(alike)) if alike else have.files(draw)).read_bytes())
    return str(path)


def replace_from_another_case(have: Material, draw: random.Random) -> str:
    """Put the file of another case by the same keys in the place of one."""
    path = have.files(draw)
    alike = sorted(one for one in have.other.root.rglob(path.name) if one.is_file())
    overwrite(path, draw.choice(alike).read_bytes() if alike else b"")
    return str(path)


def exchange_bags(have: Material, draw: random.Random) -> str:
    """Put a whole bag, sealed and valid, in the place of another: of this case, or of another one."""
    one = have.one_bag(draw)
    two = draw.choice([*(path for path in one.parent.iterdir() if path != one), have.other.root / have.other.bag])
    kept = one.with_name("kept")
    shutil.copytree(two, kept)
    shutil.rmtree(one)
    kept.rename(one)
    return str(one)


def drop_bag(have: Material, draw: random.Random) -> str:
    """Take a whole bag away, or add one that the log knows nothing of."""
    if draw.random() < 0.5:
        shutil.rmtree(have.one_bag(draw))
    else:
        shutil.copytree(have.other.root / have.other.bag, have.case.root / "bags" / Path(have.other.bag).name)
    return "a bag"


def roll_back(have: Material, draw: random.Random) -> str:
    """Put an older state back: of some files of the log and of the bags, or of the whole case."""
    names = draw.choice(((log.LOG, log.CHECKPOINT), (log.LOG,), (log.CHECKPOINT,), ()))
    for name in names:
        overwrite(have.case.root / name, (have.earlier / name).read_bytes())
    if not names:
        shutil.rmtree(have.case.root)
        shutil.copytree(have.earlier, have.case.root)
    return f"rolled back: {names or 'everything'}"


def link(have: Material, draw: random.Random) -> str:
    """Put a link to the same bytes in the place of a file."""
    path = have.files(draw)
    away = have.case.root.parent / "elsewhere"
    shutil.copyfile(path, away)
    path.unlink()
    path.symlink_to(away)
    return str(path)


def seal_by_another_key(have: Material, draw: random.Random) -> str:
    """Alter evidence, and make every list and the seal anew with a key of one's own; the log too, perhaps."""
    case = Case(
        have.case.root, have.case.signer, have.case.log_signer, bags=[str(one) for one in have.case.bags[-1:]]
    )
    path = draw.choice(sorted(one for one in (case.root / case.bag / "data").rglob("*") if one.is_file()))
    overwrite(path, _flip(path.read_bytes(), draw))
    forging.write_manifests(case)
    forging.reseal(case, have.intruder)
    if draw.random() < 0.5:
        forging.relog_seal(case, signer=have.intruder)
    return str(path)


def write_log_anew(have: Material, draw: random.Random) -> str:
    """Write the log again with one event gone or another text, in one's own name, with or without the log's key."""

    def change(said: list[forging.Payload]) -> None:
        if draw.random() < 0.5:
            del said[draw.randrange(1, len(said))]
        else:
            said[-1]["predicate"]["tool"] = "another"

    keys = {"signer": have.intruder}
    if draw.random() < 0.5:
        keys["log_signer"] = KeySigner(generate("ed25519"))
    forging.change_log(have.case, change, **keys)
    return "the log"


def exchange_keys(have: Material, draw: random.Random) -> str:
    """Put another key in the place of those that signed the evidence."""
    path = have.one_bag(draw) / bag.ACQUISITION_KEYS
    overwrite(path, have.intruder.public_key_pem)
    return str(path)


TAMPERS: dict[str, Tamper] = {
    "flip": _altered(_flip),
    "truncate": _altered(_cut),
    "lengthen": _altered(_lengthen),
    "insert": _altered(_insert),
    "remove": _altered(_remove),
    "zeros": _altered(_zeros),
    "double a line": _altered(_lines(_double)),
    "drop a line": _altered(_lines(_drop)),
    "exchange lines": _altered(_lines(_shuffle)),
    "delete": delete,
    "add": add,
    "rename": rename,
    "swap": swap,
    "replace by another of the case": replace_by_another_of_the_case,
    "replace from another case": replace_from_another_case,
    "exchange bags": exchange_bags,
    "a bag more or less": drop_bag,
    "roll back": roll_back,
    "link": link,
    "seal by another key": seal_by_another_key,
    "write the log anew": write_log_anew,
    "exchange keys": exchange_keys,
}
