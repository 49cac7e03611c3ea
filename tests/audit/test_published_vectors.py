"""The published proofs of transparency-dev/merkle, good and broken."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from voicehive.audit.errors import ProofInvalid
from voicehive.audit.proofs import verify_consistency, verify_inclusion

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "rfc6962-vectors"
FILES = sorted(FOLDER.rglob("*.json"))

pytestmark = pytest.mark.skipif(not FILES, reason=f"the published vectors are not here: {FOLDER}")


def verify(vector: dict[str, Any]) -> None:
    proof = [decode(one) for one in vector["proof"] or []]
    if "leafIdx" in vector:
        index, size = vector["leafIdx"], vector["treeSize"]
        verify_inclusion(index, size, decode(vector["leafHash"]), proof, decode(vector["root"]))
    else:
        roots = decode(vector["root1"]), decode(vector["root2"])
        verify_consistency(vector["size1"], vector["size2"], *roots, proof)


def decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_published_proof_gets_its_expected_answer(file: Path) -> None:
    vector = json.loads(file.read_text())
    if vector["wantErr"]:
        with pytest.raises(ProofInvalid):
            verify(vector)
    else:
        verify(vector)


def test_there_are_good_and_broken_proofs_of_both_kinds() -> None:
    vectors = [json.loads(file.read_text()) for file in FILES]
    kinds = {("leafIdx" in vector, vector["wantErr"]) for vector in vectors}
    assert len(kinds) == 4
    assert len(vectors) >= 90
