"""Objects from a local S3 into a sealed bag, beside tools that only copy them.

Ours, and the SDKs' loops, run as processes of their own like the peers: what starting them costs is in the figures.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from measuring import Row, Run, peer, program, side_by_side
from s3_server import ACCOUNT, BUCKET

from evidence_kit.sandbox.serving import free_port

THREADS = 16
_SELF = str(Path(__file__))
_SERVER = str(Path(__file__).with_name("s3_server.py"))


@contextmanager
def serving(objects: int, size: int, latency: float) -> Iterator[dict[str, str]]:
    """Run the server beside us; yield the environment in which SDKs and tools see it and nothing else."""
    port = free_port()
    told = ["--objects", str(objects), "--size", str(size), "--latency", str(latency), "--port", str(port)]
    with subprocess.Popen([sys.executable, _SERVER, *told], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "not-a-secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_REGION": "us-east-1",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": "127.0.0.1",
            }
        finally:
            server.stdin.close()


def taking(base: Path, scale: float, peers: Path | None, rounds: int) -> list[Row]:
    """Compare for small objects, with and without latency, and for large ones."""
    small, large = max(20, round(5000 * scale)), max(2, round(20 * scale))
    rows = []
    for objects, size, latency in ((small, 20_000, 0.0), (small, 20_000, 0.03), (large, 64 << 20, 0.0)):
        after = f", {latency * 1000:.0f} ms a response" if latency else ""
        named = f"{size >> 20} MB" if size >= 1 << 20 else f"{size // 1000} KB"
        with serving(objects, size, latency) as environ:
            work = f"take {objects:,} objects of {named}{after}"
            rows += side_by_side(work, _runs(objects, environ, peers), base, rounds=rounds)
    return rows


def _runs(objects: int, environ: dict[str, str], peers: Path | None) -> dict[str, Run | str]:
    url = environ["AWS_ENDPOINT_URL"]
    script = [sys.executable, _SELF, "--objects", str(objects)]
    return {
        "evidence-kit: hash, sign, ledger, durable, seal": program(*script, "ours", environ=environ),
        "s5cmd cp: copies only": _counted(
            peer("s5cmd", peers, "--endpoint-url", url, "cp", f"s3://{BUCKET}/*", "./", environ=environ), objects
        ),
        "aws s3 sync: copies only": _counted(
            peer("aws", peers, "s3", "sync", "--only-show-errors", f"s3://{BUCKET}/", ".", environ=environ), objects
        ),
        f"boto3, {THREADS} threads: copies only": program(*script, "boto3", environ=environ),
        f"obstore, {THREADS} threads: copies only": program(*script, "obstore", environ=environ),
    }


def _counted(run: Run | str, objects: int) -> Run | str:
    """Return a run that fails if fewer files than objects came of it: nobody is fast by leaving something out."""
    if isinstance(run, str):
        return run

    def counted(folder: Path) -> None:
        run(folder)
        _require(sum(1 for path in folder.rglob("*") if path.is_file()), objects)

    return counted


def _require(found: int, objects: int) -> None:
    if found != objects:
        raise RuntimeError(f"{found} of {objects} objects were taken")


# -- in a process of its own ---------------------------------------------------------------------------------


def ours(folder: Path, objects: int) -> None:
    """Collect the bucket through the whole engine."""
    from support.casemaker import Case

    from evidence_kit.acquire.run import Engine
    from evidence_kit.acquire.scope import Order
    from evidence_kit.collectors.registry import build
    from evidence_kit.model.time import Window
    from evidence_kit.model.unit import Target
    from evidence_kit.sources.catalogue import choose, load_catalogue

    case = Case(folder / "case")
    case.open()
    vault, name = case.vault, "aws.s3.objects"
    target = Target(provider="aws", id=ACCOUNT, name="bench", regions=("us-east-1",))
    window = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    order = Order(sources=(name,), targets=(target,), window=window, params={"bucket": BUCKET})
    with vault.lock(), vault.working():
        engine = Engine(
            vault=vault,
            keeper=case.keeper_of(vault),
            collectors=build(choose((name,), load_catalogue())),
            now=lambda: datetime.now(UTC),
        )
        outcomes = engine.collect(order).outcomes
    pages = sum(outcome.pages for outcome in outcomes)
    _require(sum(outcome.artifacts for outcome in outcomes) - pages, objects)


def with_boto3(folder: Path, objects: int) -> None:
    """Copy each object with the SDK, in threads."""
    import boto3

    client = boto3.client("s3")
    listed = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in listed for item in page["Contents"]]

    def copy(number: int) -> None:
        body = client.get_object(Bucket=BUCKET, Key=keys[number])["Body"]
        with (folder / str(number)).open("wb") as out:
            for chunk in body.iter_chunks(1 << 20):
                out.write(chunk)

    with ThreadPoolExecutor(THREADS) as pool:
        _require(len(list(pool.map(copy, range(len(keys))))), objects)


def with_obstore(folder: Path, objects: int) -> None:
    """Copy each object with obstore, in threads."""
    import obstore
    from obstore.store import S3Store

    store = S3Store(BUCKET, client_options={"allow_http": True})
    keys = [item["path"] for page in obstore.list(store) for item in page]

    def copy(number: int) -> None:
        with (folder / str(number)).open("wb") as out:
            for chunk in obstore.get(store, keys[number]).stream(min_chunk_size=1 << 20):
                out.write(chunk)

    with ThreadPoolExecutor(THREADS) as pool:
        _require(len(list(pool.map(copy, range(len(keys))))), objects)


if __name__ == "__main__":
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--objects", type=int, required=True)
    said.add_argument("who", choices=["ours", "boto3", "obstore"])
    told = said.parse_args()
    {"ours": ours, "boto3": with_boto3, "obstore": with_obstore}[told.who](Path.cwd(), told.objects)
