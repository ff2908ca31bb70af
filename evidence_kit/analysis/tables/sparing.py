"""What a process that is ours alone does not load, though it may be installed."""

import sys


def spare_numpy() -> None:
    """Keep numpy from being loaded, and pandas with it.

    pyarrow would have both say of every list whether it is one of theirs; they take half a second to load.
    """
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]
