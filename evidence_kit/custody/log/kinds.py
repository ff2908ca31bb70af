"""The custody log's vocabulary: where it lies, what can be said in it, and in which role."""

from collections.abc import Mapping

CASE = "case.json"
LOG = "custody/log.jsonl"
CHECKPOINT = "custody/checkpoint"
CHECKPOINTS = "custody/checkpoints"  # retained: what was cosigned or time-stamped, by the size of the log then
TIMESTAMPS = "custody/timestamps"
RENEWALS = "custody/renewals"
RUNS = "custody/runs"  # of playbooks: each a folder with the playbook, the journal, and what people answered

OPENED = "case.opened"
STARTED, RESUMED, SEALED = (f"acquisition.{step}" for step in ("started", "resumed", "sealed"))
NOTE = "note"
REPAIRED = "log.repaired"
TIMESTAMPED = "timestamped"
RENEWED = "renewed"
COUNTERSIGNED = "seal.countersigned"
APPROVED = "approved"
ROTATED = "key.rotated"
OFFERED, ACCEPTED, REJECTED, WITHDRAWN = (
    f"transfer.{step}" for step in ("offered", "accepted", "rejected", "withdrawn")
)
HELD, RELEASED = "hold.placed", "hold.released"
DISPOSED = "disposed"
VERIFIED = "verified"
EXPORTED = "exported"
DISCLOSED = "disclosed"
DERIVED = "derived"
OVERRIDDEN = "agreement.overridden"
REQUESTED, RECEIVED = "evidence.requested", "evidence.received"
CLOCK_STARTED, CLOCK_MET = "clock.started", "clock.met"
PLAY_STARTED, PLAY_RESUMED, PLAY_STEP, PLAY_ANSWERED, PLAY_ENDED = (
    f"playbook.{step}" for step in ("started", "resumed", "step", "answered", "ended")
)

# Who may say what; anyone trusted may add a note.
_COLLECTOR = ("collector",)
_CUSTODIAN = ("custodian",)
_EITHER = ("collector", "custodian")
_ANYONE = ("collector", "custodian", "approver")
ROLES: Mapping[str, tuple[str, ...]] = {
    OPENED: _EITHER,
    STARTED: _COLLECTOR,
    RESUMED: _COLLECTOR,
    SEALED: _COLLECTOR,
    NOTE: _ANYONE,
    REPAIRED: _EITHER,
    TIMESTAMPED: _ANYONE,
    RENEWED: _EITHER,
    COUNTERSIGNED: _ANYONE,
    APPROVED: ("approver",),
    ROTATED: _ANYONE,
    OFFERED: _CUSTODIAN,
    ACCEPTED: _CUSTODIAN,
    REJECTED: _CUSTODIAN,
    WITHDRAWN: _CUSTODIAN,
    HELD: _ANYONE,
    RELEASED: ("custodian", "approver"),
    DISPOSED: _CUSTODIAN,
    VERIFIED: _ANYONE,
    EXPORTED: _EITHER,
    DISCLOSED: _EITHER,
    DERIVED: _EITHER,
    OVERRIDDEN: _COLLECTOR,
    REQUESTED: _COLLECTOR,
    RECEIVED: _COLLECTOR,
    CLOCK_STARTED: _ANYONE,
    CLOCK_MET: _ANYONE,
    PLAY_STARTED: _COLLECTOR,
    PLAY_RESUMED: _COLLECTOR,
    PLAY_STEP: _COLLECTOR,
    PLAY_ANSWERED: _COLLECTOR,  # who writes it down; whoever answered has signed the answer itself
    PLAY_ENDED: _COLLECTOR,
}
# What a trust policy can ask several people for, and the event that does it.
ACTIONS: Mapping[str, str] = {
    OFFERED: "transfer",
    RELEASED: "release",
    DISPOSED: "disposal",
    DISCLOSED: "disclosure",
    OVERRIDDEN: "override",
}
