"""Snapshots of EBS volumes: of all that an instance has, at one moment, or of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.aws.desk import AwsDesk
from evidence_kit.preservation.deed import Standing, State

_FAILED = frozenset({"error", "recoverable", "recovering"})
_MARK = "tag:evidence-kit:token"


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One snapshot that carries this step's token."""

    id: str
    volume: str
    state: str


class VolumeSnapshot:
    """One volume, copied."""

    def __init__(self, unit: Unit) -> None:
        self._volume = unit.settings["volume_id"]

    def look(self, desk: AwsDesk) -> State:
        """Return whether a snapshot with this step's token is there."""
        return _state(_sizes(desk, [self._volume]), _made(desk), self._volume, desk)

    def act(self, desk: AwsDesk, state: State) -> None:
        """Make the snapshot."""
        for volume in state.detail["missing"]:
            _snapshot(desk, volume)


class InstanceVolumes:
    """Every volume of an instance, copied at one moment."""

    def __init__(self, unit: Unit) -> None:
        self._instance = unit.settings["instance_id"]

    def look(self, desk: AwsDesk) -> State:
        """Return which volumes have a snapshot with this step's token."""
        answer = desk.read("ec2:DescribeInstances", {"InstanceIds": [self._instance]}, result="Reservations")
        volumes = [
            str(mapping["Ebs"]["VolumeId"])
            for reservation in answer["Reservations"]
            for instance in reservation.get("Instances", [])
            for mapping in instance.get("BlockDeviceMappings", [])
            if "Ebs" in mapping
        ]
        if not volumes:
            return State(standing=Standing.UNFIT, said=f"{self._instance} has no EBS volume attached")
        return _state(_sizes(desk, volumes), _made(desk), self._instance, desk)

    def act(self, desk: AwsDesk, state: State) -> None:
        """Copy all volumes in one request, so that the copies are of one moment; where some are there, the others."""
        if state.things:
            for volume in state.detail["missing"]:
                _snapshot(desk, volume)
            return
        desk.write(
            "ec2:CreateSnapshots",
            {
                "InstanceSpecification": {"InstanceId": self._instance},
                "Description": desk.note,
                "TagSpecifications": _tagged(desk),
            },
            done=lambda: bool(_made(desk)),
            result="Snapshots",
        )


def _snapshot(desk: AwsDesk, volume: str) -> None:
    desk.write(
        "ec2:CreateSnapshot",
        {"VolumeId": volume, "Description": desk.note, "TagSpecifications": _tagged(desk)},
        done=lambda: volume in _made(desk),
        result="SnapshotId",
    )


def _tagged(desk: AwsDesk) -> list[dict[str, Any]]:
    return [{"ResourceType": "snapshot", "Tags": desk.tags}]


def _sizes(desk: AwsDesk, volumes: Sequence[str]) -> Mapping[str, int]:
    """Return the size in GiB of each volume, 0 where it is not told; what an answer leaves out is still there."""
    found = dict.fromkeys(volumes, 0)
    for page in desk.read_all("ec2:DescribeVolumes", {"VolumeIds": list(volumes)}, result="Volumes"):
        told = {str(volume["VolumeId"]): int(volume.get("Size", 0)) for volume in page["Volumes"]}
        found |= {volume: size for volume, size in told.items() if volume in found}
    return found


def _made(desk: AwsDesk) -> Mapping[str, _Snapshot]:
    """Return the snapshot of each volume that carries this step's token; one that failed is none."""
    asked = {"OwnerIds": ["self"], "Filters": [{"Name": _MARK, "Values": [desk.marks["token"]]}]}
    found: dict[str, _Snapshot] = {}
    for page in desk.read_all("ec2:DescribeSnapshots", asked, result="Snapshots"):
        for one in page["Snapshots"]:
            snapshot = _Snapshot(str(one["SnapshotId"]), str(one["VolumeId"]), str(one["State"]))
            if snapshot.state not in _FAILED:
                found.setdefault(snapshot.volume, snapshot)
    return found


def _state(volumes: Mapping[str, int], made: Mapping[str, _Snapshot], resource: str, desk: AwsDesk) -> State:
    missing = [volume for volume in volumes if volume not in made]
    there = [made[volume] for volume in volumes if volume in made]
    open_ones = [one.id for one in there if one.state != "completed"]
    standing = Standing.MISSING if missing else Standing.PENDING if open_ones else Standing.IN_FORCE
    said = f"{len(there)} of {len(volumes)} volumes of {resource} have a snapshot of this step"
    if open_ones:
        said += f"; still being copied: {', '.join(open_ones)}"
    sizes = [volumes[volume] for volume in missing]
    size = f"{sum(sizes):,} GiB" if all(sizes) else "not all of whose sizes are told"
    plural = "s" if len(missing) > 1 else ""
    return State(
        standing=standing,
        said=said,
        would=f"would snapshot {len(missing)} volume{plural} of {resource}, {size}",
        things=tuple(
            {
                "resource": resource,
                "id": one.id,
                "volume": one.volume,
                "kind": "EBS snapshot",
                "token": desk.marks["token"],
            }
            for one in there
        ),
        detail={"missing": missing},
    )
