"""What a rule says: a path, perhaps a character of the text there, and words; places are found later."""

from dataclasses import dataclass

from evidence_kit.model.document import Path


@dataclass(frozen=True, slots=True)
class Said:
    """One fault as a rule sees it. `at` is a character of the text at `path`, of which `width` are meant.

    `key` points at the key instead of the value.
    """

    path: Path
    rule: str
    message: str
    hint: str = ""
    key: bool = False
    text: str = ""
    at: int | None = None
    width: int = 1
