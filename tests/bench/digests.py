"""Verifying one large file, sixteen, and many small ones, beside programs that only hash. All are whole programs."""

import hashlib
import os
import shutil
import sys
import threading
from pathlib import Path

from measuring import ROUNDS, Row, Run, found, missing, peer, program, side_by_side
from memory_case import BLOCK, case_of

GIBIBYTES = 4
SMALL = 100_000


def verifying(base: Path, scale: float, peers: Path | None, rounds: int = ROUNDS) -> list[Row]:
    """Compare for one file, for sixteen, and for many small ones."""
    whole = max(16 * BLOCK, round((GIBIBYTES << 30) * scale) // (16 * BLOCK) * 16 * BLOCK)
    small = max(100, round(SMALL * scale))
    rows = []
    for files, size in ((1, whole), (16, whole // 16), (small, 4096)):
        folder = base / f"verified-{files}"
        folder.mkdir()
        rows += side_by_side(_work(files, size), _runs(folder, files, size, peers), base, rounds=rounds)
        if size >= BLOCK:  # thousands of small ones stay to the end: deleting them would slow whoever writes next
            shutil.rmtree(folder)
    return rows


def _work(files: int, size: int) -> str:
    named = f"{size >> 20:,} MB" if size >= BLOCK else f"{size >> 10} KB"
    return f"verify {files:,} file{'s' if files > 1 else ''} of {named}"


def _runs(folder: Path, files: int, size: int, peers: Path | None) -> dict[str, Run | str]:
    case = case_of(folder, files, size)
    (folder / "trust.yaml").write_bytes(case.trust_text)
    verify = (sys.executable, "-m", "evidence_kit", "verify", str(case.root), "--trust", str(folder / "trust.yaml"))
    runs: dict[str, Run | str] = {"evidence-kit verify": program(*verify, memory=True)}
    if size >= BLOCK:
        runs["the limit: SHA-256 of as much memory, one thread"] = lambda _: hash_memory(files * size, threads=1)
        if files > 1:
            runs["the limit: SHA-256 of as much memory, two threads"] = lambda _: hash_memory(files * size, threads=2)
    else:
        runs["evidence-kit verify --each-signature"] = program(*verify, "--each-signature", memory=True)
    return {**runs, **_peers(case.root / case.bag, folder, peers)}


def hash_memory(size: int, *, threads: int) -> None:
    """Hash so many bytes without reading any from a file."""

    def run() -> None:
        block, whole = os.urandom(BLOCK), hashlib.sha256()
        for _ in range(size // BLOCK // threads):
            whole.update(block)

    others = [threading.Thread(target=run) for _ in range(threads)]
    for other in others:
        other.start()
    for other in others:
        other.join()


def _peers(root: Path, folder: Path, peers: Path | None) -> dict[str, Run | str]:
    listed, known = folder / "files.txt", folder / "hashdeep.txt"
    listed.write_text("".join(f"{path}\n" for path in sorted(map(str, (root / "data").rglob("*.bin")))))
    if hashdeep := found("hashdeep", peers):
        program("sh", "-c", f"{hashdeep} -c sha256 -f {listed} > {known}")(folder)
    return {
        "sha256sum -c": _shell("sha256sum", peers, f"cd {root} && {{}} -c --quiet manifest-sha256.txt"),
        "openssl dgst -sha256": _shell("openssl", peers, f"xargs {{}} dgst -sha256 < {listed}"),
        "rhash -c": _shell("rhash", peers, f"cd {root} && {{}} --sha256 -c manifest-sha256.txt"),
        "hashdeep -a": peer("hashdeep", peers, "-c", "sha256", "-a", "-k", str(known), "-f", str(listed)),
        "bagit.py --validate --processes 2": peer(
            "bagit.py", peers, "--validate", "--processes", "2", str(root), memory=True
        ),
    }


def _shell(name: str, peers: Path | None, line: str) -> Run | str:
    """Return a run of a shell line in which `{}` is a peer's program."""
    where = found(name, peers)
    return program("sh", "-c", line.format(where)) if where else missing(name)
