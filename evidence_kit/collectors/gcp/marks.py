"""What listed things say of themselves: that a feature is off there, or records only a sample. Described as data.

`settings.marks` of a source is a list of `{call, of, path, status, says, all}`: on its pages, each thing
that `path` finds is a finding; `of` counts what could have been found. The unit ends in `status` once there is one,
or with `all: true` only if every thing is one.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath

from evidence_kit.model.exchange import Closed, Remark
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding


class Marks:
    """Reads the pages of one unit."""

    def __init__(self, spec: SourceSpec) -> None:
        said = spec.settings.get("marks", [])
        self._marks: tuple[Mapping[str, Any], ...] = tuple(said) if isinstance(said, list) else ()
        self._seen: Counter[int] = Counter()
        self._found: Counter[int] = Counter()

    def read(self, name: str, body: bytes) -> Iterator[Remark]:
        """Yield a finding for each thing on a page that has a mark."""
        for number, mark in enumerate(self._marks):
            if mark["call"] != name:
                continue
            parsed = json.loads(body)
            self._seen[number] += len(jmespath.search(mark["of"], parsed) or [])
            for thing in jmespath.search(mark["path"], parsed) or []:
                self._found[number] += 1
                facts = {key: str(value)[:1000] for key, value in thing.items() if value is not None}
                yield Remark(finding=Finding(kind=mark["status"], message=str(mark["says"]), facts=facts))

    def closed(self) -> Iterator[Closed]:
        """Yield how the unit ends, if its marks decide that."""
        for number, mark in enumerate(self._marks):
            found, seen = self._found[number], self._seen[number]
            if found and (found == seen or not mark.get("all")):
                yield Closed(status=UnitStatus(mark["status"]), reason=f"{mark['says']} ({found} of {seen})")
                return
