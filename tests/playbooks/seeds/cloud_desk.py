"""What tests of playbooks in two clouds share: a clock, a notice that is shown, gaps and clocks."""

from dataclasses import dataclass, field
from datetime import timedelta

from support.lab import END, Clock
from support.playing import Table

from evidence_kit.notices.channels import Channel
from evidence_kit.notices.delivered import Delivered
from evidence_kit.notices.notice import Notice
from evidence_kit.notices.sending import send
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.playbook.run.record import Ended

AWARE = "2026-11-21T10:00:00Z"
YES = Reply(approved=True, reason="yes")
NO = Reply(approved=False, reason="not now")
_CHANNEL = Channel(name="bridge", kind="webhook", url="https://hooks.shop.example/ir")


def settled() -> Clock:
    """Return a clock at which every log has settled."""
    return Clock(END + timedelta(days=3))


@dataclass
class Told:
    """What would have been sent: every byte of it, and nothing leaves the machine."""

    shown: list[str] = field(default_factory=list)

    def take(self, name: str, notice: Notice) -> Delivered:
        """Show a notice instead of sending it."""
        assert name == "bridge"
        done = send(_CHANNEL, notice, dry=True, secret=lambda said: said, now=END)
        self.shown.append(done.shown.body.decode())
        return done


def gaps_of(ended: Ended) -> set[tuple[str, str, str]]:
    """Return what steps lack: the step, the kind, and the source of the unit, or the author's words."""
    return {
        (name, gap.kind, gap.unit.partition("|")[0] or gap.reason.partition(":")[0])
        for name, one in ended.results.items()
        for gap in one.gaps
    }


def clocks(table: Table) -> list[tuple[str, str]]:
    """Return the clocks that have started, each with its start."""
    return [(one["clock"]["id"], one["clock"]["startsAt"]) for one in table.events("clock.started")]
