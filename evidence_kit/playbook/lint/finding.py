"""What lint says: one finding a fault, with a place in the file, a rule and a way out."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: an `error` keeps a playbook from running."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. `line` and `column` count from 1; `snippet` is that line, `width` how much of it is meant."""

    file: str
    line: int
    column: int
    level: Level
    message: str
    rule: str
    hint: str = ""
    snippet: str = ""
    width: int = 1

    @property
    def headline(self) -> str:
        """Return it in one line, as compilers write it."""
        return f"{self.file}:{self.line}:{self.column}: {self.level}: {self.message} [{self.rule}]"

    @property
    def key(self) -> tuple[int, int, str, str]:
        """Return what findings are sorted and told apart by."""
        return self.line, self.column, self.rule, self.message
