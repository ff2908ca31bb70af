import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.casemaker import make_case

from evidence_kit.custody import bag, ledger, merkle, strict
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.verify import blocks, workers
from evidence_kit.custody.verify.workers import receive, send
from evidence_kit.errors import EvidenceKitError

MANY = blocks.LINES + 3


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    names = [f"{number:04}.log" for number in range(MANY)]
    return make_case(tmp_path_factory.mktemp("blocks") / "case", pages=0, names=names)


def of(case, name, limit):
    with case.vault.open(f"{case.bag}/{name}") as stream:
        return list(blocks.blocks(stream, limit))


@given(st.lists(st.binary(max_size=9)), st.integers(1, 12))
def test_blocks_are_what_is_there_and_end_where_lines_do(lines, limit):
    whole = b"\n".join(lines)
    found = list(blocks.blocks(io.BytesIO(whole), limit))
    assert whole.startswith(b"".join(found))
    too_long = any(len(line) > limit for line in whole.split(b"\n"))
    assert too_long or b"".join(found) == whole
    assert all(block.endswith(b"\n") for block in found[:-1])


def test_a_block_has_so_many_lines_and_no_more():
    found = list(blocks.blocks(io.BytesIO(b"x\n" * (2 * blocks.LINES + 1)), 9))
    assert [block.count(b"\n") for block in found] == [blocks.LINES, blocks.LINES, 1]


def test_long_lines_make_a_short_block():
    line = b"x" * (blocks.MAX_BLOCK // 2) + b"\n"
    found = list(blocks.blocks(io.BytesIO(line * 5), blocks.MAX_BLOCK))
    assert [block.count(b"\n") for block in found] == [2, 2, 1]


def test_a_line_without_end_is_not_read_to_its_end():
    stream = io.BytesIO(b"a\n" + b"x" * 1000)
    assert list(blocks.blocks(stream, 9)) == [b"a\n" + b"x" * 10]
    assert stream.tell() == 12


def test_files_are_confirmed_by_their_first_and_last_path_and_counted(case):
    first, second = of(case, bag.MANIFEST, bag.MAX_LINE)
    found = blocks.files(case.vault.digest, case.bag, first)
    assert found[2] == blocks.LINES
    assert found[1] < blocks.files(case.vault.digest, case.bag, second)[0]
    assert found[0] == first[66:].partition(b"\n")[0].decode()


def test_a_file_that_differs_is_not_confirmed(case):
    (block, _) = of(case, bag.MANIFEST, bag.MAX_LINE)
    other = block.replace(block[:64], hashlib.sha256(b"").hexdigest().encode(), 1)
    with pytest.raises(EvidenceKitError):
        blocks.files(case.vault.digest, case.bag, other)


def test_entries_tell_what_reading_them_one_by_one_does(case):
    first, second = of(case, bag.LEDGER, ledger.MAX_LINE)
    chain = Chain()
    expected = list(ledger.read(io.BytesIO(first + second), chain))
    before, head, told = blocks.entries(0, first)
    after, last, more = blocks.entries(blocks.LINES, second)
    assert (before, head, last) == (ledger.GENESIS, after, chain.head)
    for entry, said in zip(expected, [*told, *more], strict=True):
        if isinstance(said, bytes):
            artifact = entry.fields["artifact"]
            assert said == f"{artifact['path']}  {artifact['sha256']}\n".encode()
        else:
            assert said == (entry.kind, entry.fields)


@pytest.mark.parametrize("size", [0, blocks.LINES - 1, blocks.LINES + 1])
def test_entries_at_another_place_are_not_confirmed(case, size):
    _, second = of(case, bag.LEDGER, ledger.MAX_LINE)
    with pytest.raises(EvidenceKitError):
        blocks.entries(size, second)


def test_attestations_give_the_root_and_who_asks_for_each_what_they_are_about(case):
    first, _ = of(case, bag.ATTESTATIONS, strict.MAX_DOCUMENT)
    root = merkle.root_of([merkle.leaf_hash(line) for line in first.splitlines()])
    assert blocks.attestations(None, first) == (root, [])
    keys = [case.path(bag.ACQUISITION_KEYS).read_bytes()]
    _, lines = blocks.attestations(keys, first)
    listed = b"".join(of(case, bag.MANIFEST, bag.MAX_LINE))
    assert len(lines) == blocks.LINES
    assert all(line[-65:-1] + b"  " + line[:-67] + b"\n" in listed for line in lines)


def test_attestations_by_another_key_are_not_confirmed(case):
    first, _ = of(case, bag.ATTESTATIONS, strict.MAX_DOCUMENT)
    for pems in ([], [case.signer.public_key_pem], [b"no key"]):
        with pytest.raises(EvidenceKitError):
            blocks.attestations(pems, first)


@pytest.mark.parametrize("change", [lambda block: block[:-1], lambda block: block.partition(b"\n")[2]])
def test_a_block_that_is_not_full_has_no_root(case, change):
    first, _ = of(case, bag.ATTESTATIONS, strict.MAX_DOCUMENT)
    with pytest.raises(EvidenceKitError):
        blocks.attestations(None, change(first))


def served(case, *requests):
    asked, answers = io.BytesIO(), io.BytesIO()
    for request in requests:
        send(asked, request)
    asked.seek(0)
    blocks.serve(case.vault.digest, asked, answers)
    answers.seek(0)
    return list(iter(lambda: receive(answers), None))


def test_each_request_is_answered_in_turn_and_what_is_not_confirmed_by_none(case):
    files, rest = of(case, bag.MANIFEST, bag.MAX_LINE)
    entries, _ = of(case, bag.LEDGER, ledger.MAX_LINE)
    answers = served(
        case,
        (blocks.FILES, case.bag, files),
        (blocks.FILES, "bags/none", files),
        (blocks.FILES, case.bag, b"\xff"),
        (blocks.ENTRIES, 0, entries),
        (blocks.ENTRIES, 0, b""),
        (blocks.ATTESTATIONS, None, b"\n"),
        (blocks.FILES, case.bag, rest),
    )
    assert answers[0] == (True,)
    assert [answer[0] is not None for answer in answers[1:]] == [True, False, False, True, False, False, True]
    assert answers[1] == (blocks.files(case.vault.digest, case.bag, files),)
    assert answers[4] == (blocks.entries(0, entries),)


@pytest.mark.parametrize("cut", [1, 7, 8, 9, -1])
def test_half_an_answer_is_none(cut):
    stream = io.BytesIO()
    send(stream, ("x", b"y"))
    assert receive(io.BytesIO(stream.getvalue())) == ("x", b"y")
    assert receive(io.BytesIO(stream.getvalue()[:cut])) is None
    assert workers.receive(io.BytesIO()) is None
