"""GuardDuty's read side: detectors, findings and filters. Holds what it is given and changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import ge, gt, le, lt

from evidence_kit.model.time import parse_instant
from evidence_kit.sandbox.paging import page
from evidence_kit.sandbox.wire import Answer, Call, Params, Refusal

BATCH = 50  # the most that ListFindings returns and GetFindings accepts
BAD = "BadRequestException"
Finding = Mapping[str, object]
Place = tuple[str, str]

_IN = ("Eq", "Equals")
_NOT_IN = ("Neq", "NotEquals")
# Old and new member names of a Condition mean the same.
_ORDER = {
    "Gt": gt,
    "GreaterThan": gt,
    "Gte": ge,
    "GreaterThanOrEqual": ge,
    "Lt": lt,
    "LessThan": lt,
    "Lte": le,
    "LessThanOrEqual": le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """GuardDuty where it is enabled. `findings` have the member names of botocore's model."""

    id: str
    created_at: str
    findings: tuple[Finding, ...] = ()
    filters: tuple[str, ...] = ()


class GuardDuty:
    """The detectors by account and region; where there is none, GuardDuty is not enabled."""

    def __init__(self, detectors: Mapping[Place, Detector]) -> None:
        self._detectors = detectors

    @property
    def answers(self) -> dict[tuple[str, str], Answer]:
        """Return what this serves, for `Wire`."""
        return {
            ("guardduty", "ListDetectors"): self.list_detectors,
            ("guardduty", "GetDetector"): self.get_detector,
            ("guardduty", "ListFindings"): self.list_findings,
            ("guardduty", "GetFindings"): self.get_findings,
            ("guardduty", "ListFilters"): self.list_filters,
            ("guardduty", "GetFilter"): self.get_filter,
            ("guardduty", "ListPublishingDestinations"): self.list_nothing,
            ("guardduty", "ListMembers"): self.list_nothing,
        }

    def list_detectors(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer ListDetectors: one, or none where GuardDuty is off."""
        del params
        detector = self._detectors.get((call.account, call.region))
        return {"DetectorIds": [detector.id] if detector else []}

    def get_detector(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer GetDetector."""
        detector = self._detector(call, params)
        return {
            "CreatedAt": detector.created_at,
            "UpdatedAt": detector.created_at,
            "FindingPublishingFrequency": "FIFTEEN_MINUTES",
            "ServiceRole": (
                f"arn:aws:iam::{call.account}:role/aws-service-role/guardduty.amazonaws.com/"
                "AWSServiceRoleForAmazonGuardDuty"
            ),
            "Status": "ENABLED",
            "Tags": {},
            "Features": [{"Name": "CLOUD_TRAIL", "Status": "ENABLED"}],
        }

    def list_findings(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer ListFindings, archived ones included unless the criteria say otherwise."""
        fits = partial(matches, criterion=_criterion(params))
        ids = [finding["Id"] for finding in self._detector(call, params).findings if fits(finding)]
        return _paged("FindingIds", ids, call, params)

    def get_findings(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer GetFindings for at most fifty ids; an unknown id is left out, as AWS does."""
        wanted = params.get("FindingIds")
        ids = wanted if isinstance(wanted, list) else []
        if not 1 <= len(ids) <= BATCH:
            raise Refusal(BAD, f"The request is rejected because {len(ids)} finding ids are out of bounds.")
        known = {finding["Id"]: finding for finding in self._detector(call, params).findings}
        return {"Findings": [known[name] for name in ids if name in known]}

    def list_filters(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer ListFilters."""
        return _paged("FilterNames", self._detector(call, params).filters, call, params)

    def get_filter(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer GetFilter: every filter here archives what is of low severity."""
        name = params.get("FilterName")
        if name not in self._detector(call, params).filters:
            raise Refusal(BAD, "The request is rejected because the input filterName is invalid.")
        return {"Name": name, "Action": "ARCHIVE", "FindingCriteria": {"Criterion": {"severity": {"LessThan": 4}}}}

    def list_nothing(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer for what nobody set up: members, and places to publish to."""
        self._detector(call, params)
        return {"Members" if call.operation == "ListMembers" else "Destinations": []}

    def _detector(self, call: Call, params: Params) -> Detector:
        detector = self._detectors.get((call.account, call.region))
        if detector is None or detector.id != params.get("DetectorId"):
            raise Refusal(BAD, "The request is rejected because the input detectorId is not owned by the account.")
        return detector


def matches(finding: Finding, criterion: Mapping[str, Mapping[str, object]]) -> bool:
    """Say whether a finding fits all conditions; the keys are dotted paths of wire names."""
    return all(
        _holds(operator, operand, _value(finding, path))
        for path, condition in criterion.items()
        for operator, operand in condition.items()
    )


def _holds(operator: str, operand: object, value: object) -> bool:
    if operator in _IN or operator in _NOT_IN:
        listed = operand if isinstance(operand, list) else []
        return (_text(value) in {_text(item) for item in listed}) == (operator in _IN)
    if operator not in _ORDER:
        raise Refusal(BAD, f"The request is rejected because {operator} is not a condition.")
    return isinstance(value, int | float) and bool(_ORDER[operator](value, int(str(operand))))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(finding: Finding, path: str) -> object:
    value: object = finding
    for name in path.split("."):
        value = value.get(name[:1].upper() + name[1:]) if isinstance(value, Mapping) else None
    if path in {"updatedAt", "createdAt", "service.eventFirstSeen", "service.eventLastSeen"}:
        return round(parse_instant(str(value)).timestamp() * 1000)
    return value


def _criterion(params: Params) -> Mapping[str, Mapping[str, object]]:
    criteria = params.get("FindingCriteria")
    criterion = criteria.get("Criterion") if isinstance(criteria, Mapping) else None
    return criterion if isinstance(criterion, Mapping) else {}


def _paged(member: str, items: Sequence[object], call: Call, params: Params) -> Mapping[str, object]:
    size = int(str(params.get("MaxResults", BATCH)))
    if not 1 <= size <= BATCH:
        raise Refusal(BAD, "The request is rejected because maxResults is out of bounds.")
    chosen, token = page(items, call=call, params=params, size=size, bad_token=BAD)
    # GuardDuty ends its lists with an empty token and not with none.
    return {member: list(chosen), "NextToken": token or ""}


def finding_ids(detectors: Iterable[tuple[Place, Detector]]) -> dict[Place, frozenset[str]]:
    """Return the ids of all findings by account and region."""
    return {place: frozenset(str(f["Id"]) for f in detector.findings) for place, detector in detectors}
