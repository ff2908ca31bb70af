"""How much memory this process has had at most, in KB.

`getrusage` will not do: what it reports outlives fork and exec, so a child begins with its parent's peak.
"""

from pathlib import Path


def peak() -> int:
    """Return the most that was resident at once since the program began, or since `forget`."""
    return _status("VmHWM")


def resident() -> int:
    """Return what is resident now."""
    return _status("VmRSS")


def forget() -> None:
    """Let the peak be what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
