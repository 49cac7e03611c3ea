import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.audit.logs import LOG_KEY, START, TENANT, WITNESS_KEY, Log, grow, plain_log
from voicehive.audit.checkpoints import cosigned_at, origin_of
from voicehive.audit.errors import CosignatureRefused, FileInvalid, NoteInvalid
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import consistency_path, join_subtrees
from voicehive.audit.proof_files import ConsistencyProof
from voicehive.audit.witness import Witness, with_cosignatures

LOG = plain_log(20)
ORIGIN = origin_of(LOG_KEY.name, TENANT)


def request(old: int, size: int, log: Log = LOG, key: SigningKey = LOG_KEY) -> ConsistencyProof:
    hashes = [join_subtrees([node.cut(log.nodes[node.last_leaf]) for node in place])
              for place in consistency_path(old, size)]  # fmt: skip
    return ConsistencyProof.parse(str(ConsistencyProof(old, tuple(hashes), log.head(size, key))))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(WITNESS_KEY, [LOG_KEY.verifying], tmp_path / "state" / "witness.json")


def test_a_log_that_grows_is_cosigned_each_time(witness: Witness) -> None:
    for day, (old, size) in enumerate([(0, 3), (3, 3), (3, 16), (16, 20)]):
        now = START + timedelta(days=day)
        asked = request(old, size)
        signed = with_cosignatures(asked.head, f"{witness.cosign(asked, now)}\n")
        assert cosigned_at(signed, WITNESS_KEY.verifying) == now
        assert witness.last_seen(ORIGIN).size == size


def test_a_log_that_was_rewritten_or_cut_is_refused_and_the_last_head_stays(witness: Witness) -> None:
    witness.cosign(request(0, 7), START)
    other = grow([LOG.leaves[0].replace('"n":0', '"n":1'), *LOG.leaves[1:]])
    for old, size in ((7, 20), (7, 7)):
        with pytest.raises(CosignatureRefused, match="not shown to continue the one of 7"):
            witness.cosign(request(old, size, other), START)
    with pytest.raises(CosignatureRefused, match="smaller"):
        witness.cosign(ConsistencyProof(7, (), LOG.head(5)), START)
    assert witness.last_seen(ORIGIN).root == LOG.trees[7].root()
    witness.cosign(request(7, 20), START)


@pytest.mark.parametrize("old", [0, 6, 8])
def test_a_proof_from_another_size_is_refused_and_the_right_one_named(witness: Witness, old: int) -> None:
    witness.cosign(request(0, 7), START)
    with pytest.raises(CosignatureRefused, match="--since 7"):
        witness.cosign(request(old, 20), START)


def test_a_broken_proof_is_refused(witness: Witness) -> None:
    witness.cosign(request(0, 7), START)
    whole = request(7, 20)
    for hashes in (whole.hashes[1:], whole.hashes[::-1], (*whole.hashes, whole.hashes[0]), ()):
        with pytest.raises(CosignatureRefused):
            witness.cosign(ConsistencyProof(7, hashes, whole.head), START)


def test_a_head_of_an_unknown_log_is_refused(witness: Witness) -> None:
    with pytest.raises(NoteInvalid, match="none of the keys"):
        witness.cosign(request(0, 3, key=SigningKey.generate(LOG_KEY.name)), START)
    with pytest.raises(NoteInvalid, match="none of the keys"):
        witness.cosign(request(0, 3, key=SigningKey.generate("example.com/other")), START)


def test_of_two_views_of_one_log_only_one_is_ever_cosigned(witness: Witness) -> None:
    views = [grow([leaf.replace('"n":', f'"view":{view},"n":') for leaf in LOG.leaves]) for view in range(8)]

    def ask(view: Log) -> bool:
        try:
            witness.cosign(request(0, 20, view), START)
        except CosignatureRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        cosigned = list(pool.map(ask, views))
    assert cosigned.count(True) == 1
    assert witness.last_seen(ORIGIN).root == views[cosigned.index(True)].trees[20].root()


@pytest.mark.parametrize("content", ["", "[]", '{"a":1}', "{"])
def test_a_state_that_cannot_be_read_is_never_taken_for_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "witness.json"
    path.write_text(content)
    with pytest.raises(FileInvalid, match="restore it"):
        Witness(WITNESS_KEY, [LOG_KEY.verifying], path).cosign(request(0, 3), START)


def test_the_state_is_on_disk_before_the_cosignature_is_given_out(tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    Witness(WITNESS_KEY, [LOG_KEY.verifying], path).cosign(request(0, 7), START)
    assert json.loads(path.read_text()) == {ORIGIN: LOG.head(7).text}
    with pytest.raises(CosignatureRefused):
        Witness(WITNESS_KEY, [LOG_KEY.verifying], path).cosign(request(0, 3), START)
