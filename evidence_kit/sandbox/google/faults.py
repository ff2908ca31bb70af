"""What can go wrong between a client and Google, as data."""

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "throttle", "status", "short", "html", "unauthenticated", "denied", "disabled", "vpc_sc", "token_loop",
    "duplicate", "expired_token", "reset",
]  # fmt: skip
DENIAL = "Qy3xW8-sandbox_perimeter"  # the unique id of what a perimeter refuses
HTML = b"<!doctype html><title>Sign in</title><p>Please accept the terms of this network."
_REFUSALS: dict[str, tuple[int, str, str, str]] = {
    "throttle": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for 'Read requests per minute'", "RATE_LIMIT_EXCEEDED"),
    "unauthenticated": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials", ""),
    "denied": (403, "PERMISSION_DENIED", "The caller does not have permission", "IAM_PERMISSION_DENIED"),
    "disabled": (403, "PERMISSION_DENIED", "The API has not been used before or is disabled", "SERVICE_DISABLED"),
    "vpc_sc": (
        403,
        "PERMISSION_DENIED",
        f"Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: {DENIAL}",
        "SECURITY_POLICY_VIOLATED",
    ),
    "expired_token": (400, "INVALID_ARGUMENT", "page_token has expired", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong: for paths that end in `path`, after `skip` requests, `times` times (None: for ever)."""

    kind: Kind
    path: str = ""
    skip: int = 0
    times: int | None = 1
    status: int = 503
    retry_after: str = ""


@dataclass(slots=True)
class _Pending:
    fault: Fault
    seen: int = 0


@dataclass(slots=True)
class Faults:
    """The faults that are still to happen; safe to use from many threads."""

    _pending: list[_Pending] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Let `fault` happen from now on."""
        with self._guard:
            self._pending.append(_Pending(fault))

    @property
    def unspent(self) -> tuple[Fault, ...]:
        """Return the faults that have not happened as often as asked."""
        with self._guard:
            return tuple(p.fault for p in self._pending if p.seen < p.fault.skip + (p.fault.times or 1))

    def take(self, path: str) -> Fault | None:
        """Return the fault that befalls this request, counting it as happened."""
        with self._guard:
            for pending in self._pending:
                fault = pending.fault
                spent = fault.times is not None and pending.seen >= fault.skip + fault.times
                if spent or not path.endswith(fault.path):
                    continue
                pending.seen += 1
                if pending.seen > fault.skip:
                    return fault
        return None


def refusal(code: int, status: str, message: str, reason: str = "") -> dict[str, Any]:
    """Return an error as Google's newer APIs write it."""
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    details = [{"@type": kind, "reason": reason, "domain": "googleapis.com"}] if reason else []
    return {"error": {"code": code, "message": message, "status": status, "details": details}}


def refused(fault: Fault) -> tuple[int, dict[str, Any]] | None:
    """Return the answer of a fault that is a refusal."""
    if fault.kind == "status":
        return fault.status, refusal(fault.status, "UNAVAILABLE", "The service is currently unavailable")
    if fault.kind not in _REFUSALS:
        return None
    code, status, message, reason = _REFUSALS[fault.kind]
    said = refusal(code, status, message, reason)
    if fault.kind == "vpc_sc":
        kind = "type.googleapis.com/google.rpc.PreconditionFailure"
        violation = {"type": "VPC_SERVICE_CONTROLS", "description": DENIAL}
        said["error"]["details"].append({"@type": kind, "violations": [violation]})
    return code, said
