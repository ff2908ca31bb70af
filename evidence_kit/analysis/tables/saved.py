"""Questions that come with the kit, one file of SQL each; `--param` fills in their `$names`."""

from importlib.resources import files

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean


def saved() -> dict[str, str]:
    """Return every shipped question by name."""
    folder = files("evidence_kit.analysis.tables") / "questions"
    return {
        item.name.removesuffix(".sql"): item.read_text("utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".sql")
    }


def saved_sql(name: str) -> str:
    """Return the SQL of a shipped question; UsageError names the others."""
    known = saved()
    if name not in known:
        raise UsageError(f"there is no saved question `{name}`", hint=did_you_mean(name, known))
    return known[name]
