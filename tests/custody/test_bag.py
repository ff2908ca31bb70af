import io
import subprocess
from collections import deque

import bagit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import bag, names
from evidence_kit.custody.bag import Listed
from evidence_kit.errors import DigestError

A, B = "a" * 64, "b" * 64
PATHS = st.text("Zaz09._=@+,-/", min_size=1, max_size=12).map(names.safe_path)
LISTS = st.dictionaries(PATHS, st.sampled_from([A, B]), max_size=12).map(
    lambda found: [Listed(path, digest) for path, digest in found.items()]
)


def read(text):
    return list(bag.read_manifest(io.BytesIO(text)))


@given(LISTS)
def test_a_manifest_reads_back_in_order(listed):
    assert read(b"".join(bag.manifest_lines(listed))) == sorted(listed)


@given(st.data())
def test_no_changed_byte_of_a_manifest_reads_as_the_same(data):
    listed = data.draw(LISTS.filter(bool))
    text = bytearray(b"".join(bag.manifest_lines(listed)))
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(text))
    except DigestError:
        return
    assert found != sorted(listed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{A}  a\n{A}  a\n", "line 2 repeats the line before it: a"),
        (f"{A}  a\n{B}  a\n", "line 2 repeats the line before it: a"),
        (f"{A}  b\n{A}  a\n", "line 2 is out of order: a"),
        (f"{A}  a\r\n", "line 1 is malformed"),
        (f"{A}  a", "line 1 is malformed"),
        (f"{A} a\n", "line 1 is malformed"),
        (f"{A} *a\n", "line 1 is malformed"),
        (f"{A}\n", "line 1 is malformed"),
        (f"{A}  \n", "line 1 is malformed"),
        ("\n", "line 1 is malformed"),
        (f"{A}  a\n\n", "line 2 is malformed"),
        (f"{A[:-1]}  a\n", "line 1 is malformed"),
        (f"{A}0  a\n", "line 1 is malformed"),
        (f"{A.upper()}  a\n", "line 1 is malformed"),
        (f"{'g' * 64}  a\n", "line 1 is malformed"),
        (f"{A}  /etc/passwd\n", "line 1 is malformed"),
        (f"{A}  data/../../x\n", "line 1 is malformed"),
        (f"{A}  a b\n", "line 1 is malformed"),
        (f"{A}  \u00fc\n", "line 1 is malformed"),
        (f"{A}  {'a/' * 3000}a\n", "line 1 is malformed"),
        (f"{A}  a\n" + "x" * 5000, "line 2 is malformed"),
    ],
)
def test_a_malformed_manifest_is_refused_with_its_line(text, said):
    with pytest.raises(DigestError) as caught:
        read(text.encode())
    assert said in caught.value.message


def test_an_empty_manifest_lists_nothing():
    assert read(b"") == []


def test_a_manifest_line_is_never_held_beyond_its_limit():
    class Endless(io.RawIOBase):
        def readline(self, size=-1):
            assert 0 < size <= bag.MAX_LINE + 1
            return b"x" * size

    with pytest.raises(DigestError, match="longer than"):
        deque(bag.read_manifest(Endless()), maxlen=0)


def test_values_of_bag_info_cannot_start_a_field_of_their_own():
    assert bag.bag_info({"A": "x\nB: y\r\n z", "C": ""}) == b"A: x B: y z\nC: \n"


def test_sha256sum_reads_our_manifest(small_case):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", bag.MANIFEST, bag.TAGMANIFEST],
        cwd=small_case.root / small_case.bag,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bagit_validates_our_bag(case):
    bagit.Bag(str(case.root / case.bag)).validate()
