"""Which delivered file a name in a partner's list means: lists are made elsewhere, with other roots and slashes."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.collectors.intake.sums import Claim


@dataclass(frozen=True, slots=True)
class Listed:
    """Every claim with the delivered file that it is about, or None where there is none."""

    claims: tuple[tuple[Claim, str | None], ...]

    def of(self) -> Mapping[str, list[Claim]]:
        """Return what is claimed of each delivered file."""
        found: dict[str, list[Claim]] = defaultdict(list)
        for claim, name in self.claims:
            if name is not None:
                found[name].append(claim)
        return found


@dataclass(slots=True)
class Names:
    """The names of all delivered files, and what each ends in."""

    exact: set[str]
    ends: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Index `names`."""
        listed = list(names)
        made = cls(set(listed))
        for name in listed:
            made.ends[_plain(name).rpartition("/")[2]].add(name)
        return made

    def find(self, said: str, beside: str = "") -> str | None:
        """Return the delivered file that `said` means; `beside` is the folder of the list, to which names relate."""
        plain = _plain(said)
        for candidate in (f"{beside}/{plain}" if beside else plain, plain, said):
            if candidate in self.exact:
                return candidate
        # The partner's list may begin further up or further down than what was delivered.
        fitting = [name for name in self.ends.get(plain.rpartition("/")[2], ()) if _agree(_plain(name), plain)]
        return fitting[0] if len(fitting) == 1 else None


def match(claims: Sequence[Claim], names: Names, folders: Mapping[str, str]) -> Listed:
    """Find every claim's file; `folders` says in which folder of the delivery each proof lies."""
    return Listed(tuple((claim, names.find(claim.name, folders.get(claim.proof, ""))) for claim in claims))


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    while text.startswith("./"):
        text = text[2:]
    return text


def _agree(delivered: str, listed: str) -> bool:
    """Say whether one path is the end of the other, at a slash."""
    return f"/{delivered}".endswith(f"/{listed}") or f"/{listed}".endswith(f"/{delivered}")
