"""Microsoft's own emulator of blob storage, where npm could install it (`npm ci --prefix tests/azurite`)."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence_kit.sandbox.serving import LOOPBACK, free_port

ACCOUNT = "devstoreaccount1"  # the one account that every emulator knows
_OURS = Path(__file__).resolve().parents[1] / "azurite" / "node_modules" / ".bin" / "azurite-blob"
_READY = "successfully listens"


def _find() -> str | None:
    if _OURS.exists() and shutil.which("node"):
        return str(_OURS)
    return shutil.which("azurite-blob")


BINARY = _find()
MISSING = "azurite-blob is not installed: npm ci --prefix tests/azurite"


@contextmanager
def azurite(folder: Path, *, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve blobs and yield `SCHEME://127.0.0.1:PORT`. With a certificate and its key, tokens open it too."""
    assert BINARY is not None
    port = free_port()
    command = [BINARY, "--blobHost", LOOPBACK, "--blobPort", str(port), "--location", str(folder)]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command += ["--oauth", "basic", "--cert", str(tls[0]), "--key", str(tls[1])] if tls else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said: list[str] = []
            for line in server.stdout:
                said.append(line)
                if _READY in line:
                    break
            else:
                raise AssertionError(f"azurite-blob ended: {''.join(said)[-2000:]}")
            yield f"{'https' if tls else 'http'}://{LOOPBACK}:{port}"
        finally:
            server.terminate()
