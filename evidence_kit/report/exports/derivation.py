"""What a document derives from: the case, the custody log as it stood, the seal of every acquisition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.acquire.case import read_description
from evidence_kit.acquire.environment import TOOL
from evidence_kit.analysis.history import Told, read_log
from evidence_kit.custody import bag, log, strict
from evidence_kit.custody.log import State
from evidence_kit.model.time import parse_instant
from evidence_kit.report.exports.naming import Namer
from evidence_kit.vaults.local import LocalVault

STATEMENT = "derived-from.json"
NOTICE = (
    "Derived, and no evidence by itself: what it says points to sealed artifacts of the case and can be made again "
    "from them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A case as it stood when the document was made."""

    description: Mapping[str, object]
    events: Sequence[Told]
    state: State

    @property
    def case(self) -> str:
        """Return the case's id."""
        return self.state.case

    @property
    def namer(self) -> Namer:
        """Return what names things of this case; one without a UUID of its own has the digest of its description."""
        said = self.description.get("uuid")
        return Namer(said if isinstance(said, str) and said else self.state.case_sha256)

    @property
    def opened_at(self) -> datetime:
        """Return when the case was opened, as its log says."""
        return parse_instant(self.events[0].at)

    @property
    def custody_log(self) -> Mapping[str, object]:
        """Return the head of the log, which all of it follows from."""
        tree = self.state.tree
        return {"origin": self.state.origin, "size": tree.size, "root": tree.root().hex()}

    @property
    def acquisitions(self) -> list[Mapping[str, object]]:
        """Return every acquisition with its seal; None where there is none."""
        return [{"id": known.id, "seal": _seal(known)} for known in self.state.acquisitions.values()]

    @property
    def unsealed(self) -> tuple[str, ...]:
        """Return the acquisitions without a seal."""
        return tuple(known.id for known in self.state.acquisitions.values() if known.seal_sha256 is None)

    def text(self, *path: str) -> str:
        """Return what the description says at `path`, empty where it says nothing."""
        value: object = self.description
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else ""


def read_origin(vault: LocalVault) -> Origin:
    """Read where a case stands; a broken log raises."""
    description = read_description(vault)
    strict.field(description, "id", str)
    events, state = read_log(vault)
    return Origin(description=description, events=events, state=state)


def _seal(known: log.Acquisition) -> Mapping[str, str] | None:
    if known.seal_sha256 is None:
        return None
    return {"path": f"{known.bag}/{bag.SEAL}", "sha256": known.seal_sha256}


def derived_from(origin: Origin) -> dict[str, object]:
    """Return it as every statement and every sealed copy has it."""
    return {
        "madeBy": TOOL,
        "case": origin.case,
        "custodyLog": origin.custody_log,
        "acquisitions": origin.acquisitions,
    }
