"""Object Lock on every version below a prefix: a legal hold, or a retention that only ever ends later."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from evidence_kit.model.exchange import Stop
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.aws.desk import AwsDesk
from evidence_kit.preservation.deed import Standing, State

_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"})
_NOTHING = frozenset({"NoSuchObjectLockConfiguration"})
_MODES = ("GOVERNANCE", "COMPLIANCE")  # from the one that the right permission can lift to the one that nobody can
Version = Mapping[str, str]  # as the calls name it: Bucket, Key, VersionId


class _Locked(ABC):
    """What a legal hold and a retention have in common: they are put on each version below a prefix."""

    noun = ""

    def __init__(self, unit: Unit) -> None:
        self._bucket, self._prefix = unit.settings["bucket"], unit.settings.get("prefix", "")
        self._most = int(unit.settings["most"])

    def look(self, desk: AwsDesk) -> State:
        """Return which versions are kept already."""
        place = f"s3://{self._bucket}/{self._prefix}"
        answer = desk.read("s3:GetObjectLockConfiguration", {"Bucket": self._bucket}, absent=_NO_LOCK)
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            return State(standing=Standing.UNFIT, said=f"s3://{self._bucket} has no Object Lock")
        versions: list[tuple[Version, int]] = []
        for found in self._versions(desk):
            versions.append(found)
            if len(versions) > self._most:
                said = (
                    f"{place} has more than {self._most:,} versions; a longer prefix, or `most`, chooses among them"
                )
                return State(standing=Standing.UNFIT, said=said)
        if not versions:
            return State(standing=Standing.UNFIT, said=f"{place} holds no object")
        open_ones = [(version, size) for version, size in versions if not self.is_kept(desk, version)]
        kept, size = len(versions) - len(open_ones), sum(size for _, size in open_ones)
        thing = {"resource": place, "id": f"{kept} versions", "kind": self.noun, "versions": str(kept)}
        return State(
            standing=Standing.MISSING if open_ones else Standing.IN_FORCE,
            said=f"{kept:,} of {len(versions):,} versions in {place} are under {self.noun}",
            would=f"would put {len(open_ones):,} of {len(versions):,} versions in {place} ({size:,} bytes) under "
            + self.noun,
            things=(thing,) if kept else (),
            detail={"missing": [version for version, _ in open_ones]},
        )

    def act(self, desk: AwsDesk, state: State) -> None:
        """Keep each version that is not kept yet; one that is refused does not end the others."""
        for version in state.detail["missing"]:
            try:
                self.keep(desk, version)
            except Stop as stop:
                desk.refuse(f"s3://{self._bucket}/{version['Key']}@{version['VersionId']}", stop)

    @abstractmethod
    def is_kept(self, desk: AwsDesk, version: Version) -> bool:
        """Look whether a version is kept."""

    @abstractmethod
    def keep(self, desk: AwsDesk, version: Version) -> None:
        """Keep a version."""

    def _versions(self, desk: AwsDesk) -> Iterator[tuple[Version, int]]:
        """Yield every version with its size; a marker of a deletion holds nothing that could be kept."""
        asked = {"Bucket": self._bucket, "Prefix": self._prefix}
        for page in desk.read_all("s3:ListObjectVersions", asked):
            for one in page.get("Versions", []):
                version = {"Bucket": self._bucket, "Key": str(one["Key"]), "VersionId": str(one["VersionId"])}
                yield version, int(one.get("Size", 0))


class LegalHold(_Locked):
    """A legal hold: until somebody lifts it, a version cannot be deleted."""

    noun = "legal hold"

    def is_kept(self, desk: AwsDesk, version: Version) -> bool:
        """Look whether a hold is on a version."""
        answer = desk.read("s3:GetObjectLegalHold", version, absent=_NOTHING)
        return bool(answer.get("LegalHold", {}).get("Status") == "ON")

    def keep(self, desk: AwsDesk, version: Version) -> None:
        """Put the hold on."""
        asked = {**version, "LegalHold": {"Status": "ON"}}
        desk.write("s3:PutObjectLegalHold", asked, done=lambda: self.is_kept(desk, version))


class Retention(_Locked):
    """A retention until a date, of which neither date nor mode is ever weakened."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self._mode = unit.settings["mode"]
        self._until = parse_instant(unit.settings["until"])
        self.noun = f"{self._mode} retention until {rfc3339(self._until)}"

    def is_kept(self, desk: AwsDesk, version: Version) -> bool:
        """Look whether a version is kept at least so long, in at least this mode."""
        mode, until = self._standing(desk, version)
        return until is not None and until >= self._until and _MODES.index(mode) >= _MODES.index(self._mode)

    def keep(self, desk: AwsDesk, version: Version) -> None:
        """Set the later date, after a look: what is kept longer or more strictly than asked for stays so."""
        found, ends = self._standing(desk, version)
        mode = max(found, self._mode, key=_MODES.index)
        until = self._until if ends is None else max(ends, self._until)
        asked = {**version, "Retention": {"Mode": mode, "RetainUntilDate": until}}
        desk.write("s3:PutObjectRetention", asked, done=lambda: self.is_kept(desk, version))

    def _standing(self, desk: AwsDesk, version: Version) -> tuple[str, datetime | None]:
        """Return in which mode a version is kept, and until when if it is."""
        said: Mapping[str, Any] = desk.read("s3:GetObjectRetention", version, absent=_NOTHING).get("Retention", {})
        until, mode = said.get("RetainUntilDate"), str(said.get("Mode", ""))
        if mode not in _MODES or not isinstance(until, datetime):
            return _MODES[0], None
        return mode, until
