"""Settings of AWS that keep evidence: versions in a bucket, the retention of a log group."""

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.aws.desk import AwsDesk
from evidence_kit.preservation.deed import Standing, State

# The only values that CloudWatch Logs takes.
_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


class BucketVersioning:
    """Versions, switched on: what is overwritten or deleted from then on can still be had."""

    def __init__(self, unit: Unit) -> None:
        self._bucket = unit.settings["bucket"]

    def look(self, desk: AwsDesk) -> State:
        """Return whether versions are kept."""
        answer = desk.read("s3:GetBucketVersioning", {"Bucket": self._bucket})
        status = str(answer.get("Status") or "never switched on")
        said = f"versioning of s3://{self._bucket} is {status}"
        would = f"would keep versions in s3://{self._bucket} from then on"
        if status != "Enabled":
            return State(standing=Standing.MISSING, said=said, would=would)
        thing = {"resource": f"s3://{self._bucket}", "id": self._bucket, "kind": "bucket versioning"}
        return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))

    def act(self, desk: AwsDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Switch versions on."""
        desk.write(
            "s3:PutBucketVersioning",
            {"Bucket": self._bucket, "VersioningConfiguration": {"Status": "Enabled"}},
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )


class LogRetention:
    """A log group's retention, made longer and never shorter. Without one, nothing ever expires."""

    def __init__(self, unit: Unit) -> None:
        self._group = unit.settings["log_group"]
        self._asked = int(unit.settings["days"])
        self._days = next((days for days in _DAYS if days >= self._asked), 0)

    def look(self, desk: AwsDesk) -> State:
        """Return how long the group keeps its events."""
        found = [
            group
            for page in desk.read_all(
                "logs:DescribeLogGroups", {"logGroupNamePrefix": self._group}, result="logGroups"
            )
            for group in page["logGroups"]
            if group.get("logGroupName") == self._group
        ]
        if not found:
            return State(standing=Standing.UNFIT, said=f"there is no log group `{self._group}`")
        if not self._days:
            return State(standing=Standing.UNFIT, said=f"CloudWatch Logs keeps no more than {_DAYS[-1]:,} days")
        kept = found[0].get("retentionInDays")
        said = f"`{self._group}` keeps its events {f'{int(kept):,} days' if kept else 'without end'}"
        would = f"would keep the events of `{self._group}` {self._days:,} days; now {said.partition('events ')[2]}"
        if kept is not None and int(kept) < self._asked:
            return State(standing=Standing.MISSING, said=said, would=would)
        thing = {"resource": self._group, "id": self._group, "kind": "log retention", "days": str(kept or "")}
        return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))

    def act(self, desk: AwsDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Set the longer retention."""
        desk.write(
            "logs:PutRetentionPolicy",
            {"logGroupName": self._group, "retentionInDays": self._days},
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )
