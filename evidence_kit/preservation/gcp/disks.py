"""Snapshots of persistent disks of Compute Engine."""

import re

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_DISK = "/compute/v1/projects/{project}/zones/{zone}/disks/{disk}"
_SNAPSHOT = "/compute/v1/projects/{project}/global/snapshots/{name}"
_STANDINGS = {"READY": Standing.IN_FORCE, "FAILED": Standing.UNFIT}
_NO_LABEL = re.compile(r"[^a-z0-9_-]")
_MOST = 63  # characters of a label


class DiskSnapshot:
    """One disk, copied. The snapshot's name comes from the step, so that it is made once."""

    def __init__(self, unit: Unit) -> None:
        self._disk = unit.settings["disk"]

    def look(self, desk: WebDesk) -> State:
        """Return whether the snapshot of this step is there."""
        disk = desk.read("compute:disks.get", _DISK)
        if disk is None:
            return State(standing=Standing.UNFIT, said=f"there is no disk {self._disk}")
        would = f"would snapshot {self._disk}, {int(disk.get('sizeGb', 0)):,} GiB"
        made = desk.read("compute:snapshots.get", _SNAPSHOT)
        if made is None:
            said = f"{self._disk} has no snapshot of this step"
            return State(standing=Standing.MISSING, said=said, would=would)
        state = str(made.get("status", ""))
        thing = {
            "resource": self._disk,
            "id": desk.name,
            "kind": "disk snapshot",
            "number": str(made.get("id", "")),
            "token": desk.marks["token"],
        }
        return State(
            standing=_STANDINGS.get(state, Standing.PENDING),
            said=f"the snapshot {desk.name} of {self._disk} is {state}",
            would=would,
            things=(thing,),
        )

    def act(self, desk: WebDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Make the snapshot."""
        values = desk.values
        desk.write(
            "compute:snapshots.insert",
            "/compute/v1/projects/{project}/global/snapshots",
            {
                "name": desk.name,
                "sourceDisk": f"projects/{values['project']}/zones/{values['zone']}/disks/{self._disk}",
                "description": desk.note,
                "labels": {f"evidence-kit-{name}": _label(value) for name, value in desk.marks.items()},
            },
            done=lambda: self.look(desk).standing is not Standing.MISSING,
        )


def _label(value: str) -> str:
    """Return what of a value may stand in a label; the description has it whole."""
    return _NO_LABEL.sub("-", value.lower())[:_MOST]
