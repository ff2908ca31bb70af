"""A request as it arrived at a scripted partner."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `base` is the server's address, for links."""

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body, or an empty mapping where it is none."""
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            return {}

    def at(self, place: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Return what stands at a place as connectors name it: a parameter, a header, a field of the body."""
        if "query" in place:
            return self.query.get(place["query"])
        if "header" in place:
            return self.headers.get(str(place["header"]).lower())
        found: Any = self.json()
        for name in str(place["body"]).split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found
