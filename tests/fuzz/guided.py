"""Fuzzes one decoder as its branches lead: `guided.py FAMILY DECODER RUNS`; needs atheris. An error is a finding."""

import contextlib
import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import atheris

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])


def main(family: str, name: str, runs: str) -> None:
    """Feed one decoder so many inputs, of which the seeds are the first."""
    with atheris.instrument_imports(include=["evidence_kit"]):
        module = import_module(f"fuzz.test_{family}")
    known = {one.name: one for one in (*module.DECODERS, *getattr(module, "UNSEEDED", ()))}
    decoder = known[name]

    def once(data: bytes) -> None:
        with contextlib.suppress(*decoder.refuses):
            decoder.call(data)

    with tempfile.TemporaryDirectory(prefix="evidence-kit-") as folder:
        for number, seed in enumerate(decoder.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        # libFuzzer asks `getrusage`, which begins with the peak of whoever started this program.
        most = 1024 + (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
        limits = ["-max_len=8192", f"-rss_limit_mb={most}", "-timeout=60", "-seed=1", "-verbosity=0"]
        atheris.Setup([sys.argv[0], f"-atheris_runs={runs}", *limits, f"-artifact_prefix={folder}/", folder], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
