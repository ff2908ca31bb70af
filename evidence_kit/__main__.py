"""`python -m evidence_kit` and the console script."""

import sys

from evidence_kit.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
