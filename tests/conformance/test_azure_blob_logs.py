"""`azure.blob_logs` does what every collector must."""

import re
from dataclasses import replace

import pytest
from support.blobs import ARCHIVE, NSG, hours, log, stocked
from support.conformance_microsoft import MicrosoftConformance
from support.microsoft import WINDOW

pytestmark = pytest.mark.slow


class TestBlobLogs(MicrosoftConformance):
    source, path = "azure.blob.nsg_flow", "PT1H.json"
    evidence = "storage"

    def furnish(self, kiosk):
        self.blobs, (hour,) = stocked(kiosk), hours(WINDOW)
        self.blobs.page = 1
        bodies = {mac: f'{{"macAddress":"{mac}"}}\n'.encode() for mac in ("A1", "B2", "C3")}
        self.blobs.containers[ARCHIVE, NSG] = [log(hour, body=body, mac=mac) for mac, body in bodies.items()]
        return bodies.values()

    def clear(self, kiosk):
        self.blobs.containers[ARCHIVE, NSG] = []

    def turn(self, kiosk, fault):
        real = self.blobs.answer

        def answer(asked):
            reply = real(asked)
            return reply and replace(reply, body=re.sub(rb"<NextMarker>[0-9]*", b"<NextMarker>1", reply.body))

        self.blobs.answer = answer
