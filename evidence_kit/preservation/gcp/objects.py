"""Holds on every generation of every object below a prefix in Cloud Storage."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.collectors.web.paging import Paging
from evidence_kit.model.exchange import Stop
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_OBJECTS = "/storage/v1/b/{bucket}/o"
_FIELDS = {"temporary": "temporaryHold", "event-based": "eventBasedHold"}


class ObjectHold:
    """A hold: until somebody lifts it, an object can be neither deleted nor replaced."""

    def __init__(self, unit: Unit) -> None:
        self._kind = unit.settings["hold"]
        self._field = _FIELDS[self._kind]
        self._place = f"gs://{unit.settings['bucket']}/{unit.settings.get('prefix', '')}"
        self._prefix, self._most = unit.settings.get("prefix", ""), int(unit.settings["most"])

    def look(self, desk: WebDesk) -> State:
        """Return which objects are held already."""
        found: list[Mapping[str, Any]] = []
        asked = {"versions": "true", "maxResults": 1000} | ({"prefix": self._prefix} if self._prefix else {})
        for page in desk.read_all("storage:objects.list", _OBJECTS, asked, Paging(next="nextPageToken")):
            found += page.get("items", [])
            if len(found) > self._most:
                said = f"{self._place} has more than {self._most:,} objects; a longer prefix, or `most`, chooses"
                return State(standing=Standing.UNFIT, said=said)
        if not found:
            return State(standing=Standing.UNFIT, said=f"{self._place} holds no object")
        missing = [one for one in found if one.get(self._field) is not True]
        kept, size = len(found) - len(missing), sum(int(one.get("size", 0)) for one in missing)
        noun = f"{self._kind} hold"
        thing = {"resource": self._place, "id": f"{kept} objects", "kind": noun, "objects": str(kept)}
        return State(
            standing=Standing.MISSING if missing else Standing.IN_FORCE,
            said=f"{kept:,} of {len(found):,} objects in {self._place} are under a {noun}",
            would=f"would put {len(missing):,} of {len(found):,} objects in {self._place} ({size:,} bytes) under a "
            + noun,
            things=(thing,) if kept else (),
            detail={"missing": [(str(one.get("name", "")), str(one.get("generation", ""))) for one in missing]},
        )

    def act(self, desk: WebDesk, state: State) -> None:
        """Hold each object that is not held yet; one that is refused does not end the others."""
        for name, generation in state.detail["missing"]:
            try:
                self._hold(desk, name, generation)
            except Stop as stop:
                desk.refuse(f"{self._place.partition('/')[0]}//{desk.values['bucket']}/{name}#{generation}", stop)

    def _hold(self, desk: WebDesk, name: str, generation: str) -> None:
        at, slots = "/storage/v1/b/{bucket}/o/{object}", {"object": name}

        def is_held() -> bool:
            said = desk.read("storage:objects.get", at, {"generation": generation}, slots=slots)
            return said is not None and said.get(self._field) is True

        desk.write(
            "storage:objects.patch",
            at,
            {self._field: True},
            method="PATCH",
            params={"generation": generation},
            slots=slots,
            done=is_held,
        )
