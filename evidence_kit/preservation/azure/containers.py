"""Blob containers of Azure: a legal hold, or a retention that is not locked and only ever gets longer."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_ACCOUNT = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts"
_CONTAINER = f"{_ACCOUNT}/{{account}}/blobServices/default/containers/{{container}}"
_POLICY = f"{_CONTAINER}/immutabilityPolicies/default"
_VERSION = {"api-version": "2023-05-01"}
_TAG = 23  # characters at most


class ContainerHold:
    """A legal hold on a container, under a tag of its own: until somebody clears it, no blob changes or goes."""

    def __init__(self, unit: Unit) -> None:
        self._place = f"{unit.settings['account']}/{unit.settings['container']}"

    def look(self, desk: WebDesk) -> State:
        """Return whether the tag of this step is among those that hold the container."""
        found = desk.read("arm:GetContainer", _CONTAINER, _VERSION)
        if found is None:
            return State(standing=Standing.UNFIT, said=f"there is no container {self._place}")
        hold: Mapping[str, Any] = (found.get("properties") or {}).get("legalHold") or {}
        tags = [str(one.get("tag", "")) for one in hold.get("tags") or []]
        would = f"would put a legal hold on the container {self._place}"
        if _tag(desk) in tags:
            thing = {"resource": self._place, "id": _tag(desk), "kind": "legal hold", "token": desk.marks["token"]}
            said = f"{self._place} is under a legal hold, tag {_tag(desk)}"
            return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))
        appends = (hold.get("protectedAppendWritesHistory") or {}).get("allowProtectedAppendWritesAll")
        # A hold that is there decides whether logs may still be added to; the first one lets them.
        detail = {"appends": bool(appends) if tags else True}
        others = f"; others hold it: {', '.join(tags)}" if tags else ""
        said = f"{self._place} is under no legal hold of this step{others}"
        return State(standing=Standing.MISSING, said=said[:500], would=would, detail=detail)

    def act(self, desk: WebDesk, state: State) -> None:
        """Add the tag."""
        desk.write(
            "arm:SetLegalHold",
            f"{_CONTAINER}/setLegalHold",
            {"tags": [_tag(desk)], "allowProtectedAppendWritesAll": state.detail["appends"]},
            params=_VERSION,
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )


class ContainerRetention:
    """A container's immutability policy: created, or made longer where it is not locked."""

    def __init__(self, unit: Unit) -> None:
        self._place = f"{unit.settings['account']}/{unit.settings['container']}"
        self._days = int(unit.settings["days"])

    def look(self, desk: WebDesk) -> State:
        """Return how long the container keeps its blobs."""
        if desk.read("arm:GetContainer", _CONTAINER, _VERSION) is None:
            return State(standing=Standing.UNFIT, said=f"there is no container {self._place}")
        policy = desk.read("arm:GetImmutabilityPolicy", _POLICY, _VERSION) or {}
        said_of_it: Mapping[str, Any] = policy.get("properties") or {}
        kept = int(said_of_it.get("immutabilityPeriodSinceCreationInDays") or 0)
        said = f"{self._place} keeps its blobs {kept:,} days"
        would = f"would keep the blobs of {self._place} {self._days:,} days; now {kept:,}"
        if kept >= self._days:
            thing = {"resource": self._place, "id": self._place, "kind": "immutability policy", "days": str(kept)}
            return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))
        if str(said_of_it.get("state", "")) == "Locked":
            return State(standing=Standing.UNFIT, said=f"{said}, and is locked: its owner can extend it five times")
        if kept and said_of_it.get("allowProtectedAppendWrites") is True:
            # A property of its own beside `…All`, and neither goes with the other.
            lets = "and lets append blobs grow, which a longer period set by this action would take away"
            return State(standing=Standing.UNFIT, said=f"{said}, {lets}")
        appends = said_of_it.get("allowProtectedAppendWritesAll") if kept else True
        # Where there is no policy, the service answers with an empty one, on which nothing can be conditional.
        detail = {"etag": str(policy.get("etag") or "") if kept else "", "appends": bool(appends)}
        return State(standing=Standing.MISSING, said=said, would=would, detail=detail)

    def act(self, desk: WebDesk, state: State) -> None:
        """Set the longer period, on the policy that was looked at."""
        desk.write(
            "arm:PutImmutabilityPolicy",
            _POLICY,
            {
                "properties": {
                    "immutabilityPeriodSinceCreationInDays": self._days,
                    "allowProtectedAppendWritesAll": state.detail["appends"],
                }
            },
            method="PUT",
            params=_VERSION,
            headers={"If-Match": state.detail["etag"]} if state.detail["etag"] else {},
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )


def _tag(desk: WebDesk) -> str:
    return f"ek{desk.marks['token']}"[:_TAG]
