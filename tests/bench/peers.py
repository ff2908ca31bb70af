"""Installs the programs to compare with: `python tests/bench/peers.py FOLDER`, each into an environment of its own.

They come from the package index that pip is set up for. rhash, hashdeep, sha256sum, openssl and jq are programs of
the operating system. One that cannot be installed is named, and later listed as missing.
"""

import subprocess
import sys
import venv
from pathlib import Path

PEERS = {
    "bagit": "bagit",
    "awscli": "awscli",
    "s5cmd": "s5cmd",
    "in-toto": "in-toto",
    "sigstore": "sigstore",
    "prowler": "prowler",
    "ventra": "ventra",
    "ray": "ray",
    "dask": "dask[distributed]",
}


def install(folder: Path, name: str) -> bool:
    """Install one; return whether that went well."""
    here = folder / name
    venv.create(here, with_pip=True)
    command = [here / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", PEERS[name]]
    return subprocess.run(command, check=False).returncode == 0


def main(folder: Path) -> int:
    """Install all; end with 1 if any could not be."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = [name for name in PEERS if not install(folder, name)]
    for name in failed:
        print(f"`{name}` could not be installed, and will be listed as missing", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/bench/peers.py FOLDER")
    sys.exit(main(Path(sys.argv[1])))
