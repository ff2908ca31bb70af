"""As many units run at once as the system lets the process open files for."""

import subprocess
import sys

import pytest

ASK = "import sys; from evidence_kit.acquire.dispatch import room; print(room(int(sys.argv[1])))"
LIMITED = 'ulimit -Sn "$1" && ulimit -Hn "$2" && shift 2 && exec "$@"'


@pytest.mark.parametrize(
    ("limits", "workers", "room"),
    [
        ((64, 64), 256, 1),
        ((256, 256), 256, 32),
        ((256, 4096), 256, 256),
        ((4096, 4096), 256, 256),
        ((256, 512), 8, 8),
    ],
)
def test_the_limit_is_raised_as_far_as_it_may_and_units_wait_for_the_rest(limits, workers, room) -> None:
    command = ["bash", "-c", LIMITED, "limited", *map(str, limits), sys.executable, "-c", ASK, str(workers)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(told.stdout) == room
