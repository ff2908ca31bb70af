"""Runs pytest as the author of a plug-in would: in a process of its own, beside examples/plugin."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "plugin"


def ends_of_tests(folder: Path, *arguments: str) -> dict[tuple[str, str], str]:
    """Return how each test ended, `passed`, `failed` or `skipped`, by class and name."""
    report = folder / "report.xml"
    path = os.pathsep.join([str(PLUGIN), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", "-W", "error"]
    ended = subprocess.run(
        [*command, f"--rootdir={folder}", f"--basetemp={folder / 'temp'}", f"--junitxml={report}", *arguments],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode in {0, 1}, ended.stdout + ended.stderr
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest wrote it a moment ago
    return {(case.get("classname", "").rpartition(".")[2], case.get("name", "")): _end(case) for case in cases}


def _end(case: ET.Element) -> str:
    tags = {child.tag for child in case}
    return "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
