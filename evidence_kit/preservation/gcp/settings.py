"""Retention at Google, made longer and never shorter: of a bucket in Cloud Storage, of a bucket of Cloud Logging."""

from evidence_kit.model.unit import Unit
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.preservation.web import WebDesk

_DAY = 86_400
_USUAL = 30  # days, where a log bucket says nothing


class BucketRetention:
    """A bucket's retention policy. It is not locked: that would bind its owner for ever."""

    def __init__(self, unit: Unit) -> None:
        self._place = f"gs://{unit.settings['bucket']}"
        self._seconds = int(unit.settings["days"]) * _DAY

    def look(self, desk: WebDesk) -> State:
        """Return how long the bucket keeps its objects."""
        bucket = desk.read("storage:buckets.get", "/storage/v1/b/{bucket}")
        if bucket is None:
            return State(standing=Standing.UNFIT, said=f"there is no bucket {self._place}")
        policy = bucket.get("retentionPolicy") or {}
        kept = int(policy.get("retentionPeriod") or 0)
        said = f"{self._place} keeps its objects {kept / _DAY:g} days"
        would = f"would keep the objects of {self._place} {self._seconds // _DAY:,} days; now {kept / _DAY:g}"
        detail = {"metageneration": str(bucket.get("metageneration", ""))}
        if kept < self._seconds:
            return State(standing=Standing.MISSING, said=said, would=would, detail=detail)
        thing = {"resource": self._place, "id": self._place, "kind": "bucket retention", "seconds": str(kept)}
        return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))

    def act(self, desk: WebDesk, state: State) -> None:
        """Set the longer period, unless somebody has changed the bucket since the look."""
        desk.write(
            "storage:buckets.patch",
            "/storage/v1/b/{bucket}",
            {"retentionPolicy": {"retentionPeriod": str(self._seconds)}},
            method="PATCH",
            params={"ifMetagenerationMatch": state.detail["metageneration"]},
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )


class LogBucketRetention:
    """The retention of a bucket of Cloud Logging."""

    _path = "/v2/projects/{project}/locations/{location}/buckets/{bucket}"

    def __init__(self, unit: Unit) -> None:
        self._bucket = f"{unit.settings['location']}/{unit.settings['bucket']}"
        self._days = int(unit.settings["days"])

    def look(self, desk: WebDesk) -> State:
        """Return how long the bucket keeps its entries."""
        bucket = desk.read("logging:buckets.get", self._path)
        if bucket is None:
            return State(standing=Standing.UNFIT, said=f"there is no log bucket {self._bucket}")
        kept = int(bucket.get("retentionDays") or _USUAL)
        said = f"the log bucket {self._bucket} keeps its entries {kept:,} days"
        would = f"would keep the entries of {self._bucket} {self._days:,} days; now {kept:,}"
        if kept >= self._days:
            thing = {"resource": self._bucket, "id": self._bucket, "kind": "log retention", "days": str(kept)}
            return State(standing=Standing.IN_FORCE, said=said, would=would, things=(thing,))
        if bucket.get("locked") is True:
            return State(standing=Standing.UNFIT, said=f"{said}, and is locked")
        return State(standing=Standing.MISSING, said=said, would=would)

    def act(self, desk: WebDesk, state: State) -> None:  # noqa: ARG002 - there is one thing to do
        """Set the longer retention."""
        desk.write(
            "logging:buckets.patch",
            self._path,
            {"retentionDays": self._days},
            method="PATCH",
            params={"updateMask": "retentionDays"},
            done=lambda: self.look(desk).standing is Standing.IN_FORCE,
        )
