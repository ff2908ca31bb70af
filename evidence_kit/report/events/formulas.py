"""What a spreadsheet would take for a formula, said once for every CSV; it never changes text that is none."""

# Some programs compute what begins with `|` or `%`, a wide sign counts as its narrow one, and a line end hides both.
_STARTS = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def defused(text: str) -> str:
    """Return text as it is, or with an apostrophe before it where a spreadsheet would compute it."""
    # Leading blanks hide a formula from us and not from every spreadsheet.
    return f"'{text}" if text.lstrip().startswith(_STARTS) or text.startswith(_STARTS) else text
