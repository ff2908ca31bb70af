"""`intake.files` does what every collector must, as far as files that lie there can go wrong."""

import json
from contextlib import contextmanager
from typing import ClassVar

from support.lab import END, catalogue

from evidence_kit.collectors.intake.delivery import Delivery
from evidence_kit.collectors.intake.files import IntakeFiles
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.testing import CollectorConformance
from evidence_kit.testing.provider import Answer, Provider
from evidence_kit.vaults.delivered import Deliveries

_ABSENT = "files that lie there are not asked for over a wire"


class _Counted:
    """Places whose files are counted as they are opened."""

    def __init__(self) -> None:
        self.opened: list[bytes] = []
        self._real = Deliveries({})

    def open(self, said):
        place = self._real.open(said)
        inner = place.open

        def counted(name):
            with inner(name) as stream:
                self.opened.append(stream.read())
            return inner(name)

        place.open = counted
        return place


class TestIntakeFiles(CollectorConformance):
    source = "intake.files"
    exempt: ClassVar = {
        **dict.fromkeys(("throttled", "unavailable", "short", "html", "dropped", "expired", "denied"), _ABSENT),
        "loop": _ABSENT,
        "empty": "a delivery of nothing is refused before anything is taken",
        "paging": "there are no pages",
        "retry_after": _ABSENT,
        "secrets": "files that lie there are read without a credential",
        "resume": "what an earlier run stored is read once more, to be held against the partner's proof",
    }

    def collector(self, source):
        return IntakeFiles(source, self._places)

    @contextmanager
    def provider(self, folder):
        self._places = _Counted()
        for number in range(5):
            (folder / f"{number}.json").write_text(json.dumps({"id": f"record-{number}"}))
        said = Delivery(
            paths=(str(folder),), delivered_by="dana", channel="sftp", delivered_at="2026-11-20T00:00:00Z"
        )
        yield Provider(
            source=catalogue()[self.source],
            target=Target(provider="intake", id="tenant-7"),
            window=Window(END.replace(day=1), END),
            truth=[f'"record-{number}"'.encode() for number in range(5)],
            answers=lambda: [Answer(body, evidence=True) for body in self._places.opened],
            strike=lambda _: None,
            params=said.to_params(),
        )
