"""The JSON Schema of playbooks, for editors, from the same table as the parser; `lint` knows more."""

from evidence_kit.model.grammar import schema_of
from evidence_kit.playbook.language import API_VERSION, PLAYBOOK

FILE = "playbook.schema.json"
_ID = f"https://evidence-kit.dev/schemas/playbook.{API_VERSION.partition('/')[2]}.json"


def schema() -> dict[str, object]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        "title": "evidence-kit playbook",
        **schema_of(PLAYBOOK),
    }
