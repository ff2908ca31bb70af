"""Snapshots of RDS databases and clusters."""

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.aws.desk import AwsDesk
from evidence_kit.preservation.deed import Standing, State

_INSTANCES = frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"})
_CLUSTERS = frozenset({"DBClusterSnapshotNotFound", "DBClusterSnapshotNotFoundFault"})


class DatabaseSnapshot:
    """One database, copied. Its snapshot's name comes from the step, so that it is made once."""

    def __init__(self, unit: Unit) -> None:
        self._database = unit.settings["db_instance_id"]

    def look(self, desk: AwsDesk) -> State:
        """Return whether the snapshot of this step is there."""
        asked = {"DBInstanceIdentifier": self._database}
        (database,) = desk.read("rds:DescribeDBInstances", asked, result="DBInstances")["DBInstances"]
        if cluster := database.get("DBClusterIdentifier"):
            said = (
                f"{self._database} is a member of the cluster {cluster}, of which a snapshot is to be taken instead"
            )
            return State(standing=Standing.UNFIT, said=said)
        named = {"DBSnapshotIdentifier": desk.name}
        found = desk.read("rds:DescribeDBSnapshots", named, absent=_INSTANCES).get("DBSnapshots", [])
        states = [str(one.get("Status", "")) for one in found]
        return _state(self._database, desk, states, int(database.get("AllocatedStorage", 0)))

    def act(self, desk: AwsDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Make the snapshot."""
        desk.write(
            "rds:CreateDBSnapshot",
            {"DBInstanceIdentifier": self._database, "DBSnapshotIdentifier": desk.name, "Tags": desk.tags},
            done=lambda: self.look(desk).standing is not Standing.MISSING,
            result="DBSnapshot",
        )


class ClusterSnapshot:
    """One Aurora or Multi-AZ cluster, copied."""

    def __init__(self, unit: Unit) -> None:
        self._cluster = unit.settings["db_cluster_id"]

    def look(self, desk: AwsDesk) -> State:
        """Return whether the snapshot of this step is there."""
        asked = {"DBClusterIdentifier": self._cluster}
        (cluster,) = desk.read("rds:DescribeDBClusters", asked, result="DBClusters")["DBClusters"]
        named = {"DBClusterSnapshotIdentifier": desk.name}
        answer = desk.read("rds:DescribeDBClusterSnapshots", named, absent=_CLUSTERS)
        states = [str(one.get("Status", "")) for one in answer.get("DBClusterSnapshots", [])]
        return _state(self._cluster, desk, states, int(cluster.get("AllocatedStorage", 0)))

    def act(self, desk: AwsDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Make the snapshot."""
        desk.write(
            "rds:CreateDBClusterSnapshot",
            {"DBClusterIdentifier": self._cluster, "DBClusterSnapshotIdentifier": desk.name, "Tags": desk.tags},
            done=lambda: self.look(desk).standing is not Standing.MISSING,
            result="DBClusterSnapshot",
        )


def _state(database: str, desk: AwsDesk, states: list[str], size: int) -> State:
    would = f"would snapshot {database}, {size:,} GiB"
    if not states:
        return State(standing=Standing.MISSING, said=f"{database} has no snapshot of this step", would=would)
    thing = {
        "resource": database,
        "id": desk.name,
        "kind": "RDS snapshot",
        "state": states[0],
        "token": desk.marks["token"],
    }
    standing = {"available": Standing.IN_FORCE, "failed": Standing.UNFIT}.get(states[0], Standing.PENDING)
    said = f"the snapshot {desk.name} of {database} is {states[0]}"
    return State(standing=standing, said=said, would=would, things=(thing,))
