"""What a disclosure package says to whoever has no evidence-kit: a recipe to read, and a script that follows it."""

from importlib.resources import files
from string import Template

from evidence_kit.custody import disclosure
from evidence_kit.custody.disclosure import Disclosed

_FOLDER = files("evidence_kit.report.disclosure")


def script() -> bytes:
    """Return `check.sh`, which shares no code with this program."""
    return (_FOLDER / disclosure.SCRIPT).read_bytes()


def readme(disclosed: Disclosed) -> bytes:
    """Return `README.txt`: what was disclosed, how to check it by hand, and what that does not prove."""
    text = Template((_FOLDER / disclosure.README).read_text(encoding="utf-8"))
    return text.substitute(
        case=_line(disclosed.case),
        name=_line(disclosed.name),
        keyid=disclosed.keyid,
        at=disclosed.at,
        recipient=_line(disclosed.to.recipient) or "not said",
        purpose=_line(disclosed.to.purpose) or "not said",
        authority=_line(disclosed.to.authority) or "not said",
        artifacts=f"{disclosed.artifacts:,}",
        redacted=f"{disclosed.redacted:,}",
        withheld=f"{disclosed.withheld:,}",
        bag=disclosed.bags[0].acquisition if disclosed.bags else "BAG",
    ).encode()


def _line(text: str) -> str:
    """Return what a person wrote on one line, without anything that a terminal obeys."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
