"""Time-stamping a case: every seal and the log as it stands, by every authority that has not stamped it yet.

Each reply is durable before the event that names it is written. A crash between the two leaves tokens that prove
themselves; the next run names them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from evidence_kit.acquire.asking import Authority, Place, Round, Stamped
from evidence_kit.custody import bag, checkpoint, log, renewal, seal, statement, strict
from evidence_kit.custody.log import Event, Keeper, State
from evidence_kit.custody.timestamp import SHA256, SHA512
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import files
from evidence_kit.errors import EvidenceKitError
from evidence_kit.vaults.local import LocalVault

__all__ = ["Authority", "Stamped", "stamp_case"]


@dataclass(slots=True)
class _Survey:
    """What the log says that matters here."""

    size: int = 0  # of the log after its last event that is not about time-stamps
    announced: set[str] = field(default_factory=set)
    renewals: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if event.type == log.TIMESTAMPED:
            self.announced.update(subject.name for subject in event.said.subjects)
            return
        self.size = event.seq + 1
        if event.type == log.RENEWED:
            self.renewals.append(event.said.subjects[0].name)


def stamp_case(
    vault: LocalVault,
    keeper: Keeper,
    tsas: Sequence[Authority],
    trust: Trust | None,
    now: Callable[[], datetime],
    randomness: Callable[[int], bytes],
) -> tuple[Stamped, ...]:
    """Have stamped what each of `tsas` has not stamped yet, and say so in the log; the caller holds the lock.

    No authority that is down or answers nonsense stops this: what each said is in the result and in the log.
    """
    survey = _Survey()
    state = _read_log(vault, survey)
    known = trust.time_authorities if trust else ()
    asking = Round(vault=vault, tsas=tsas, trusted=known, randomness=randomness)
    told: list[Stamped] = []
    for place in (*_seals(vault, state), *_renewals(vault, survey)):
        told += _stamp(asking, place, survey)
    told += _left_behind(vault, asking, survey)
    if current := _log_as_it_stands(vault, keeper, state, survey, asking):
        told += _stamp(asking, current, survey)
    for part in _parts(told):
        subjects = [statement.Subject(path, files.digest(vault, path)[0]) for path in _subjects(part)]
        fields = {"timestamps": [item.to_json() for item in part]}
        keeper.append(log.TIMESTAMPED, at=now(), subjects=subjects, fields=fields)
    return tuple(told)


def _read_log(vault: LocalVault, survey: _Survey) -> State:
    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        return log.scan(stream, report=stop, seen=survey)


def _stamp(asking: Round, place: Place, survey: _Survey) -> list[Stamped]:
    found = asking.unannounced(place.of, place.folder, survey.announced)
    survey.announced.update(item.path for item in found)
    found += asking.stamp(place)
    agreed = asking.agreed(place) if found else 0
    return [replace(item, agreed=agreed) for item in found]


def _seals(vault: LocalVault, state: State) -> Iterator[Place]:
    for known in state.acquisitions.values():
        path = f"{known.bag}/{bag.SEAL}"
        if known.seal_sha256 is None or vault.stat(path) is None:
            continue  # never sealed, or disposed of
        with vault.open(path) as stream:
            signature = seal.parse(stream.read(strict.MAX_DOCUMENT + 1)).signature
        yield Place(of=path, folder=f"{known.bag}/{bag.TIMESTAMPS}", data=signature, algorithm=SHA256)


def _renewals(vault: LocalVault, survey: _Survey) -> Iterator[Place]:
    """Yield the manifests of renewals: only a token over the manifest itself leaves the old algorithm behind."""
    for path in survey.renewals:
        if vault.stat(path) is not None:
            data = renewal.digester(vault, path)
            yield Place(of=path, folder=renewal.tokens(path), data=data, algorithm=SHA512)


def _left_behind(vault: LocalVault, asking: Round, survey: _Survey) -> list[Stamped]:
    """Return the tokens of earlier checkpoints that no event names."""
    found: list[Stamped] = []
    for size in _sizes(vault):
        found += asking.unannounced(f"{log.CHECKPOINTS}/{size}", f"{log.TIMESTAMPS}/{size}", survey.announced)
    survey.announced.update(item.path for item in found)
    return found


def _log_as_it_stands(
    vault: LocalVault, keeper: Keeper, state: State, survey: _Survey, asking: Round
) -> Place | None:
    """Return the checkpoint, unless everybody has stamped one over all events that are not about time-stamps."""
    covering = tuple(f"{log.TIMESTAMPS}/{size}" for size in _sizes(vault) if size >= survey.size)
    if not asking.late(covering):
        return None
    path = keeper.retain(state)
    with vault.open(path) as stream:
        note = stream.read(checkpoint.MAX_CHECKPOINT + 1)
    return Place(
        of=path,
        folder=f"{log.TIMESTAMPS}/{state.tree.size}",
        data=note,
        algorithm=SHA512 if survey.renewals else SHA256,
        others=covering,
    )


def _sizes(vault: LocalVault) -> list[int]:
    names = vault.folders(log.TIMESTAMPS)
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def _subjects(part: Sequence[Stamped]) -> list[str]:
    """Return the files that an event about `part` names: the replies, and the checkpoints that they are about."""
    kept = [item.of for item in part if item.of.startswith(f"{log.CHECKPOINTS}/") or not item.path]
    return list(dict.fromkeys([*kept, *(item.path for item in part if item.path)]))


def _parts(told: Sequence[Stamped]) -> Iterator[Sequence[Stamped]]:
    """Yield what fits into one event each: a statement names a bounded number of subjects."""
    part: list[Stamped] = []
    for item in told:
        if len(_subjects([*part, item])) > statement.MAX_SUBJECTS:
            yield part
            part = []
        part.append(item)
    if part:
        yield part
