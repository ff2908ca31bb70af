"""`serve`: a child process that serves a case until it is told to stop."""

import http.client
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.errors import Exit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one case."""
    base = tmp_path_factory.mktemp("served")
    case_of(base / "one", {TRAIL: {"a.json.gz": trail([event(1)])}})
    return base


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_serves_until_it_is_interrupted_and_writes_nothing(folder, tmp_path) -> None:
    before = files(folder)
    command = [sys.executable, "-m", "evidence_kit", "serve", str(folder), "--work", str(tmp_path / "work")]
    environment = {**os.environ, "EVIDENCE_KIT_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as child:
        try:
            where = urlsplit(child.stdout.readline().strip())
            assert where.hostname == "127.0.0.1"
            connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
            for path in ("", "case/0/", "case/0/artifacts", "case/0/timeline"):
                connection.request("GET", where.path + path)
                answer = connection.getresponse()
                assert answer.status == 200
                assert b"one" in answer.read()
            connection.close()
        finally:
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=60)
    assert child.returncode == Exit.OK, said
    assert files(folder) == before
    assert "ended" in said


def test_what_is_no_folder_of_cases_or_can_be_reached_from_elsewhere_is_usage(run, folder, tmp_path) -> None:
    assert run("serve", tmp_path).code == Exit.USAGE
    assert run("serve", tmp_path / "nowhere").code == Exit.USAGE
    assert run("serve", folder, "--host", "0.0.0.0").code == Exit.USAGE  # noqa: S104 - must be refused
