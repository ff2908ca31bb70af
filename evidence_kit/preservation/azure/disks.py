"""Snapshots of managed disks of Azure."""

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_GROUP = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Compute"
_VERSION = {"api-version": "2024-03-02"}
_STANDINGS = {"Succeeded": Standing.IN_FORCE, "Failed": Standing.UNFIT, "Canceled": Standing.UNFIT}


class DiskSnapshot:
    """One disk, copied in whole into its own resource group. No network reaches the copy."""

    def __init__(self, unit: Unit) -> None:
        self._disk = unit.settings["disk"]

    def look(self, desk: WebDesk) -> State:
        """Return whether the snapshot of this step is there."""
        disk = desk.read("arm:GetDisk", f"{_GROUP}/disks/{{disk}}", _VERSION)
        if disk is None:
            return State(standing=Standing.UNFIT, said=f"there is no disk {self._disk}")
        size = int((disk.get("properties") or {}).get("diskSizeGB") or 0)
        would, detail = f"would snapshot {self._disk}, {size:,} GiB", {"location": str(disk.get("location", ""))}
        made = desk.read("arm:GetSnapshot", f"{_GROUP}/snapshots/{{name}}", _VERSION)
        if made is None:
            said = f"{self._disk} has no snapshot of this step"
            return State(standing=Standing.MISSING, said=said, would=would, detail=detail)
        state = str((made.get("properties") or {}).get("provisioningState", ""))
        thing = {
            "resource": self._disk,
            "id": str(made.get("id") or desk.name),
            "kind": "disk snapshot",
            "token": desk.marks["token"],
        }
        return State(
            standing=_STANDINGS.get(state, Standing.PENDING),
            said=f"the snapshot {desk.name} of {self._disk} is {state}",
            would=would,
            things=(thing,),
        )

    def act(self, desk: WebDesk, state: State) -> None:
        """Make the snapshot."""
        values = desk.values
        source = (
            f"/subscriptions/{values['subscription']}/resourceGroups/{values['resource_group']}"
            f"/providers/Microsoft.Compute/disks/{self._disk}"
        )
        desk.write(
            "arm:CreateSnapshot",
            f"{_GROUP}/snapshots/{{name}}",
            {
                "location": state.detail["location"],
                "tags": {f"evidence-kit:{name}": value for name, value in desk.marks.items()},
                "properties": {
                    "creationData": {"createOption": "Copy", "sourceResourceId": source},
                    "incremental": True,
                    "networkAccessPolicy": "DenyAll",
                    "publicNetworkAccess": "Disabled",
                },
            },
            method="PUT",
            params=_VERSION,
            done=lambda: self.look(desk).standing is not Standing.MISSING,
        )
