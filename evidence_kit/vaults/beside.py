"""Checks blocks of a large bag in a folder, which it can only read, beside whoever verifies it.

`python -m evidence_kit.vaults.beside ROOT` reads requests from stdin and writes an answer to each to stdout.
"""

import gc
import os
import sys
from pathlib import Path

from evidence_kit.custody.verify.blocks import serve
from evidence_kit.vaults.folder import LocalFolder


def main() -> None:
    """Serve until nobody asks any more."""
    gc.set_threshold(50_000)  # answers make no cycles
    try:
        serve(LocalFolder(Path(sys.argv[1])).digest, sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Whoever asked went away; there is nobody to tell, and nothing left to write when the interpreter ends.
        os._exit(1)


if __name__ == "__main__":
    main()
