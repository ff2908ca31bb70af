"""Parts of a bag's lists, each checked on its own, perhaps in another process. They are confirmed or are not.

A block is some whole lines. Whatever is wrong with one, or only odd, is not judged here: the answer is None, and
whoever asked goes through the block line by line and says what it is.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from io import BytesIO
from queue import SimpleQueue
from typing import BinaryIO

from evidence_kit.custody import attest, bag, ledger, merkle, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.verify import proofs, stored
from evidence_kit.custody.verify.workers import Frame, receive, send
from evidence_kit.errors import ChainError

LEVEL = 8
LINES = 1 << LEVEL  # lines a block: some milliseconds of work, and a whole subtree of attestations
MAX_BLOCK = 2 << 20  # bytes from which on a block takes no further line: ours have less than 1 MB
Digest = Callable[[str], tuple[str, int]]
Files = tuple[str, str, int, int]  # first path, last path, files, bytes
Told = bytes | tuple[str, Mapping[str, object]]  # the line of an artifact, or none; else kind and fields of an entry
Entries = tuple[str, str, list[Told]]  # head before, head after
Attested = tuple[bytes, list[bytes]]  # root over the lines; the lines of what they attest, if that was asked
FILES, ENTRIES, ATTESTATIONS = "files", "entries", "attestations"


def blocks(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield what `stream` holds in blocks, up to a line longer than `limit`, which spoils its block and ends them."""
    held: list[bytes] = []
    size = 0
    while line := stream.readline(limit + 1):
        held.append(line)
        size += len(line)
        is_too_long = len(line) > limit and not line.endswith(b"\n")
        if is_too_long or size >= MAX_BLOCK or len(held) == LINES:
            yield b"".join(held)
            held, size = [], 0
        if is_too_long:
            return
    if held:
        yield b"".join(held)


# -- what is confirmed ---------------------------------------------------------------------------------------


def files(digest: Digest, root: str, block: bytes) -> Files:
    """Confirm that each file that some lines of a manifest list is there and unchanged."""
    first, last, count, octets = "", "", 0, 0
    for listed in bag.read_manifest(BytesIO(block)):
        found, size = digest(f"{root}/{listed.path}")
        if found != listed.sha256:
            raise ChainError("not confirmed")
        first, last, count, octets = first or listed.path, listed.path, count + 1, octets + size
    return first, last, count, octets


def entries(size: int, block: bytes) -> Entries:
    """Confirm that some lines of a ledger are a chain from line `size` on; return what they tell."""
    before = strict.field(strict.decode_line(block[: block.index(b"\n")]), "prev", str)
    chain = Chain(size, before)
    told = [_told(entry) for entry in ledger.read(BytesIO(block), chain)]
    return before, chain.head, told


def _told(entry: ledger.Entry) -> Told:
    if entry.kind == ledger.EXCHANGE and not proofs.concerns(entry.fields.get("unit")):
        return stored.artifact_line(entry.fields)
    return entry.kind, entry.fields


def attestations(pems: Sequence[bytes] | None, block: bytes) -> Attested:
    """Confirm that a block is full; with `pems`, that one of these keys signed each line."""
    lines = block.split(b"\n")
    if lines.pop() or len(lines) != LINES:
        raise ChainError("not confirmed")
    root = merkle.root_of([merkle.leaf_hash(line) for line in lines])
    if pems is None:
        return root, []
    keys = _keys(tuple(pems))
    return root, [stored.line_of(*attest.attested(line, keys)) for line in lines]


@lru_cache(maxsize=4)
def _keys(pems: tuple[bytes, ...]) -> Mapping[str, PublicKey]:
    found = [PublicKey.from_pem(pem) for pem in pems]
    return {key.keyid: key for key in found}


# -- in a process of its own ---------------------------------------------------------------------------------


def serve(digest: Digest, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests in their order until there are none."""
    jobs: Mapping[object, Callable[..., object]] = {
        FILES: partial(files, digest),
        ENTRIES: entries,
        ATTESTATIONS: attestations,
    }
    send(answers, (True,))
    waiting: SimpleQueue[Frame | None] = SimpleQueue()
    # Requests are taken off the pipe at once, so that whoever asks never waits for us to be heard first.
    threading.Thread(target=_take, args=(requests, waiting), daemon=True).start()
    while (request := waiting.get()) is not None:
        name, *asked = request
        send(answers, (_confirmed(jobs[name], asked),))


def _take(requests: BinaryIO, waiting: "SimpleQueue[Frame | None]") -> None:
    while request := receive(requests):
        waiting.put(request)
    waiting.put(None)


def _confirmed(job: Callable[..., object], asked: Sequence[object]) -> object:
    try:
        return job(*asked)
    except Exception:  # noqa: BLE001 - not confirmed; whoever asked does the same again and meets it
        return None
