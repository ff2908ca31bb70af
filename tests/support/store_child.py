"""A program that puts a case into a bucket once it is told to, so that it can be killed while it does."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path

import boto3  # noqa: F401 - loaded before the word is given
from support.casemaker import NOW, Case
from support.lab import from_pem

from evidence_kit.acquire.storing import Place, store
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.registry import open_bucket


def main(said: dict[str, str]) -> None:
    case = Case(Path(said["root"]), from_pem(said["signer"]), from_pem(said["log"]))
    lock = Lock(mode="COMPLIANCE", until=datetime.fromisoformat(said["until"]), hold=True)
    sys.stdin.readline()
    target, name = open_bucket(said["url"], lock, os.environ)
    place = Place(vault=target, at=name, lock=lock)
    store(case.vault, case.keeper, place, purpose="for the record", at=NOW)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
