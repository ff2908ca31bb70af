"""What each row is to reach, as issue and design ask: ours against one peer, measured in the same run."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from measuring import Row

Cost = Callable[[Row, Row], float]


@dataclass(frozen=True, slots=True)
class Target:
    """What of ours is held against which peer: `cost` may be `most` at most."""

    work: str  # pattern of all of `Row.work`
    ours: str  # how `Row.who` begins
    peer: str
    most: float
    said: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Judged:
    """A target, and what came of it in the unit in which it is said."""

    target: Target
    found: str
    met: bool


def _wall(ours: Row, peer: Row) -> float:
    return ours.wall / peer.wall


def _added(ours: Row, peer: Row) -> float:
    """Return the milliseconds of CPU that are added to a page."""
    return (ours.cpu - peer.cpu) / int(re.sub(r"\D", "", ours.work.partition("pages")[0])) * 1000


def _faster(work: str, ours: str, peer: str, times: float) -> Target:
    return Target(work, ours, peer, 1 / times, f"≥ {times:.3g} x faster", _wall)


def _most(work: str, ours: str, peer: str, times: float) -> Target:
    return Target(work, ours, peer, times, f"≤ {times:.3g} x its time", _wall)


_IDLE = 0.005  # seconds of CPU: whoever uses less was waiting
_KIT = "evidence-kit"
_VERIFY, _EACH = f"{_KIT} verify", f"{_KIT} verify --each-signature"
_SMALL, _ONE, _SIXTEEN = r"verify .* files of 4 KB", r"verify 1 file of .*", r"verify 16 files of .*"
_HASHING = ("sha256sum", "openssl", "rhash", "hashdeep", "bagit.py")
_HEAVY = ("in-toto", "sigstore", "aws", "prowler", "ventra")
TARGETS = (
    *(_most(work, _VERIFY, peer, 1) for work in (_ONE, _SIXTEEN) for peer in _HASHING),
    _most(_ONE, _VERIFY, "the limit: SHA-256 of as much memory, one", 1 / 0.9),
    _most(_SIXTEEN, _VERIFY, "the limit: SHA-256 of as much memory, two", 1 / 0.9),
    _faster(_SMALL, _VERIFY, "bagit.py", 8),
    _faster(_SMALL, _VERIFY, "sha256sum", 1),
    _faster(_SMALL, _EACH, "bagit.py", 1.5),
    _faster(r"seal .*", f"{_KIT}: sign each", "bagit.py", 4),
    _most(r"200 units .*", _KIT, "ideal", 1.05),
    _most("start", f"{_KIT} --help", "python -c 'import typer'", 1.2),
    *(_most("start", f"{_KIT} {what}", peer, 1) for what in ("--help", "verify") for peer in _HEAVY),
    Target(r"store .* pages .*", _KIT, "plain loop", 0.3, "≤ 0.3 ms of CPU a page more", _added),
    _most(r"take .* objects of 20 KB.*", _KIT, "s5cmd", 1),
    _faster(r"take .* objects of 20 KB.*", _KIT, "aws s3 sync", 8),
    _faster(r"take .* objects of 20 KB.*", _KIT, "boto3", 6),
    _most(r"take .* objects of 64 MB.*", _KIT, "s5cmd", 1.6),
    _faster(r"take .* objects of 64 MB.*", _KIT, "aws s3 sync", 2),
    _faster(r".* records to queryable", _KIT, "DuckDB", 1.5),
    _faster(r"question .*", _KIT, "DuckDB", 20),
)  # fmt: skip


def judged(rows: Sequence[Row]) -> Mapping[Row, Sequence[Judged]]:
    """Return what came of the targets, by the row of the peer; a row that is missing judges nothing."""
    return {peer: found for peer in rows if (found := list(_judged(rows, peer)))}


def _judged(rows: Sequence[Row], peer: Row) -> Iterator[Judged]:
    for target in TARGETS:
        if not peer.who.startswith(target.peer) or not re.fullmatch(target.work, peer.work):
            continue
        for ours in _ours(rows, peer, target):
            cost = target.cost(ours, peer)
            yield Judged(target, _said(target, cost, ours, peer), cost <= target.most)


def _ours(rows: Sequence[Row], peer: Row, target: Target) -> list[Row]:
    """Return the first row that is held against a peer's, if both were measured."""
    both = [row for row in rows if row.work == peer.work and row.who.startswith(target.ours)]
    return [] if peer.missing else [row for row in both if not row.missing][:1]


def _said(target: Target, cost: float, ours: Row, peer: Row) -> str:
    """Return what was found and, where it is of time, the same by CPU."""
    if target.cost is _added:
        return f"{cost:.2f} ms"
    cpu = f" (CPU {_times(target, ours.cpu / peer.cpu)})" if ours.cpu and peer.cpu > _IDLE else ""
    return f"{_times(target, cost)}{cpu}"


def _times(target: Target, cost: float) -> str:
    return f"{1 / cost:.2f} x" if target.said.startswith("≥") else f"{cost:.2f} x"
