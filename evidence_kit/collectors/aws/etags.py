"""What an ETag of S3 promises: of an object that was put in one piece and not under a key of KMS, its bytes' MD5.

Of all others it promises nothing that could be held against them, and nothing is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from evidence_kit.collectors.tap import BadBody

_MD5 = re.compile(r'"([0-9a-f]{32})"')  # of several parts there is a count behind it
_DIRECTORY = "--x-s3"  # how names of directory buckets end, whose ETags are no digests
_ENCRYPTION = "x-amz-server-side-encryption"
_PLAIN = ("", "AES256")  # encryption that leaves the ETag what it was


def promised(bucket: str, etag: str, headers: Mapping[str, str]) -> str:
    """Return the MD5 that an object's bytes have to have, or an empty text."""
    found = _MD5.fullmatch(etag)
    customers = any(name.startswith(f"{_ENCRYPTION}-customer") for name in headers)
    if found is None or customers or bucket.endswith(_DIRECTORY) or headers.get(_ENCRYPTION, "") not in _PLAIN:
        return ""
    return found[1]


def held(md5: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks; BadBody at their end if they are not what was promised, where anything was."""
    if not md5:
        yield from chunks
        return
    total = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        total.update(chunk)
        yield chunk
    if total.hexdigest() != md5:
        raise BadBody(f"bytes with the MD5 {total.hexdigest()} came as the object with the ETag {md5}")
