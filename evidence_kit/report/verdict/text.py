"""Text that evidence may have chosen, made harmless, and the place in the case that it names."""

import re
from dataclasses import dataclass
from urllib.parse import quote

# What `ascii` writes, which is how verification names files that are outside the safe alphabet.
_QUOTED = re.compile(r"(['\"])(.*)\1")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
_LINE = re.compile(r"(.+):([1-9][0-9]{0,8})")
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Place:
    """A file below the verified folder, by its real name, and a line in it if one is known."""

    path: str
    line: int | None = None


def visible(text: str) -> str:
    r"""Return `text` with every character escaped (`\n`, `\u202e`) that would not show as itself.

    What is left holds no line end, nothing that turns the reading order and nothing that XML 1.0 forbids.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def uri(path: str) -> str:
    """Return `path` percent-encoded byte for byte, also where its bytes are not UTF-8."""
    try:
        octets = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that no file name decodes to
        octets = path.encode("utf-8", "surrogatepass")
    return quote(octets, safe="/")


def place(subject: str) -> Place | None:
    """Return where in the case `subject` is, or None if it names something else: an option, an object in S3."""
    quoted = _unquoted(subject)
    matched = None if quoted is not None else _LINE.fullmatch(subject)
    path = matched[1] if matched else subject if quoted is None else quoted
    if "://" in path or path.startswith(("-", "/")) or ".." in path.split("/") or not path.strip("/."):
        return None
    return Place(path, int(matched[2]) if matched else None)


def _unquoted(subject: str) -> str | None:
    """Return the name that `ascii` turned into `subject`, or None if it did not."""
    if not (matched := _QUOTED.fullmatch(subject)):
        return None
    found = _ESCAPE.sub(_unescaped, matched[2])
    return found if ascii(found) == subject else None


def _unescaped(matched: re.Match[str]) -> str:
    code = matched[1] or matched[2] or matched[3]
    if code is None:
        return _LETTERS.get(matched[4], matched[4])
    return chr(int(code, 16)) if int(code, 16) <= _LAST else ""
