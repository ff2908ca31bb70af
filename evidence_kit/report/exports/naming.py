"""Names for things in a document: the same thing of the same case has the same UUID in every export."""

import uuid
from dataclasses import dataclass

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://evidence-kit.dev/exports/v1")


@dataclass(frozen=True, slots=True)
class Namer:
    """Makes UUIDs (version 5) of what a thing is and what it is called within one case."""

    case: str  # the case's own UUID

    def uuid(self, kind: str, *parts: str) -> str:
        """Return the UUID of a thing; lengths keep two lists of parts from ever reading alike."""
        said = "".join(f"{len(part)}:{part}" for part in (self.case, kind, *parts))
        return str(uuid.uuid5(_SPACE, said))
